"""What people ask for of the images in their files: names for axes, some of the frames, some of the channels."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.opened import COLUMNS, ROWS, WITHIN, Opened

_AXES = re.compile(r"[A-Z]{2,8}")
_PART = re.compile(r"([A-Z])=(\d{1,9})?(?:(:)(\d{1,9})?(?::(\d{1,9}))?)?")
_NUMBERS = re.compile(r"(\d{1,4})?(?:(:)(\d{1,4})?)?")


@dataclass(frozen=True)
class Wanted:
    """Which part of the files is meant; None: all of it, and the axes as the files name them.

    axes: a letter for each axis of an array, in its order, such as TZYX (see `opened`). frames: numbers along axes that
    count images, from 0, such as T=0:50,Z=3 (from 0 to 49, and the fourth). channels: numbers from 0, or names, such
    as 0,2 or DAPI. Raises `UserError` where one of them cannot be.
    """

    axes: str | None = None
    frames: str | None = None
    channels: str | None = None

    def __post_init__(self) -> None:
        axes = self.axes
        if axes is not None and not (
            _AXES.fullmatch(axes) and len(set(axes)) == len(axes) and {ROWS, COLUMNS} <= set(axes)
        ):
            raise UserError(
                f"<axes> {axes}: give a letter for each axis, in the array's order, among them Y (rows) and X "
                "(columns), as in TZYX or NYXC"
            )
        if self.frames is not None:
            _slices(self.frames)

    def numbers(self, opened: Opened) -> npt.NDArray[np.int64]:
        """Which of a file's images are asked for; raises `UserError` where it has no such axis, or none is left."""
        if self.frames is None:
            return np.arange(opened.count)
        lengths = dict(opened.axes)
        asked = _slices(self.frames)
        if unknown := [axis for axis in asked if axis not in lengths]:
            has = ", ".join(f"{axis} ({length})" for axis, length in opened.axes) or "none"
            raise UserError(f"<frames> {self.frames}: there is no axis {unknown[0]}; axes that count images: {has}")
        chosen = [np.arange(length)[asked.get(axis, slice(None))] for axis, length in opened.axes]
        for (axis, length), numbers in zip(opened.axes, chosen, strict=True):
            if not len(numbers):
                raise UserError(f"<frames> {self.frames}: {axis} has {length}, numbered from 0; none of them is left")
        if not chosen:
            return np.arange(opened.count)
        return np.ravel_multi_index(np.ix_(*chosen), [length for _, length in opened.axes]).ravel()

    def channel_numbers(self, channels: int, names: tuple[str, ...] = ()) -> list[int] | None:
        """Which channels are asked for, in that order; None: all. Raises `UserError` where there is no such one."""
        if self.channels is None:
            return None
        found: list[int] = []
        for text in (part.strip() for part in self.channels.split(",")):
            numbers = _NUMBERS.fullmatch(text)
            if text in names:
                found.append(names.index(text))
            elif text and numbers is not None:
                first, last = int(numbers[1] or 0), int(numbers[3] or channels) if numbers[2] else int(text) + 1
                found += range(first, last)
            else:
                found.append(channels)
        if not found or max(found) >= channels or len(set(found)) < len(found):
            has = f"{channels}, numbered from 0" + (f", called {', '.join(names)}" if names else "")
            raise UserError(f"<image_channels> {self.channels}: give numbers of channels, each once; there are {has}")
        return found


EVERYTHING = Wanted()


def _slices(text: str) -> dict[str, slice]:
    """Of T=0:50,Z=3; raises `UserError`."""
    found: dict[str, slice] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or match[1] in found or match[1] in WITHIN or not (match[2] or match[3]):
            raise UserError(
                f"<frames> {text}: give numbers along axes that count images, each axis once, as in T=0:50,Z=3"
            )
        axis, first, colon, last, step = match.groups()
        start = int(first or 0)
        stop = int(last) if last else None
        found[axis] = slice(start, stop, max(1, int(step or 1))) if colon else slice(start, start + 1)
    return found


def scenes(opened: Opened, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number for each image's scene: images that differ in repeats alone have the same one."""
    lengths = [length for _, length in opened.axes]
    repeated = [axis in opened.about.repeats for axis, _ in opened.axes]
    if not any(repeated):
        return numbers
    places = np.unravel_index(numbers, lengths)
    kept = [(place, length) for place, length, skip in zip(places, lengths, repeated, strict=True) if not skip]
    if not kept:
        return np.zeros_like(numbers)
    return np.ravel_multi_index([place for place, _ in kept], [length for _, length in kept])
