"""Images that stay in memory from the pass over all of them, so that none is decoded a second time."""

from __future__ import annotations

import threading

from nrgan.frames.pixels import Decoded


class KeptFrames:
    """Decoded images by their position in the pass; all of them, or none where they exceed `most_bytes`.

    Threads may add to it side by side.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._images: dict[int, Decoded] = {}
        self._lock = threading.Lock()

    def add(self, position: int, decoded: Decoded) -> None:
        with self._lock:
            self._left -= decoded.pixels.nbytes
            if self._left < 0:
                self._images.clear()
            else:
                self._images[position] = decoded

    def in_order(self) -> list[Decoded] | None:
        """The images that were added, in the order of their positions; None where they were too large."""
        return None if self._left < 0 else [self._images[position] for position in sorted(self._images)]
