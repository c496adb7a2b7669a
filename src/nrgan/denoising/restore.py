"""A denoiser applied to files: each becomes one like it, with its header, its axes and its units.

y, unit range of the denoiser → s·f(y) + (1 − s)·y, s the strength. Values are rounded once, at the end. No statistic of
an image, a file or a tile enters. Where there is no value none comes to be: for f such pixels have the nearest one.
"""

from __future__ import annotations

import math
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.denoising.mapping import Mapping
from nrgan.denoising.restore_plan import Plan, PlannedFile, Writing, entry_of, size_of
from nrgan.denoising.restored_index import Index, index_of
from nrgan.denoising.tiles import Tile, each_tile, mapped
from nrgan.frames import FileFrames, FrameSet, Region, ValueRange, filled
from nrgan.progress import Advance, Preparing, prepared
from nrgan.storage import clear_parts, disk_errors, replacing, writing_folder

_LARGE = 256 << 20
"""Bytes from which an image that is being made lies in a file that has no name."""
_MUCH = 1e-3
"""Share of values that are clipped, from which on it is said."""
Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Restored:
    """Numbers of files: written, done before, and skipped because they cannot be read.

    clipped: share of the values written now that lay beyond what their type holds. notes: sentences.
    """

    written: int
    done_before: int
    skipped: int
    clipped: float
    notes: tuple[str, ...]


def restore(
    plan: Plan, mapping: Mapping, uncertainty: Mapping | None = None, preparing: Preparing | None = None
) -> Restored:
    """Writes all files of a plan that are not done, one image in memory at a time.

    mapping: f, the denoiser. uncertainty: the expected error of f, a standard deviation in unit range, for plans with
    `errors`. Raises `UserError` where a file has changed since the plan was made, or cannot be written; what was
    finished is kept, and the same plan made again goes on.
    """
    if plan.restoring.errors != (uncertainty is not None):
        raise ValueError("errors are planned where there is an uncertainty, and only there")
    todo = [file for file in plan.files if not file.done]
    works: list[tuple[PlannedFile, Writing, _Images]] = []
    for file in todo:
        works.append((file, file.image, _Denoised(plan, file, file.image.dtype, mapping)))
        if file.errors is not None and uncertainty is not None:
            works.append((file, file.errors, _Errors(plan, file, file.errors.dtype, uncertainty)))
    works = [work for work in works if not work[1].done]
    count = sum(len(file.file.numbers) for file, _, _ in works)
    advance = prepared(preparing, f"images written to {plan.out}", count)
    with index_of(plan.out) as index:
        _clear(plan)
        for file, writing, images in works:
            _write(plan, file.file, writing, images, index, advance)
    clipped = sum(images.clipped for _, _, images in works) / max(sum(images.values for _, _, images in works), 1)
    done = len(plan.files) - len(todo)
    return Restored(len(todo), done, len(plan.skipped), clipped, tuple(_said(clipped, plan)))


def _said(clipped: float, plan: Plan) -> Iterator[str]:
    dtype, values = plan.frames.dtype, plan.restoring.value_range
    if plan.restoring.dtype == "same" and values.of_clean != values:
        yield (
            "Few values are told apart from black to white, and what is restored was rounded to those; with <dtype> "
            "float32 it is not."
        )
    if clipped >= _MUCH:
        yield (
            f"{clipped:.1%} of the values lay beyond what {dtype} holds and were clipped, which changes means; with "
            "<dtype> float32 they stay."
        )


def _clear(plan: Plan) -> None:
    """Removes what a killed command left."""
    for folder in {(plan.out / file.image.name).parent for file in plan.files}:
        if folder.is_dir():
            clear_parts(folder)


def _write(plan: Plan, file: FileFrames, writing: Writing, images: _Images, index: Index, advance: Advance) -> None:
    """One file, whole or not at all."""
    file.check_unchanged()
    path = plan.out / writing.name
    index.add(entry_of(writing.name, file, plan.frames, plan.restoring))  # from now on what lies there is ours
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(path, file.is_folder and not writing.changes) as part:
            file.write(images.counted(advance, path.parent), part, writing.changes)
            file.check_unchanged()
            size = size_of(part)
    index.add(entry_of(writing.name, file, plan.frames, plan.restoring, size))


@contextmanager
def _beside(path: Path, folder: bool) -> Iterator[Path]:
    """A name for a file or a folder that takes the place of `path` once it is whole."""
    if not folder:
        with replacing(path) as part:
            yield part
        return
    with writing_folder(path) as part:
        part.rmdir()
        yield part


