"""Which arrays of a file hold its images, what the names of their axes say, and how a set of them is read."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.opened import COLUMNS, ROWS, Decoded, Opened, Region
from nrgan.frames.pixels import refuse
from nrgan.frames.stack import Stack
from nrgan.limits import SMALLEST_SIDE

ArrayKind = tuple[tuple[int, ...], np.dtype[Any]]
"""Shape and type of an array."""

_LISTED, _FAR_LARGER, _MOST_SAMPLES = 5, 4, 4
_NAMES = {letter.lower(): letter for letter in "XYZTCS"} | {
    word: letter
    for letter, words in {
        "X": "column columns width",
        "Y": "row rows height",
        "Z": "depth slice plane",
        "T": "time frame frames",
        "C": "channel channels",
        "E": "wavelength energy lambda",
        "R": "repeat repeats repetition",
        "N": "n image images",
    }.items()
    for word in words.split()
}
_SPARE = "NQUVWIJKLM"


def can_be_images(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether an array is one of numbers whose last two sides, without colours behind them, are those of images."""
    return len(shape) >= 2 and dtype.kind in "iufbc" and min(_sides(shape)) >= SMALLEST_SIDE


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[-3:-1] if len(shape) > 2 and shape[-1] <= _MOST_SAMPLES else shape[-2:]


def choose(source: FileSlice, arrays: dict[str, ArrayKind]) -> list[str]:
    """The paths of the set of arrays that holds far more values than any other; raises `UserError` where none does.

    Arrays of the same last name, type and sides are one set.
    """
    if not arrays:
        raise Unreadable(f"it holds no images: no array of numbers has two sides of at least {SMALLEST_SIDE}")
    sets: dict[object, list[str]] = {}
    for path, (shape, dtype) in arrays.items():
        sets.setdefault((path.rpartition("/")[2], dtype, _sides(shape)), []).append(path)
    sizes = {key: sum(math.prod(arrays[path][0]) for path in paths) for key, paths in sets.items()}
    largest = sorted(sets, key=lambda key: sizes[key], reverse=True)
    if len(sets) == 1 or sizes[largest[0]] >= _FAR_LARGER * sizes[largest[1]]:
        return sets[largest[0]]
    listed = [path for key in largest for path in sets[key]]
    more = f", and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    raise refuse(
        source.path,
        f"holds several arrays: {', '.join(listed[:_LISTED])}{more}; name one, as in {source.path}:{listed[0]}",
    )


def letters_by_name(names: list[str]) -> str:
    """A letter for each name of an axis; empty where they leave open which are rows and columns."""
    if not any(names):
        return ""
    found = [_NAMES.get(name.strip().lower(), "") for name in names]
    found = [letter if letter and letter not in found[:i] else "" for i, letter in enumerate(found)]
    if ROWS not in found and COLUMNS not in found and not any(found[-2:]):
        found[-2:] = [ROWS, COLUMNS]
    if ROWS not in found or COLUMNS not in found:
        return ""
    spare = iter(letter for letter in _SPARE if letter not in found)
    return "".join(letter or next(spare, "?") for letter in found)


def said_of_set(paths: Sequence[str]) -> dict[str, object]:
    """What the header says beside the file's own words."""
    return {"arrays": ", ".join(paths)} if len(paths) > 1 else {}


def one_after_other(arrays: Sequence[Opened]) -> Opened:
    """The images of all arrays of a set."""
    return arrays[0] if len(arrays) == 1 else _Set(arrays)


def stacks_of(opened: Opened) -> list[Stack]:
    """The arrays of a set, or the one that there is, once their axes are named."""
    named = opened.arrays if isinstance(opened, _Set) else [opened.named()]
    return [array for array in named if isinstance(array, Stack)]


class _Set(Opened):
    """The images of several arrays, one after the other."""

    def __init__(self, arrays: Sequence[Opened]) -> None:
        self.arrays = list(arrays)
        self.about, self.in_parts = arrays[0].about, all(array.in_parts for array in arrays)
        self.ends = list(accumulate(array.count for array in arrays))
        self.axes = (("N", self.ends[-1]),)

    def shape(self, number: int) -> tuple[int, int, int] | None:
        array, inner = self._of(number)
        return array.shape(inner)

    def item_size(self, number: int) -> int:
        return self.arrays[0].item_size(0)

    def named(self) -> Opened:
        return _Set([array.named() for array in self.arrays])

    def renamed(self, letters: str) -> Opened:
        return _Set([array.renamed(letters) for array in self.arrays])

    def read(self, number: int, region: Region | None = None) -> Decoded:
        array, inner = self._of(number)
        return array.read(inner, region)

    def _of(self, number: int) -> tuple[Opened, int]:
        which = bisect_right(self.ends, number)
        return self.arrays[which], number - (self.ends[which - 1] if which else 0)
