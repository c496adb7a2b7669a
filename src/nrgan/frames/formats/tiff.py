"""TIFF files of one or many images: plain pages, OME-TIFF, ImageJ and tifffile's own stacks.

Plain pages are an image each. Where the file names its axes, C (channels) and S (samples) together become the channels
of an image, X and Y its columns and rows, and all others (time, depth, position, ...) are flattened into images, in
the file's order.
"""

from __future__ import annotations

import logging
import math
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.tiff_about import about_tiff
from nrgan.frames.formats.tiff_colours import CONVERTED, in_colour, without_alpha
from nrgan.frames.formats.tiff_parts import check_whole, has_parts, read_part
from nrgan.frames.frame import Pixels, SensorPlace
from nrgan.frames.opened import COLUMNS, ROWS, Decoded, Opened, Region
from nrgan.frames.pixels import ALPHA, check_size, refuse, upright
from nrgan.frames.stack import axes_do_not_fit

# whatever is wrong with a file is said in an error; tifffile's own remarks would go to the screen as well
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_STACKS = {
    "is_ome": "OME",
    "is_imagej": "ImageJ",
    "is_shaped": "tifffile",
    "is_lsm": "LSM",
    "is_fluoview": "FluoView",
    "is_mmstack": "Micro-Manager",
}
"""The kinds of file whose axes tifffile knows, and who names them."""
_ORIENTATION = 274


@dataclass(frozen=True)
class Planes:
    """Images that lie in planes: image k is made of the planes `table[k]`, one after the other in its channels.

    outer: the axes that count the images. axes, shape: of one plane. start: where the planes lie as one array in the
    file, None where each has its page.
    """

    pages: Sequence[Any]
    table: npt.NDArray[np.intp]
    outer: tuple[tuple[str, int], ...]
    axes: str = ""
    shape: tuple[int, ...] = ()
    start: int | None = None
    dtype: np.dtype[Any] | None = None