class _Images(ABC):
    """What is written for a file, image after image. clipped, values: counts of what was."""

    def __init__(self, plan: Plan, file: PlannedFile, dtype: np.dtype[Any], f: Mapping) -> None:
        self.frames, self.restoring, self.file, self.f = plan.frames, plan.restoring, file.file, f
        self.dtype = dtype.newbyteorder("=")
        self.range: ValueRange = plan.restoring.value_range
        self.clipped = self.values = 0

    def counted(self, advance: Advance, scratch: Path) -> Iterator[Values]:
        """The images, (H, W, C) each; `advance` hears of each. scratch: a folder for what is too large for memory."""
        for number, index in enumerate(self.file.numbers):
            yield self._left(number) if index < 0 else self._image(number, int(index), scratch)
            advance(1)

    def _image(self, number: int, index: int, scratch: Path) -> Values:
        height, width = (int(side) for side in self.frames.sizes[index])
        channels = self.file.channels()
        out = _empty((height, width, self.frames.channels), self.dtype, scratch)
        source = _Source(self.frames, self.file, number, index, channels, _reach(self.f))
        self.clipped += sum(each_tile(self.f, height, width, lambda tile: self._put(out, tile, source)))
        self.values += out.size
        if channels is None:
            return out
        whole = self._left(number)
        whole[:, :, channels] = out
        return whole

    def _put(self, out: Values, tile: Tile, source: _Source) -> int:
        """Sets the core of a tile; how many values were clipped."""
        wide, pixels, missing = source.around(tile.outer)
        core = Tile(tile.core, wide)
        y = self.range.to_unit(pixels if missing is None else _with_nearest(pixels, missing))
        f = tile.inside(mapped(self.f, Tile(tile.outer, wide).inside(y)))
        here = core.inside(pixels)
        values = self._native(f, core.inside(y), here, _saturated(here, self.range) & self.restoring.keep_saturated)
        found, beyond = _of_type(values, self.dtype)
        if missing is not None and (gaps := core.inside(missing)).any():
            found[gaps], beyond[gaps] = self._gaps(source, tile.core, gaps), False
        out[tile.core.slices] = found
        return int(beyond.sum())

    @abstractmethod
    def _left(self, number: int) -> Values:
        """An image, all channels, of which nothing is asked for."""

    @abstractmethod
    def _native(self, f: Values, y: Values, pixels: Values, kept: Mask) -> Values:
        """In the file's units, from unit f and y; `kept` tells which of the file's `pixels` stay as they are."""

    @abstractmethod
    def _gaps(self, source: _Source, core: Region, gaps: Mask) -> Any:
        """What stands where there is no value."""


class _Denoised(_Images):
    def _left(self, number: int) -> Values:
        return self.file.own_image(number).astype(self.dtype)

    def _native(self, f: Values, y: Values, pixels: Values, kept: Mask) -> Values:
        s = self.restoring.strength
        # as floats: a sensor's steps are its own, and rounding to them would undo what was gained
        values = replace(self.range, dtype="float32").from_unit(s * f + (1 - s) * y)
        return np.where(kept, pixels, values)

    def _gaps(self, source: _Source, core: Region, gaps: Mask) -> Any:
        return source.own(core)[gaps].astype(self.dtype)


class _Errors(_Images):
    def _left(self, number: int) -> Values:
        return np.full(self.file.own_image(number).shape, np.nan, self.dtype)

    def _native(self, f: Values, y: Values, pixels: Values, kept: Mask) -> Values:
        return np.where(kept, np.float32(np.nan), self.range.difference_from_unit(f))

    def _gaps(self, source: _Source, core: Region, gaps: Mask) -> Any:
        return np.nan


class _Source:
    """An image as it is read: whole and once, or in parts where its kind of file has them.

    channels: those of the file that the set has. reach: see `_reach`.
    """

    def __init__(
        self, frames: FrameSet, file: FileFrames, number: int, index: int, channels: list[int] | None, reach: int
    ) -> None:
        self.frames, self.file, self.number, self.index, self.channels = frames, file, number, index, channels
        self.height, self.width = (int(side) for side in frames.sizes[index])
        self.margin = reach if index in frames.gaps else 0
        self.whole = None if frames.in_parts(index) else frames.read(index)
        self._own: Values | None = None

    def around(self, region: Region) -> tuple[Region, Values, Mask | None]:
        """A region that is wider where values are missing, its pixels, and where they are."""
        wide = region.grown(self.margin, self.height, self.width)
        if self.whole is None:
            frame = self.frames.read(self.index, wide)
            return wide, frame.pixels, frame.missing
        missing = self.whole.missing
        return wide, wide.of(self.whole.pixels), None if missing is None else wide.of(missing)

    def own(self, region: Region) -> Values:
        """The file's own values of the channels."""
        if self.whole is None:
            found = self.file.own_image(self.number, region)
        else:
            self._own = self.file.own_image(self.number) if self._own is None else self._own
            found = region.of(self._own)
        return found if self.channels is None else found[:, :, self.channels]


def _reach(f: Mapping) -> int:
    """How far from a pixel without a value the nearest one may lie, at most, if the pixel matters at all.

    It matters where a pixel with a value is within the radius, at most a diagonal away.
    """
    return math.ceil(math.sqrt(2) * f.radius)


def _with_nearest(pixels: Values, missing: Mask) -> Values:
    return np.zeros_like(pixels) if missing.all() else filled(pixels, missing)


def _saturated(pixels: Values, value_range: ValueRange) -> Mask:
    """Which values are the range's or the type's greatest; those beyond a range that is not the type's are seen."""
    top = pixels == np.array(value_range.high, np.float32)
    if value_range.dtype != "float32":
        top |= pixels >= np.iinfo(value_range.dtype).max
    return np.asarray(top)


def _of_type(values: Values, dtype: np.dtype[Any]) -> tuple[Values, Mask]:
    """Values in a type, integers rounded to nearest and clipped; and which of them were clipped."""
    if dtype.kind == "f":
        return values.astype(dtype), np.zeros(values.shape, bool)
    limits = np.iinfo(dtype)
    least, most = float(limits.min), float(limits.max)
    if most > limits.max:  # of 64 bits a float holds less
        most = float(np.nextafter(most, 0))
    rounded = np.rint(values.astype(np.float64))
    return np.clip(rounded, least, most).astype(dtype), (rounded < least) | (rounded > most)


def _empty(shape: tuple[int, int, int], dtype: np.dtype[Any], scratch: Path) -> Values:
    """An image to be filled, in memory or in a file that goes with it."""
    if math.prod(shape) * dtype.itemsize < _LARGE:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=scratch) as file:
        return np.memmap(file, dtype, "w+", shape=shape)
