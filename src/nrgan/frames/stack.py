"""An array whose axes have names, as images by number: what most scientific formats come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.frame import WHOLE_SENSOR, SensorPlace
from nrgan.frames.opened import CHANNELS, COLUMNS, NOTHING_SAID, ROWS, WITHIN, About, Decoded, Opened, Region
from nrgan.frames.pixels import check_size

Index = tuple[int | slice, ...]
Values = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Stack(Opened):
    """The array `get[...]` of a file.

    letters: a name for each axis of the array (see `opened`). shape, dtype: of the array. get: gives the values at an
    index of whole numbers and slices of step 1, one for each axis, as numpy's basic indexing does. in_parts: whether
    that reads only what was asked for. missing: gives, at the same index, where there is no value. place: where images
    begin on the sensor.
    """

    letters: str
    array_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    get: Callable[[Index], Values]
    about: About = NOTHING_SAID
    in_parts: bool = False
    missing: Callable[[Index], npt.NDArray[np.bool_]] | None = None
    place: SensorPlace = WHOLE_SENSOR
    notes: tuple[str, ...] = ()
    axes: tuple[tuple[str, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Raises `Unreadable` where the axes are not those of images."""
        letters, shape = self.letters, self.array_shape
        if len(letters) != len(shape) or len(set(letters)) != len(letters):
            raise Unreadable(f"its axes {letters} do not fit an array of shape {shape}")
        if ROWS not in letters or COLUMNS not in letters:
            raise Unreadable(f"its axes {letters} are not those of images: Y and X must be among them")
        axes = tuple((axis, length) for axis, length in zip(letters, shape, strict=True) if axis not in WITHIN)
        object.__setattr__(self, "axes", axes)
        if 0 in shape:
            raise Unreadable("it holds no images")
        if not self.in_parts:  # else the region that is asked for will be judged
            check_size(*self.shape(0), self.dtype.itemsize)

    def shape(self, number: int) -> tuple[int, int, int]:
        lengths = dict(zip(self.letters, self.array_shape, strict=True))
        return lengths[ROWS], lengths[COLUMNS], math.prod(lengths.get(axis, 1) for axis in CHANNELS)

    def item_size(self, number: int) -> int:
        return self.dtype.itemsize

    def read(self, number: int, region: Region | None = None) -> Decoded:
        height, width, channels = self.shape(number)
        region = region or Region(0, 0, height, width)
        check_size(region.height, region.width, channels, self.dtype.itemsize)
        index = self._index(number, region)
        missing = None
        if self.missing is not None:
            gaps = np.asarray(self._rows_first(self.missing(index)).any(2))
            missing = gaps if gaps.any() else None
        place = SensorPlace(self.place.top + region.top, self.place.left + region.left)
        return Decoded(self._rows_first(self.get(index)), self.notes, place, self.about.header, missing)

    def _index(self, number: int, region: Region) -> Index:
        places = np.unravel_index(number, [length for _, length in self.axes]) if self.axes else ()
        of_image = dict(zip((axis for axis, _ in self.axes), map(int, places), strict=True))
        rows, columns = region.slices
        within = {ROWS: rows, COLUMNS: columns}
        return tuple(of_image[axis] if axis in of_image else within.get(axis, slice(None)) for axis in self.letters)

    def _rows_first(self, values: Values) -> Values:
        """What `get` gave, as (H, W, C)."""
        left = [axis for axis in self.letters if axis in WITHIN]
        if values.ndim != len(left):
            raise Unreadable(f"it gave values of shape {values.shape} for the axes {''.join(left)}")
        order = [left.index(axis) for axis in ROWS + COLUMNS + CHANNELS if axis in left]
        ordered = values.transpose(order)
        return ordered.reshape(*ordered.shape[:2], -1)

    def renamed(self, letters: str) -> Stack:
        if len(letters) != len(self.array_shape):
            raise axes_do_not_fit(letters, self.array_shape)
        return replace(self, letters=letters, about=replace(self.about, named_by="you"))


def axes_do_not_fit(letters: str, shape: Sequence[int]) -> UserError:
    """The error for names of which there are not as many as axes."""
    return UserError(
        f"<axes> {letters}: names {len(letters)} axes, and the array of shape {tuple(shape)} has {len(shape)}"
    )


@dataclass(frozen=True, eq=False)
class Unnamed(Opened):
    """An array whose shape leaves open what its axes are, until somebody names them.

    name: gives the stack, once letters are there. question: the error that asks for them.
    """

    array_shape: tuple[int, ...]
    name: Callable[[str], Stack]
    question: UserError

    def named(self) -> Opened:
        raise self.question

    def renamed(self, letters: str) -> Stack:
        if len(letters) != len(self.array_shape):
            raise axes_do_not_fit(letters, self.array_shape)
        return self.name(letters)

    def read(self, number: int, region: Region | None = None) -> Decoded:
        raise self.question


def sliced(index: Index, shape: Sequence[int]) -> tuple[slice, ...]:
    """The index with slices alone, from start to stop, for readers that want no whole numbers."""
    bounds = (slice(part, part + 1) if isinstance(part, int) else part for part in index)
    return tuple(slice(*part.indices(length)[:2]) for part, length in zip(bounds, shape, strict=True))
