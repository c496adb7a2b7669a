"""Squares to train on, cut from images of any size."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from nrgan.errors import UserError
from nrgan.frames.frame import Frame, Pixels
from nrgan.frames.frame_set import FrameSet
from nrgan.frames.gaps import filled, missing_share
from nrgan.frames.opened import Region
from nrgan.frames.survey import images_of
from nrgan.limits import LARGEST_SIDE, SIDE_STEP, SMALLEST_SIDE, FitName, trainable

_NAMED = 5
_MOST_MISSING = 1 / 16
"""Share of a square's pixels that may be without a value."""
_WOULD_DO = "give <image_size> and <fit> crop, resize or tiles"


@dataclass(frozen=True)
class Fit:
    """How images become squares of `size` pixels (a multiple of 8 from 16 to 256; None: they are such squares).

    crop: the square in the middle. resize: the largest square in the middle, brought to size by averaging areas
    (enlarged linearly where it is smaller). tiles: squares that cover the image, see `tile_starts`.
    """

    size: int | None = None
    how: FitName = "crop"

    def __post_init__(self) -> None:
        if self.how not in get_args(FitName):
            raise UserError(f"<fit> {self.how}: is unknown; it can be {', '.join(get_args(FitName))}")
        if self.size is not None and not trainable(self.size):
            raise UserError(
                f"<image_size> {self.size}: must be a multiple of {SIDE_STEP} from {SMALLEST_SIDE} to {LARGEST_SIDE}"
            )


@lru_cache(maxsize=64)
def tile_starts(length: int, size: int) -> tuple[int, ...]:
    """Where the tiles along a side of `length` pixels begin: the fewest that cover it, spread evenly.

    Neighbours share at most half of their pixels, save on a side shorter than 1½ sizes: there its two tiles must
    share more.
    """
    count = math.ceil(length / size)
    return tuple(round(i * (length - size) / max(count - 1, 1)) for i in range(count))


@dataclass(frozen=True)
class PatchPlace:
    """Where a patch comes from.

    frame: the number of its image. top, left: the sensor's row and column of its top left corner.
    scale: pixels of the sensor along a side of one of the patch's: 1, save for `resize`.
    """

    frame: int
    top: int
    left: int
    scale: float = 1.0


@dataclass(frozen=True)
class _Window:
    """A square of an image."""

    top: int
    left: int
    side: int

    @property
    def region(self) -> Region:
        return Region(self.top, self.left, self.side, self.side)


@dataclass(frozen=True)
class _Read:
    """Pixels of an image that were read, and where in the image they begin."""

    frame: Frame
    top: int
    left: int

    def holds(self, frame: int, window: _Window) -> bool:
        rows, columns = self.frame.pixels.shape[:2]
        inside = (
            0 <= window.top - self.top <= rows - window.side and 0 <= window.left - self.left <= columns - window.side
        )
        return self.frame.index == frame and inside


