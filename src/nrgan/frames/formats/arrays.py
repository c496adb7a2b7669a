"""Arrays of images in .npy and .npz files, read in place image by image.

Layouts, N images of H x W pixels and C channels (at most 16):

(H, W)         one grey image
(N, H, W)      grey images; the rule for all 3-D arrays whose last axis is longer than 15
(H, W, C)      one image, where the last axis is at most 15: no training image is that narrow
(N, H, W, C)   images, where the last axis is at most 16
(N, C, H, W)   images, where the second axis is at most 16 and shorter than the third

Where the last two both fit, the one whose images have sides of at least 16 is meant; where that settles nothing, the
array is refused. A file that is one of many (in a folder, an archive, a glob) and holds (at most 16, H, W) is refused
too: it may be one image with its channels first.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from nrgan.frames.archives import zip_member
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.pixels import Decoded, check_size, refuse
from nrgan.limits import MOST_CHANNELS, SMALLEST_SIDE

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def count_npy(source: FileSlice) -> int:
    return _opened(source).count


def read_npy(source: FileSlice, number: int) -> Decoded:
    return Decoded(_opened(source).image(number))


def count_npz(source: FileSlice) -> int:
    return _opened(_only_array(source)).count


def read_npz(source: FileSlice, number: int) -> Decoded:
    return Decoded(_opened(_only_array(source)).image(number))


@lru_cache(maxsize=64)
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
    """An array of a file: its images by number, read one at a time."""

    source: FileSlice
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    columns_first: bool
    axes: str
    unpacked: bytes | None
    """All bytes of a file that is compressed, and so cannot be read in place."""

    @property
    def count(self) -> int:
        return self.shape[0] if self.axes[0] == "N" else 1

    def image(self, index: int) -> npt.NDArray[Any]:
        """(H, W, C) in the file's type."""
        block = self._block(index) if self.axes[0] == "N" else self._block(None)
        axes = self.axes.lstrip("N")
        block = block if "C" in axes else block[..., None]
        return block.transpose(1, 2, 0) if axes == "CHW" else block

    def _block(self, index: int | None) -> npt.NDArray[Any]:
        if self.unpacked is not None:
            whole = np.frombuffer(self.unpacked, self.dtype, math.prod(self.shape), self.offset)
            array = whole.reshape(self.shape, order="F" if self.columns_first else "C")
            return array if index is None else array[index]
        if self.columns_first:  # an image is spread over the whole file
            where = self.source.offset + self.offset
            mapped = np.memmap(self.source.path, self.dtype, "r", where, self.shape, order="F")
            return np.array(mapped if index is None else mapped[index])
        shape = self.shape if index is None else self.shape[1:]
        size = math.prod(shape) * self.dtype.itemsize
        data = self.source.read(self.offset + (index or 0) * size, size)
        if len(data) != size:
            raise Unreadable("it is cut short")
        return np.frombuffer(data, self.dtype).reshape(shape)


@lru_cache(maxsize=4)
def _opened(source: FileSlice) -> _Array:
    unpacked = source.load() if source.packing else None
    with source.open() as opened:
        shape, columns_first, dtype = _header(source, opened)
        offset = opened.tell()
    if dtype.hasobject or dtype.fields is not None:
        raise refuse(
            source.full_name,
            f"holds values of type {dtype}, which are never loaded, as loading can run code; save an array of numbers",
        )
    axes = layout(source, shape)
    sides = dict(zip(axes, shape, strict=True))
    check_size(sides["H"], sides["W"], sides.get("C", 1), dtype.itemsize)
    if sides.get("N") == 0:
        raise Unreadable("it holds no images")
    if source.size < offset + math.prod(shape) * dtype.itemsize:
        raise Unreadable("it is cut short")
    return _Array(source, offset, dtype, shape, columns_first, axes, unpacked)


def _header(source: FileSlice, opened: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        return _HEADERS[npy.read_magic(opened)](opened)
    except (ValueError, KeyError, EOFError) as error:
        raise Unreadable("it is not an .npy array, or its beginning is damaged") from error


def layout(source: FileSlice, shape: tuple[int, ...]) -> str:
    """The meaning of the axes by the module's rules; raises `UserError` where they leave it open."""
    if len(shape) == 2:
        return "HW"
    if len(shape) == 3:
        return _layout_3d(source, shape)
    if len(shape) == 4:
        return _layout_4d(source, shape)
    raise refuse(source.full_name, f"has {len(shape)} axes, {shape}; save it as (N, H, W, C), N images of C channels")


def _layout_3d(source: FileSlice, shape: tuple[int, ...]) -> str:
    if shape[2] < SMALLEST_SIDE:
        return "HWC"
    if shape[0] <= MOST_CHANNELS and not source.alone:
        raise refuse(
            source.full_name,
            f"is of shape {shape}: one image of {shape[0]} channels, or {shape[0]} images? Save it as (H, W, C) or "
            "(N, H, W, 1)",
        )
    return "NHW"


def _layout_4d(source: FileSlice, shape: tuple[int, ...]) -> str:
    _, b, c, d = shape
    fits = {"NHWC": d <= MOST_CHANNELS, "NCHW": b <= MOST_CHANNELS and b < c}
    found = [axes for axes, fit in fits.items() if fit]
    if len(found) == 2:
        large = {"NHWC": min(b, c) >= SMALLEST_SIDE, "NCHW": min(c, d) >= SMALLEST_SIDE}
        found = [axes for axes in found if large[axes]]
    if len(found) == 1:
        return found[0]
    raise refuse(
        source.full_name,
        f"is of shape {shape}, which does not tell channels (at most {MOST_CHANNELS}) from rows and columns; save it "
        "as (N, H, W, C) of larger images, or as a TIFF stack that names its axes",
    )