class Tiff(Opened):
    """A parsed file; reads by several threads take turns at the stream and decode side by side."""

    def __init__(self, source: FileSlice, letters: str | None = None) -> None:
        self.source = source
        self.letters = letters
        self.lock = threading.RLock()
        # a stream and no path: of an OME-TIFF in several files tifffile cannot open the others, wherever they may be
        self.file = tifffile.TiffFile(source.open(), name=PurePath(source.member or source.path).name)
        self._check_chain()
        named = any(getattr(self.file, kind, False) for kind in _STACKS)
        self.question: UserError | None = None
        self.stacks = [self._stack(series) for series in self.file.series] if named else [self._pages()]
        self.ends = list(accumulate(len(stack.table) for stack in self.stacks))
        if not self.ends or not self.ends[-1]:
            raise Unreadable("it holds no images")
        self.axes = self.stacks[0].outer if len(self.stacks) == 1 else (("N", self.ends[-1]),)
        self.about = about_tiff(self.file, "you" if letters else self._named_by() if named else "")
        self.in_parts = all(self._parts(stack) for stack in self.stacks)

    def named(self) -> Opened:
        if self.question is not None:
            raise self.question
        return self

    def renamed(self, letters: str) -> Opened:
        return Tiff(self.source, letters)

    def _named_by(self) -> str:
        return next((words for kind, words in _STACKS.items() if getattr(self.file, kind, False)), "")

    def _parts(self, stack: Planes) -> bool:
        """Whether a region of a page can be had without the rest, by its first one."""
        if stack.start is not None:
            return stack.axes[:1] == ROWS
        key = stack.pages[int(stack.table[0, 0])].keyframe
        return has_parts(key) and (not stack.axes or stack.shape == key.shape) and _is_upright(key)

    def shape(self, number: int) -> tuple[int, int, int] | None:
        stack, row = self.found(number)
        key = self._page(stack, int(row[0])).keyframe
        axes, shape = (stack.axes, stack.shape) if stack.axes else (key.axes, key.shape)
        sides = dict(zip(axes, shape, strict=True))
        height, width = sides.get("Y", 0), sides.get("X", 0)
        if key.photometric in CONVERTED or "S" in axes or not _is_upright(key) or height * width == 0:
            return None
        return height, width, len(row) * (math.prod(shape) // (height * width))

    def item_size(self, number: int) -> int:
        stack, row = self.found(number)
        dtype = stack.dtype or self._page(stack, int(row[0])).keyframe.dtype
        return dtype.itemsize if dtype else 8

    def _check_chain(self) -> None:
        """Raises `Unreadable` where the list of pages breaks off: tifffile takes what is left for the whole."""
        len(self.file.pages)  # walks the list
        place = self.file.pages.next_page_offset
        if place is not None:
            handle = self.file.filehandle
            handle.seek(place)
            if any(handle.read(self.file.tiff.offsetsize)):
                raise Unreadable("it is cut short: its list of pages breaks off")

    def _pages(self) -> Planes:
        pages: Iterator[Any] = iter(self.file.pages)
        # previews and masks are pages too
        whole = [i for i, page in enumerate(pages) if not page.is_reduced and not page.is_mask]
        if not whole:
            raise Unreadable("it holds no images")
        if self.letters is not None:
            raise axes_do_not_fit(self.letters, (len(whole), *self.file.pages.first.shape))
        return Planes(self.file.pages, np.array(whole, np.intp)[:, None], (("N", len(whole)),))

    def _stack(self, series: tifffile.TiffPageSeries) -> Planes:
        axes, shape = series.axes, series.shape
        if self.letters is not None:
            if len(self.letters) != len(shape):
                raise axes_do_not_fit(self.letters, shape)
            axes = self.letters
        if self.file.is_ome and series.kind != "ome":  # its pages could be channels as well as images
            raise Unreadable("its OME description does not fit its pages; save it anew")
        if "X" not in axes or "Y" not in axes:
            raise Unreadable(f"its axes {axes} are not those of images")
        if sum(axis == "Q" and length > 1 for axis, length in zip(axes, shape, strict=True)) > 1:
            would = "TCYX" if len(shape) == 4 else "TZCYX"[-len(shape) :]
            self.question = refuse(
                self.source.full_name,
                f"is of shape {shape} with two unnamed axes; say what its axes are, such as <axes> {would} where the "
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
        outer = tuple((axes[i], shape[i]) for i in range(split) if i not in channels)
        table = planes.reshape(-1, math.prod(shape[i] for i in channels))
        if start is None:
            there = self._present(series.pages, table)
            table, outer = there, outer if len(there) == len(table) else (("N", len(there)),)
        return Planes(series.pages, table, outer, axes[split:], shape[split:], start, series.dtype)

    def _present(self, pages: Sequence[Any], table: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The images all of whose planes are in this file, of several files that make one OME-TIFF."""
        here = np.array([page is not None for page in pages])
        complete = here[table].all(axis=1)
        if not complete.any():
            raise Unreadable("the channels of its images lie in several files; save it as one OME-TIFF")
        return table[complete]

    def found(self, number: int) -> tuple[Planes, npt.NDArray[np.intp]]:
        """The planes of an image."""
        which = bisect_right(self.ends, number)
        stack = self.stacks[which]
        return stack, stack.table[number - (self.ends[which - 1] if which else 0)]

    def _page(self, stack: Planes, index: int) -> Any:
        with self.lock:
            return stack.pages[0 if stack.start is not None else index]

    def read(self, number: int, region: Region | None = None) -> Decoded:
        stack, row = self.found(number)
        part = region if self.in_parts else None
        planes = [self._plane(stack, int(index), part) for index in row]
        image = planes[0].pixels if len(planes) == 1 else np.concatenate([plane.pixels for plane in planes], axis=2)
        decoded = Decoded(image, planes[0].notes)
        if region is None or not self.in_parts:
            return decoded.of(region)
        return replace(decoded, place=SensorPlace(region.top, region.left))

    def _plane(self, stack: Planes, index: int, region: Region | None) -> Decoded:
        page = self._page(stack, index)
        key = page.keyframe
        axes, shape = (stack.axes, stack.shape) if stack.axes else (key.axes, key.shape)
        sides = dict(zip(axes, shape, strict=True))
        height, width, dtype = sides.get("Y", 0), sides.get("X", 0), stack.dtype or key.dtype
        samples = math.prod(shape) // max(1, height * width)
        taken = region or Region(0, 0, height, width)
        check_size(taken.height, taken.width, samples, dtype.itemsize if dtype else 8)
        if region is None:
            values = self._values(stack, index, page).reshape(shape)
        else:
            values = self._part(stack, index, page, shape, region)
        image = in_colour(_rows_first(values, axes), key)
        colours, dropped = without_alpha(image, key) if "S" in axes else (image, False)
        orientation = key.tags.get(_ORIENTATION)
        return Decoded(upright(colours, orientation.value if orientation else 1), (ALPHA,) if dropped else ())

    def _part(self, stack: Planes, index: int, page: Any, shape: tuple[int, ...], region: Region) -> npt.NDArray[Any]:
        """The numbers of a region of a plane whose axes are as in the file."""
        if stack.start is None or stack.dtype is None:
            check_whole(page, self.source.size)  # tifffile would fill up with zeros
            return read_part(page, region, self.bytes_at)
        dtype = stack.dtype.newbyteorder(self.file.byteorder)
        of_row = math.prod(shape[1:]) * dtype.itemsize
        where = stack.start + index * math.prod(shape) * dtype.itemsize + region.top * of_row
        data = self.bytes_at(where, region.height * of_row)
        rows = np.frombuffer(data, dtype).reshape(region.height, *shape[1:])
        across = stack.axes.index(COLUMNS)
        columns = [slice(None)] * len(shape)
        columns[across] = region.slices[1]
        return rows[tuple(columns)]

    def bytes_at(self, where: int, size: int) -> bytes:
        """A piece of the file; raises `Unreadable` where it is cut short."""
        with self.lock:
            self.file.filehandle.seek(where)
            data: bytes = self.file.filehandle.read(size)
        if len(data) != size:
            raise Unreadable("it is cut short")
        return data

    def _values(self, stack: Planes, index: int, page: Any) -> npt.NDArray[Any]:
        """The numbers of a plane as they lie in the file."""
        if stack.start is not None and stack.dtype is not None:
            dtype = stack.dtype.newbyteorder(self.file.byteorder)
            size = math.prod(stack.shape) * dtype.itemsize
            return np.frombuffer(self.bytes_at(stack.start + index * size, size), dtype)
        check_whole(page, self.source.size)
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


def _is_upright(page: Any) -> bool:
    orientation = page.tags.get(_ORIENTATION)
    return orientation is None or orientation.value not in range(2, 9)


def open_tiff(source: FileSlice) -> Opened:
    return Tiff(source)
