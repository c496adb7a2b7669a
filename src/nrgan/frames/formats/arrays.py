"""Arrays of images in .npy and .npz files, read in place image by image.

An array does not name its axes. What its shape leaves no doubt of, N images of H x W pixels, C channels (at most 16):

(H, W)         one grey image
(N, H, W)      grey images; the rule for all 3-D arrays whose last axis is longer than 15
(H, W, C)      one image, where the last axis is at most 15, as no training image is that narrow
(N, H, W, C)   images, where the last axis is at most 16
(N, C, H, W)   images, where the second axis is at most 16 and shorter than the third

Where the last two both fit, the one whose images have sides of at least 16 is meant. Whoever saved it is asked for the
names of the axes (`--axes`) where that settles nothing, and where a last axis that is not 1, 3 or 4 could as well count
slices or repeats: an array of a volume as its library gives it, (128, 96, 24, 2) or (96, 96, 14), is not taken for
128 images of two channels, or for one of 14. A file that is one of many (in a folder, an archive, a glob) and holds (at
most 16, H, W) is asked about too: it may be one image with its channels first.
"""

from __future__ import annotations

import math
import shutil
import zipfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from nrgan.errors import UserError
from nrgan.frames.archives import zip_member
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.plain import cropped, put, type_for
from nrgan.frames.formats.row import Images
from nrgan.frames.opened import NOTHING_SAID, About, Opened, Region
from nrgan.frames.pixels import refuse
from nrgan.frames.stack import Index, Stack, Unnamed
from nrgan.limits import MOST_CHANNELS, SMALLEST_SIDE

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_COLOURS = (1, 3, 4)
"""Lengths of a last axis that nearly always holds colours."""


def open_npy(source: FileSlice) -> Opened:
    array = _array(source)
    return named_by_shape(source, array.shape, array.dtype, array.get, in_parts=array.unpacked is None)


def open_npz(source: FileSlice) -> Opened:
    return open_npy(_only_array(source))


def named_by_shape(
    source: FileSlice,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    get: Callable[[Index], npt.NDArray[Any]],
    about: About = NOTHING_SAID,
    in_parts: bool = True,
) -> Opened:
    """The stack of an array whose axes nobody has named: by the module's rules, or with the question that is open."""

    def name(letters: str) -> Stack:
        return Stack(letters, shape, dtype, get, about, in_parts)

    try:
        return name(letters_of(source, shape))
    except UserError as question:
        return Unnamed(shape, name, question)


def _only_array(source: FileSlice) -> FileSlice:
    """The .npy in an .npz, in place; raises `UserError` where there are several."""
    if source.packing:
        raise Unreadable("it is compressed in its archive; unpack the archive, or store the .npz as .npy")
    try:
        with source.open() as opened, zipfile.ZipFile(opened) as listed:
            members = [info for info in listed.infolist() if info.filename.endswith(".npy")]
            if len(members) != 1:
                names = ", ".join(info.filename[:-4] for info in members) or "none"
                raise refuse(
                    source.full_name, f"should hold one array, and holds {len(members)}: {names}; save the images alone"
                )
            inner = zip_member(source, opened, members[0])
    except zipfile.BadZipFile as error:
        raise Unreadable("it is not an .npz, or it is cut short") from error
    return replace(inner, name=source.name, alone=source.alone)


@dataclass(frozen=True)
class _Array:
    """An array of a file, read where it lies."""

    source: FileSlice
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    columns_first: bool
    unpacked: bytes | None
    """All bytes of a file that is compressed, and so cannot be read in place."""

    def get(self, index: Index) -> npt.NDArray[Any]:
        """The values at whole numbers and slices, in the file's type."""
        order: Any = "F" if self.columns_first else "C"
        if self.unpacked is not None:
            whole = np.frombuffer(self.unpacked, self.dtype, math.prod(self.shape), self.offset)
            return np.asarray(whole.reshape(self.shape, order=order)[index])
        if not self.columns_first and (run := self._run(index)) is not None:
            return run
        where = self.source.offset + self.offset
        mapped = np.memmap(self.source.path, self.dtype, "r", where, self.shape, order=order)
        return np.array(mapped[index])

    def _run(self, index: Index) -> npt.NDArray[Any] | None:
        """The values of an index that lie one after the other, read without mapping the file; else None."""
        numbers = [part for part in index if isinstance(part, int)]
        slices = [part for part in index[len(numbers) :] if isinstance(part, slice)]
        shape = self.shape[len(numbers) :]
        if len(slices) < len(shape) or any(
            part.indices(side) != (0, side, 1) for part, side in zip(slices, shape, strict=True)
        ):
            return None
        size = math.prod(shape) * self.dtype.itemsize
        start = int(np.ravel_multi_index(numbers, self.shape[: len(numbers)])) if numbers else 0
        data = self.source.read(self.offset + start * size, size)
        if len(data) != size:
            raise Unreadable("it is cut short")
        return np.frombuffer(data, self.dtype).reshape(shape)


