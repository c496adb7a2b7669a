"""Images that stay in memory from the pass over all of them, so that none is decoded a second time."""

from __future__ import annotations

import threading

from nrgan.frames.opened import Decoded


class KeptFrames:
    """Decoded images by their position in the pass: all of them, or every 2nd, 4th, … where they exceed `most_bytes`.

    What is kept stands for all images when they are looked at, and so is evenly spread over them or nothing.

    Which ones does not depend on the order in which they come. Threads may add to it side by side.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._stride = 1
        self._images: dict[int, Decoded] = {}
        self._lock = threading.Lock()

    def add(self, position: int, decoded: Decoded) -> None:
        with self._lock:
            if position % self._stride:
                return
            self._images[position] = decoded
            self._taken += decoded.pixels.nbytes
            while self._taken > self._most and self._images:
                self._thin_out()

    def _thin_out(self) -> None:
        self._stride *= 2
        for position in [position for position in self._images if position % self._stride or self._most == 0]:
            self._taken -= self._images.pop(position).pixels.nbytes
        if self._taken > self._most and set(self._images) == {0}:
            self._images.clear()
            self._taken = 0

    def keep_none(self) -> None:
        """Lets go of all, and keeps none from now on: of an image that is too large to be given, none stands for it."""
        with self._lock:
            self._most = self._taken = 0
            self._images.clear()

    def images(self) -> dict[int, Decoded]:
        """Those that are kept, by position."""
        return {position: self._images[position] for position in sorted(self._images)}