class Patches:
    """The training squares of a set of images: (size, size, channels) in the set's type, by number.

    Squares of which more than a sixteenth has no value are left out; smaller gaps are filled (see `gaps.filled`).
    Tiles of an image follow each other, and what was read last is kept, in each thread: reading in order decodes every
    image once, or, where a format gives regions by themselves, every band of tiles.
    """

    def __init__(self, frames: FrameSet, fit: Fit) -> None:
        self.frames = frames
        self.fit = fit
        self.size = fit.size if fit.size is not None else _common_size(frames)
        if fit.how != "resize":
            _check_large_enough(frames, self.size)
        counts = np.ones(len(frames), np.int64)
        if fit.how == "tiles":
            counts = np.prod(-(-frames.sizes.astype(np.int64) // self.size), axis=1)
        self._whole = {index: self._without_gaps(index, int(counts[index])) for index in frames.gaps}
        for index, numbers in self._whole.items():
            counts[index] = len(numbers)
        self._ends = np.cumsum(counts)
        if not len(self):
            raise UserError(f"{frames.path}: every square of {self.size} pixels has too many pixels without a value")
        self.notes = self._notes()
        self._last = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_last"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._last = threading.local()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def _without_gaps(self, frame: int, count: int) -> npt.NDArray[np.int64]:
        """The numbers of an image's squares that have enough values."""
        cells, numbers = self.frames.gaps[frame], range(count)
        windows = (self._window(frame, number) for number in numbers)
        good = [missing_share(cells, w.top, w.left, w.side) <= _MOST_MISSING for w in windows]
        return np.flatnonzero(good)

    def _window(self, frame: int, number: int) -> _Window:
        height, width = (int(side) for side in self.frames.sizes[frame])
        return _WINDOWS[self.fit.how](height, width, self.size, number)

    def _found(self, index: int) -> tuple[int, _Window]:
        """The number of the image that patch `index` is of, and the square of it."""
        if not 0 <= index < len(self):
            raise IndexError(f"patch {index} of {len(self)}")
        frame = int(np.searchsorted(self._ends, index, "right"))
        number = index - (int(self._ends[frame - 1]) if frame else 0)
        if frame in self._whole:
            number = int(self._whole[frame][number])
        return frame, self._window(frame, number)

    def place(self, index: int) -> PatchPlace:
        """Where patch `index` lies; known without reading it."""
        frame, window = self._found(index)
        corner = self.frames.place(frame)
        return PatchPlace(frame, corner.top + window.top, corner.left + window.left, window.side / self.size)

    def in_memory(self) -> npt.NDArray[np.int64]:
        """The numbers of the patches of images that are kept in memory."""
        starts = np.concatenate([[0], self._ends[:-1]])
        kept = [np.arange(starts[frame], self._ends[frame]) for frame in self.frames.in_memory]
        return np.concatenate(kept) if kept else np.empty(0, np.int64)

    def read(self, index: int) -> Pixels:
        """Patch `index`, (size, size, C); raises `UserError` where its file has changed since it was opened."""
        frame, window = self._found(index)
        pixels, missing = self._square(frame, window)
        if missing is not None and missing.any():
            pixels = filled(pixels, missing)
        return _resized(pixels, self.size).copy()

    def _square(self, frame: int, window: _Window) -> tuple[Pixels, npt.NDArray[np.bool_] | None]:
        """The pixels of a window, and which of them have no value."""
        last: _Read | None = getattr(self._last, "read", None)
        if last is None or not last.holds(frame, window):
            self._last.read = last = self._read(frame, window, last)
        inside = Region(window.top - last.top, window.left - last.left, window.side, window.side)
        found = last.frame
        return inside.of(found.pixels), None if found.missing is None else inside.of(found.missing)

    def _read(self, frame: int, window: _Window, last: _Read | None) -> _Read:
        """The square, the band that it lies in (where the one before lay there too), or the whole image."""
        if not self.frames.in_parts(frame):
            return _Read(self.frames.read(frame), 0, 0)
        band = self.fit.how == "tiles" and last is not None and (last.frame.index, last.top) == (frame, window.top)
        left, width = (0, int(self.frames.sizes[frame][1])) if band else (window.left, window.side)
        return _Read(self.frames.read(frame, Region(window.top, left, window.side, width)), window.top, left)

    def _notes(self) -> list[str]:
        size, sides, count = self.size, self.frames.sizes.min(axis=1), len(self)
        squares = f"{count} {'square' if count == 1 else 'squares'} of {size}x{size} pixels"
        notes = [f"{squares} from {images_of(len(self.frames))} ({self.fit.how})."]
        if self.frames.gaps:
            notes.append(self._said_of_gaps())
        larger, smaller = int((sides > size).sum()), int((sides < size).sum())
        if self.fit.how == "resize" and larger:
            notes.append(
                f"Resizing averages neighbouring pixels and so changes the noise (of {images_of(larger)}); crop or "
                "tiles keep it."
            )
        if self.fit.how == "resize" and smaller:
            notes.append(
                f"Enlarging makes blotches of the noise, as no camera does (of {images_of(smaller)}); a smaller size "
                "keeps it."
            )
        return notes

    def _said_of_gaps(self) -> str:
        gaps = self.frames.gaps
        missing = sum(int(cells.sum(dtype=np.int64)) for cells in gaps.values())
        share = missing / float(np.prod(self.frames.sizes.astype(np.float64), axis=1).sum())
        return (
            f"{_percent(share)} of the pixels have no value (in {images_of(len(gaps))}): squares with more than "
            f"{_MOST_MISSING:.0%} of them were left out, smaller gaps filled with the nearest value."
        )


def _percent(share: float) -> str:
    return "less than 0.01%" if share < 0.0001 else f"{share:.2%}"


def _middle(height: int, width: int, size: int, number: int) -> _Window:
    return _Window((height - size) // 2, (width - size) // 2, size)


def _largest(height: int, width: int, size: int, number: int) -> _Window:
    return _middle(height, width, min(height, width), number)


def _tile(height: int, width: int, size: int, number: int) -> _Window:
    tops, lefts = tile_starts(height, size), tile_starts(width, size)
    return _Window(tops[number // len(lefts)], lefts[number % len(lefts)], size)


_WINDOWS: dict[str, Callable[[int, int, int, int], _Window]] = {"crop": _middle, "resize": _largest, "tiles": _tile}
"""Of an image's height and width and the patches' size: the square that patch `number` of it is made from."""


def _resized(square: Pixels, size: int) -> Pixels:
    """In 32-bit floats, rounded back: the mean of each new pixel's area, or linear between pixels to enlarge."""
    if len(square) == size:
        return square
    kind = Image.Resampling.BOX if len(square) > size else Image.Resampling.BILINEAR
    planes = [
        np.asarray(Image.fromarray(square[..., c].astype(np.float32)).resize((size, size), kind))
        for c in range(square.shape[2])
    ]
    resized: npt.NDArray[np.float32] = np.stack(planes, axis=-1)
    if square.dtype.kind == "f":
        return resized
    limits = np.iinfo(square.dtype)
    return np.clip(np.rint(resized), limits.min, limits.max).astype(square.dtype)


def _shown(sides: npt.NDArray[np.int32] | tuple[int, int]) -> str:
    """Width x height, as people say it."""
    return f"{sides[1]}x{sides[0]}"


def _common_size(frames: FrameSet) -> int:
    """The side of images that are all the same square; raises `UserError` where they are not."""
    counts = Counter((int(height), int(width)) for height, width in frames.sizes)
    (height, width), _ = counts.most_common(1)[0]
    if len(counts) > 1:
        listed = ", ".join(f"{count} of {_shown(sides)}" for sides, count in counts.most_common(_NAMED))
        more = ", ..." if len(counts) > _NAMED else ""
        raise UserError(f"{frames.path}: the images are of several sizes ({listed}{more} pixels); {_WOULD_DO}")
    if height != width or not trainable(height):
        raise UserError(
            f"{frames.path}: the images are {width}x{height} pixels, and training takes squares of a multiple "
            f"of {SIDE_STEP} from {SMALLEST_SIDE} to {LARGEST_SIDE}; {_WOULD_DO}"
        )
    return height


def _check_large_enough(frames: FrameSet, size: int) -> None:
    small = np.flatnonzero((frames.sizes < size).any(axis=1))
    if len(small):
        named = ", ".join(f"{frames.name(int(i))} ({_shown(frames.sizes[i])})" for i in small[:_NAMED])
        more = ", ..." if len(small) > _NAMED else ""
        raise UserError(
            f"{frames.path}: {images_of(len(small))} smaller than {size}x{size} pixels: {named}{more}; give a smaller "
            "<image_size>, leave them out, or enlarge them with <fit> resize"
        )