@lru_cache(maxsize=4)
def _array(source: FileSlice) -> _Array:
    unpacked = source.load() if source.packing else None
    with source.open() as opened:
        shape, columns_first, dtype = _header(source, opened)
        offset = opened.tell()
    if dtype.hasobject or dtype.fields is not None:
        raise refuse(
            source.full_name,
            f"holds values of type {dtype}, which are never loaded, as loading can run code; save an array of numbers",
        )
    if not math.prod(shape):
        raise Unreadable("it holds no images")
    if source.size < offset + math.prod(shape) * dtype.itemsize:
        raise Unreadable("it is cut short")
    return _Array(source, offset, dtype, shape, columns_first, unpacked)


def _header(source: FileSlice, opened: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        return _HEADERS[npy.read_magic(opened)](opened)
    except (ValueError, KeyError, EOFError) as error:
        raise Unreadable("it is not an .npy array, or its beginning is damaged") from error


def letters_of(source: FileSlice, shape: tuple[int, ...]) -> str:
    """Names of the axes by the module's rules; raises `UserError`, which asks, where they leave them open."""
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3:
        return _letters_of_3(source, shape)
    if len(shape) == 4:
        return _letters_of_4(source, shape)
    raise _question(source, shape, f"has {len(shape)} axes, {shape}", "TZCYX"[-len(shape) :] if shape else "")


def _letters_of_3(source: FileSlice, shape: tuple[int, ...]) -> str:
    first, second, last = shape
    if last < SMALLEST_SIDE:
        if source.alone and last not in _COLOURS:
            what = f"one image of {last} channels, or {last} slices or repeats of {first}x{second} pixels?"
            raise _question(source, shape, f"is of shape {shape}: {what}", "YXC", "YXZ")
        return "YXC"
    if first <= MOST_CHANNELS and not source.alone:
        what = f"one image of {first} channels, or {first} images?"
        raise _question(source, shape, f"is of shape {shape}: {what}", "CYX", "NYX")
    return "NYX"


def _letters_of_4(source: FileSlice, shape: tuple[int, ...]) -> str:
    a, b, c, d = shape
    fits = {"NYXC": d <= MOST_CHANNELS, "NCYX": b <= MOST_CHANNELS and b < c}
    found = [letters for letters, fit in fits.items() if fit]
    if len(found) == 2:
        large = {"NYXC": min(b, c) >= SMALLEST_SIDE, "NCYX": min(c, d) >= SMALLEST_SIDE}
        found = [letters for letters in found if large[letters]]
    if found == ["NYXC"] and d not in _COLOURS and a >= min(b, c) and not (b == c != a):
        what = f"{a} images of {d} channels, or {c} slices with {d} repeats of {a}x{b} pixels?"
        raise _question(source, shape, f"is of shape {shape}: {what}", "NYXC", "YXZT")
    if len(found) == 1:
        return found[0]
    what = f"is of shape {shape}, which does not tell channels (at most {MOST_CHANNELS}) from rows and columns"
    raise _question(source, shape, what, "NYXC", "TZYX")


def _question(source: FileSlice, shape: tuple[int, ...], what: str, *letters: str) -> UserError:
    would = " or ".join(f"<axes> {choice}" for choice in letters if len(choice) == len(shape))
    return refuse(source.full_name, f"{what}; say what its axes are{f', such as {would}' if would else ' with <axes>'}")


def write_npy(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """An array of the same axes, in the same order of its values, and of the same type where that holds the images'."""
    assert isinstance(opened, Stack)
    array, shape = _array(like), cropped(opened.letters, opened.array_shape, region)
    dtype, images = type_for(array.dtype, images)
    new = npy.open_memmap(path, "w+", dtype, shape, array.columns_first)
    deque(put(images, opened.letters, new), maxlen=0)
    new.flush()


def write_npz(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """The archive with another array, packed as the old one was."""
    inner, part = _only_array(like), path.with_name(f"{path.name}.part")
    try:
        write_npy(inner, opened, images, part, region)
        with like.open() as opened_file, zipfile.ZipFile(opened_file) as old, zipfile.ZipFile(path, "w") as new:
            for info in old.infolist():
                fresh = zipfile.ZipInfo(info.filename, info.date_time)
                fresh.compress_type = info.compress_type
                array = info.filename.endswith(".npy")
                with (
                    part.open("rb") if array else old.open(info) as source,
                    new.open(fresh, "w", force_zip64=True) as to,
                ):
                    shutil.copyfileobj(source, to)
    finally:
        part.unlink(missing_ok=True)
