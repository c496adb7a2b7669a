"""A region of a TIFF page, from the strips or tiles that it touches alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.frames.file_slice import Unreadable
from nrgan.frames.opened import Region
from nrgan.frames.pixels import check_size

Read = Callable[[int, int], bytes]
"""Gives so many bytes of a file from a place on; raises `Unreadable` where there are not as many."""
_FEW = 4
"""Parts of a page below which reading a region spares nothing worth the work."""


def check_whole(page: Any, size: int) -> None:
    """Raises `Unreadable` where strips or tiles lie beyond the end of a file of so many bytes."""
    ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > size:
        raise Unreadable("it is cut short")


def _is_plain(page: Any) -> bool:
    """Whether the page lies in the file row by row, as numbers."""
    return bool(page.is_contiguous) and not page.is_tiled and page.axes in ("YX", "YXS") and page.fillorder == 1


def has_parts(page: Any) -> bool:
    """Whether a region of the page can be read without all the rest of it."""
    if page.axes not in ("YX", "YXS", "SYX") or page.dtype is None or page.is_subifd:
        return False
    return _is_plain(page) or len(page.dataoffsets) >= _FEW


def read_part(page: Any, region: Region, read: Read) -> npt.NDArray[Any]:
    """The numbers of a region, with the axes of the page; `read` gives bytes of the file, or raises `Unreadable`."""
    key = page.keyframe
    if _is_plain(key):
        return _rows(page, region, read)
    samples, planar = key.samplesperpixel, key.axes == "SYX"
    shape = (samples, region.height, region.width, 1) if planar else (1, region.height, region.width, samples)
    out = np.zeros(shape, key.dtype)
    length, width = _part_sides(key)
    across, down = -(-key.imagewidth // width), -(-key.imagelength // length)
    for plane, target in enumerate(out):
        for row in range(region.top // length, -(-(region.top + region.height) // length)):
            for column in range(region.left // width, -(-(region.left + region.width) // width)):
                part = _decoded(page, (plane * down + row) * across + column, read)
                if part is not None:
                    _put(target, part, row * length - region.top, column * width - region.left)
    if planar:
        return out[..., 0]
    return out[0] if "S" in key.axes else out[0, ..., 0]


def _part_sides(key: Any) -> tuple[int, int]:
    """Rows and columns of a strip or tile."""
    if key.is_tiled:
        return key.tilelength, key.tilewidth
    return min(key.rowsperstrip, key.imagelength), key.imagewidth


def _rows(page: Any, region: Region, read: Read) -> npt.NDArray[Any]:
    """Of a page that lies in the file as numbers."""
    key = page.keyframe
    dtype = key.dtype.newbyteorder(key.parent.byteorder)
    of_row = key.imagewidth * key.samplesperpixel * dtype.itemsize
    data = read(page.dataoffsets[0] + region.top * of_row, region.height * of_row)
    rows = np.frombuffer(data, dtype).reshape(region.height, key.imagewidth, key.samplesperpixel)[:, region.slices[1]]
    return rows if "S" in key.axes else rows[..., 0]


def _decoded(page: Any, number: int, read: Read) -> npt.NDArray[Any] | None:
    """One strip or tile, (rows, columns, samples); None where the file leaves it out, which stands for zeros."""
    offset, count = page.dataoffsets[number], page.databytecounts[number]
    if count == 0:
        return None
    key = page.keyframe
    check_size(*_part_sides(key), key.samplesperpixel, key.dtype.itemsize)
    data = read(offset, count)
    values, _, shape = key.decode(data, number, jpegtables=page.jpegtables, jpegheader=key.jpegheader)
    return None if values is None else values[0, : shape[1], : shape[2]]


def _put(out: npt.NDArray[Any], part: npt.NDArray[Any], top: int, left: int) -> None:
    """Copies what of a part lies in the region; top, left: where the part begins there."""
    height, width = out.shape[:2]
    rows = slice(max(0, top), min(height, top + part.shape[0]))
    columns = slice(max(0, left), min(width, left + part.shape[1]))
    out[rows, columns] = part[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
