"""CZI files of Zeiss microscopes whose images are one block each: mosaics of several tiles are not read."""

from __future__ import annotations

import itertools
import math
import struct
import threading
from typing import Any

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.opened import WITHIN, About
from nrgan.frames.stack import Index, Stack, Values

_SAMPLES, _OF_CZI = "S", "0"
_PLAIN, _JPEG_XR = 0, 4
_COLUMNS, _ROWS, _SHORT = 0xBC80, 0xBC81, 3
"""Of a JPEG XR: the tags of its sides, and a type of theirs."""


def open_czi(source: FileSlice) -> Stack:
    """Axes have the file's letters; each channel of an image is a block of its own."""
    import czifile

    lock = threading.Lock()
    # it is kept: its stream holds no handle, only a position
    file = czifile.CziFile(source.open(), filesize=source.size)
    letters, shape, dtype = file.axes.replace(_OF_CZI, _SAMPLES), tuple(map(int, file.shape)), np.dtype(file.dtype)
    entries = list(file.filtered_subblock_directory)
    start = [int(first) for first in file.start]
    whole = {axis: shape[letters.index(axis)] for axis in letters if axis in "YXS"}
    places = _places(entries, letters, start, whole)
    outer = [length for axis, length in zip(letters, shape, strict=True) if axis not in "YXS"]
    if len(places) != math.prod(outer):
        raise Unreadable(f"it is not complete: it has {len(places)} blocks for {math.prod(outer)} places")
    if all(entry.compression == _PLAIN for entry in entries) and math.prod(shape) * dtype.itemsize > source.size:
        raise Unreadable("it is cut short")

    def get(index: Index) -> Values:
        # channels are the only axis outside a block of which several belong to an image
        lists = [
            range(*part.indices(n)) if isinstance(part, slice) else [part] for part, n in zip(index, shape, strict=True)
        ]
        wanted = [each for axis, each in zip(letters, lists, strict=True) if axis not in "YXS"]
        inside = tuple(part for axis, part in zip(letters, index, strict=True) if axis in "YXS")
        sides = [whole[axis] for axis in letters if axis in "YXS"]
        blocks = [places[place] for place in itertools.product(*wanted)]
        with lock:
            grid = np.stack([_values(block).reshape(sides)[inside] for block in blocks])
        channels = [
            len(each) for axis, each in zip(letters, lists, strict=True) if axis in WITHIN and axis not in "YXS"
        ]
        return grid.reshape(*channels, *grid.shape[1:])

    return Stack(letters, shape, dtype, get, About(named_by="the file"))


def _values(block: Any) -> Values:
    """The values of a block, once what it says of itself is what its directory says."""
    found = block.data_segment()
    own, dtype = found.directory_entry, np.dtype(block.dtype)
    told = [(entry.shape, entry.stored_shape, entry.compression, entry.dtype) for entry in (own, block)]
    size = math.prod(block.shape) * dtype.base.itemsize
    if told[0] != told[1] or (block.compression == _PLAIN and found.data_size != size):
        raise Unreadable("it is damaged: a block is not as its directory says")
    if block.compression == _JPEG_XR:
        sides = dict(zip(block.axes, block.shape, strict=True))
        if _sides_of_jpeg_xr(found.data(raw=True)) != (sides["Y"], sides["X"]):
            raise Unreadable("it is damaged: a block has other sides than its directory says")
    return found.data()


def _sides_of_jpeg_xr(data: bytes) -> tuple[int, int]:
    """Rows and columns that it says it has, before memory is taken for them."""
    start = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[start : start + 2], "little")
    found = {}
    for place in range(start + 2, min(start + 2 + 12 * count, len(data)), 12):
        tag, kind, _, value = struct.unpack("<HHLL", data[place : place + 12].ljust(12, b"\0"))
        found[tag] = value & 0xFFFF if kind == _SHORT else value
    return found.get(_ROWS, 0), found.get(_COLUMNS, 0)


def _places(entries: list[Any], letters: str, start: list[int], whole: dict[str, int]) -> dict[tuple[int, ...], Any]:
    """The block at each place along the axes that lie outside a block; raises `Unreadable` where they are tiles."""
    places: dict[tuple[int, ...], Any] = {}
    for entry in entries:
        sides = dict(zip(letters, map(int, entry.shape), strict=True))
        place = tuple(int(a) - b for axis, a, b in zip(letters, entry.start, start, strict=True) if axis not in "YXS")
        one_plane = all(length == whole.get(axis, 1) for axis, length in sides.items())
        if not one_plane or place in places or tuple(entry.stored_shape) != tuple(entry.shape):
            raise Unreadable("it is a mosaic of tiles, or has smaller copies of its images; save it as OME-TIFF")
        if entry.compression not in (_PLAIN, _JPEG_XR):
            raise Unreadable(f"its blocks are packed in way {entry.compression}, which is not read")
        places[place] = entry
    return places
