"""TIFF files of one or many images: plain pages, OME-TIFF, ImageJ and tifffile's own stacks.

Plain pages are an image each. Where the file names its axes, C (channels) and S (samples) together become the channels
of an image, X and Y its columns and rows, and all others (time, depth, position, ...) are flattened into images, in
the file's order.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.tiff_colours import in_colour, without_alpha
from nrgan.frames.frame import Pixels
from nrgan.frames.pixels import ALPHA, Decoded, check_size, refuse, upright

# whatever is wrong with a file is said in an error; tifffile's own remarks would go to the screen as well
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_STACKS = ("is_ome", "is_imagej", "is_shaped", "is_lsm", "is_fluoview", "is_mmstack")
"""The kinds of file whose axes tifffile knows."""
_ORIENTATION = 274


def count_tiff(source: FileSlice) -> int:
    return opened(source).count


def read_tiff(source: FileSlice, number: int) -> Decoded:
    return opened(source).read(number)


@dataclass(frozen=True)
class _Stack:
    """Images that lie in planes: image k is made of the planes `table[k]`, one after the other in its channels.

    axes, shape: of one plane. start: where the planes lie as one array in the file, None where each has its page.
    """

    pages: Sequence[Any]
    table: npt.NDArray[np.intp]
    axes: str = ""
    shape: tuple[int, ...] = ()
    start: int | None = None
    dtype: np.dtype[Any] | None = None


class _Tiff:
    """A parsed file; reads by several threads take turns at the stream and decode side by side."""

    def __init__(self, source: FileSlice) -> None:
        self.source = source
        self.lock = threading.RLock()
        # a stream and no path: of an OME-TIFF in several files tifffile cannot open the others, wherever they may be
        self.file = tifffile.TiffFile(source.open(), name=PurePath(source.member or source.path).name)
        self._check_chain()
        named = any(getattr(self.file, kind, False) for kind in _STACKS)
        self.stacks = [self._stack(series) for series in self.file.series] if named else [self._pages()]
        self.ends = list(accumulate(len(stack.table) for stack in self.stacks))

    @property
    def count(self) -> int:
        return self.ends[-1] if self.ends else 0

    def _check_chain(self) -> None:
        """Raises `Unreadable` where the list of pages breaks off: tifffile takes what is left for the whole."""
        len(self.file.pages)  # walks the list
        place = self.file.pages.next_page_offset
        if place is not None:
            handle = self.file.filehandle
            handle.seek(place)
            if any(handle.read(self.file.tiff.offsetsize)):
                raise Unreadable("it is cut short: its list of pages breaks off")

    def _pages(self) -> _Stack:
        pages: Iterator[Any] = iter(self.file.pages)
        # previews and masks are pages too
        whole = [i for i, page in enumerate(pages) if not page.is_reduced and not page.is_mask]
        if not whole:
            raise Unreadable("it holds no images")
        return _Stack(self.file.pages, np.array(whole, np.intp)[:, None])

    def _stack(self, series: tifffile.TiffPageSeries) -> _Stack:
        axes, shape = series.axes, series.shape
        if self.file.is_ome and series.kind != "ome":  # its pages could be channels as well as images
            raise Unreadable("its OME description does not fit its pages; save it anew")
        if "X" not in axes or "Y" not in axes:
            raise Unreadable(f"its axes {axes} are not those of images")
        if sum(axis == "Q" and length > 1 for axis, length in zip(axes, shape, strict=True)) > 1:
            raise refuse(
                self.source.full_name,
                f"is of shape {shape} with two unnamed axes; name them as you save it, such as axes='TCYX' where the "
                "second is channels",
            )
        first = min(axes.index("X"), axes.index("Y"))
        # the axes before `split` count pages, those behind it lie within one
        inside = math.prod(series.keyframe.shape)
        fits = [k for k in range(first + 1) if math.prod(shape[:k]) == len(series.pages)]
        fits = [k for k in fits if math.prod(shape[k:]) == inside]
        split = fits[-1] if fits else first
        start = None if fits else series.dataoffset
        if not fits and start is None:
            raise Unreadable("its pages are not as many as its description says")
        planes = np.arange(math.prod(shape[:split]), dtype=np.intp).reshape(shape[:split])
        channels = [i for i, axis in enumerate(axes[:split]) if axis in "CS"]
        planes = np.moveaxis(planes, channels, range(split - len(channels), split))
        table = planes.reshape(-1, math.prod(shape[i] for i in channels))
        if start is None:
            table = self._present(series.pages, table)
        return _Stack(series.pages, table, axes[split:], shape[split:], start, series.dtype)

    def _present(self, pages: Sequence[Any], table: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The images all of whose planes are in this file, of several files that make one OME-TIFF."""
        here = np.array([page is not None for page in pages])
        complete = here[table].all(axis=1)
        if not complete.any():
            raise Unreadable("the channels of its images lie in several files; save it as one OME-TIFF")
        return table[complete]

    def read(self, number: int) -> Decoded:
        """Image `number`, (H, W, C) in the file's type, upright, without alpha."""
        which = bisect_right(self.ends, number)
        stack = self.stacks[which]
        row = stack.table[number - (self.ends[which - 1] if which else 0)]
        planes = [self._plane(stack, int(index)) for index in row]
        image = planes[0].pixels if len(planes) == 1 else np.concatenate([plane.pixels for plane in planes], axis=2)
        return Decoded(image, planes[0].notes)

    def _plane(self, stack: _Stack, index: int) -> Decoded:
        with self.lock:
            page = stack.pages[0 if stack.start is not None else index]
        key = page.keyframe
        axes, shape = (stack.axes, stack.shape) if stack.axes else (key.axes, key.shape)
        sides = dict(zip(axes, shape, strict=True))
        height, width, dtype = sides.get("Y", 0), sides.get("X", 0), stack.dtype or key.dtype
        check_size(height, width, math.prod(shape) // max(1, height * width), dtype.itemsize if dtype else 8)
        values = self._values(stack, index, page)
        image = in_colour(_rows_first(values.reshape(shape), axes), key)
        colours, dropped = without_alpha(image, key) if "S" in axes else (image, False)
        orientation = key.tags.get(_ORIENTATION)
        return Decoded(upright(colours, orientation.value if orientation else 1), (ALPHA,) if dropped else ())

    def _values(self, stack: _Stack, index: int, page: Any) -> npt.NDArray[Any]:
        """The numbers of a plane as they lie in the file."""
        if stack.start is not None and stack.dtype is not None:
            dtype = stack.dtype.newbyteorder(self.file.byteorder)
            size = math.prod(stack.shape) * dtype.itemsize
            with self.lock:
                self.file.filehandle.seek(stack.start + index * size)
                data = self.file.filehandle.read(size)
            if len(data) != size:
                raise Unreadable("it is cut short")
            return np.frombuffer(data, dtype)
        ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=0) > self.source.size:
            raise Unreadable("it is cut short")  # tifffile would fill up with zeros
        key = page.keyframe  # what is decoded is as large as it says, whatever the file's description says
        check_size(1, math.prod(key.shape), 1, key.dtype.itemsize if key.dtype else 8)
        values: npt.NDArray[Any] = page.asarray(lock=self.lock, maxworkers=1)
        return values


def _rows_first(values: npt.NDArray[Any], axes: str) -> Pixels:
    """A plane of these axes as (H, W, C)."""
    kept = [i for i, axis in enumerate(axes) if axis in "YX" or values.shape[i] > 1]
    left = "".join(axes[i] for i in kept)
    if set(left) - set("YXCS"):
        raise Unreadable(f"its pages have the axes {left}; save a page for each image")
    order = [left.index(axis) for axis in "YXCS" if axis in left]
    values = values.reshape([values.shape[i] for i in kept]).transpose(order)
    return values.reshape(*values.shape[:2], -1)


def opened(source: FileSlice) -> _Tiff:
    """The parsed file, kept for its next image: files of thousands of pages take long to parse."""
    return _parsed(source, os.getpid())


@lru_cache(maxsize=16)
def _parsed(source: FileSlice, process: int) -> _Tiff:
    # by process, as a fork could copy a lock that another thread holds
    return _Tiff(source)
