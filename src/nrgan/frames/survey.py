"""The one pass over all images that finds whatever is wrong with them, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import format_of, open_file, read_image
from nrgan.frames.frame import WHOLE_SENSOR, Pixels, SensorPlace
from nrgan.frames.gaps import Cells, Mask, counted
from nrgan.frames.kept_frames import KeptFrames
from nrgan.frames.numbering import Numbering
from nrgan.frames.opened import Decoded, Region
from nrgan.frames.outliers import Sharp, SharpTally, sharp_pixels
from nrgan.frames.parallel import in_order
from nrgan.frames.statistics import Share, Statistics, Tally, Values, values_of
from nrgan.frames.wanted import Wanted

_CHUNK = 16
"""Most images a task decodes, one after the other: for small images, handing out tasks takes longer than they do."""
_NAMED = 10
_LARGE, _BAND = 64 << 20, 16 << 20
"""Bytes of an image from which it is looked at in bands of rows, where its format can read those; and of a band."""
_ROWS = 256
"""Rows that bands are a multiple of, as the parts are that files of large images come in."""


@dataclass(frozen=True)
class Inspection:
    """What one image turned out to be; `fault` says why it is none.

    values, sharp: of its parts, of which a small image has one. gaps: how much of each cell is missing; None: nothing.
    """

    sides: tuple[int, int] = (0, 0)
    channels: int = 0
    dtype: str = ""
    place: SensorPlace = WHOLE_SENSOR
    values: tuple[Values, ...] = ()
    sharp: tuple[Sharp, ...] = ()
    gaps: Cells | None = None
    notes: tuple[str, ...] = ()
    fault: str = ""

    @property
    def constant(self) -> bool:
        """Whether all its values are one."""
        return len({end for seen in self.values for end in (*seen.low, *seen.high)}) == 1


@dataclass
class Survey:
    """The images of a set: which, and what they are.

    numbers: of `Numbering.addresses`, the images that can be read. sizes: (N, 2) int32, height and width. corners:
    (N, 2) int32, the sensor's row and column of the top left pixel. gaps: by image, how much of each cell is missing.
    """

    numbers: npt.NDArray[np.intp]
    sizes: npt.NDArray[np.int32]
    corners: npt.NDArray[np.int32]
    channels: int
    dtype: str
    statistics: Statistics
    gaps: dict[int, Cells]
    notes: list[str] = field(default_factory=list)


def image_name(source: FileSlice, count: int, number: int) -> str:
    """As people would call it: scan.tif page 7, a.zip:img/3.png, stack.npy[6]."""
    return source.name + (format_of(source).label(number) if count > 1 else "")


def survey(
    path: str,
    numbering: Numbering,
    wanted: Wanted,
    skip_corrupt: bool,
    advance: Callable[[int], None] | None,
    kept: KeptFrames,
) -> Survey:
    """Decodes every image once, `advance(1)` for each; raises `UserError` where the set cannot be trained on.

    path: names the set in errors. kept: is given every image that can be read whole. Beside it, memory holds an image
    (or a band of a large one) for each processor, and a few numbers for each image.
    """
    gathered = _Gathered(path, numbering)
    for start, inspections in _inspections(numbering, wanted, kept):
        for index, inspection in enumerate(inspections, start):
            gathered.add(index, inspection)
            if advance is not None:
                advance(1)
    return gathered.result(skip_corrupt)


def _inspections(numbering: Numbering, wanted: Wanted, kept: KeptFrames) -> Iterator[tuple[int, list[Inspection]]]:
    addresses, sources = numbering.addresses, numbering.sources
    total = len(addresses)
    chunk = min(_CHUNK, 1 + total // 256)

    def inspect(position: int) -> Inspection:
        which, number = (int(n) for n in addresses[position])
        try:
            if bands := _bands(sources[which], number, wanted):
                kept.keep_none()
                return _inspected_in_bands(sources[which], number, wanted, bands, position, total)
            decoded = read_image(sources[which], number, wanted)
            inspection = inspected(decoded, Share(position, total))
        except Unreadable as error:
            return Inspection(fault=str(error))
        kept.add(position, decoded)
        return inspection

    def inspect_chunk(start: int) -> tuple[int, list[Inspection]]:
        return start, [inspect(position) for position in range(start, min(start + chunk, total))]

    return in_order(inspect_chunk, range(0, total, chunk))


def _bands(source: FileSlice, number: int, wanted: Wanted) -> list[Region]:
    """The bands of rows in which an image is looked at; none where it is small, or has to be decoded whole."""
    if format_of(source).single:
        return []
    opened = open_file(source, wanted)
    shape = opened.shape(number) if opened.in_parts else None
    if shape is None:
        return []
    height, width, channels = shape
    of_row = width * channels * opened.item_size(number)
    if height * of_row <= _LARGE:
        return []
    rows = max(_ROWS, _BAND // of_row // _ROWS * _ROWS)
    return [Region(top, 0, min(rows, height - top), width) for top in range(0, height, rows)]


def inspected(decoded: Decoded, share: Share) -> Inspection:
    """What an image is, or a part of one; raises `Unreadable` where it has no values at all."""
    image, missing = decoded.pixels, decoded.missing
    values = values_of(image, share, missing)
    if values is None and share.parts == 1:
        raise Unreadable("none of its values is a number")
    rows = max(_ROWS, _BAND // max(1, image[0].nbytes))
    tops = range(0, len(image), rows) if image.dtype != np.uint8 and values is not None else ()
    return Inspection(
        sides=(image.shape[0], image.shape[1]),
        channels=image.shape[2],
        dtype=image.dtype.name,
        place=decoded.place,
        values=() if values is None else (values,),
        sharp=tuple(_sharp_in(image, missing, slice(top, top + rows)) for top in tops),
        gaps=None if missing is None else counted(missing),
        notes=decoded.notes,
    )


def _sharp_in(image: Pixels, missing: Mask | None, rows: slice) -> Sharp:
    """The sharp pixels of some rows: finding them takes several times their memory."""
    return sharp_pixels(image[rows], None if missing is None else missing[rows]).moved(rows.start)


def _inspected_in_bands(
    source: FileSlice, number: int, wanted: Wanted, bands: Sequence[Region], position: int, total: int
) -> Inspection:
    parts = [
        inspected(read_image(source, number, wanted, band), Share(position, total, part, len(bands)))
        for part, band in enumerate(bands)
    ]
    values = tuple(seen for part in parts for seen in part.values)
    if not values:
        raise Unreadable("none of its values is a number")
    height, width = sum(part.sides[0] for part in parts), parts[0].sides[1]
    gaps = None
    if any(part.gaps is not None for part in parts):
        whole = (counted(np.zeros(part.sides, bool)) if part.gaps is None else part.gaps for part in parts)
        gaps = np.concatenate(list(whole))
    sharp = tuple(seen.moved(band.top) for part, band in zip(parts, bands, strict=True) for seen in part.sharp)
    return replace(parts[0], sides=(height, width), values=values, sharp=sharp, gaps=gaps)


def _few(names: Sequence[str], total: int) -> str:
    """The first names of so many."""
    return ", ".join(names[:_NAMED]) + (", ..." if total > _NAMED else "")


def images_of(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


class _Gathered:
    """What the inspections add up to, in order."""

    def __init__(self, path: str, numbering: Numbering) -> None:
        self.path = path
        self.numbering = numbering
        addresses = numbering.addresses
        self.readable = np.zeros(len(addresses), bool)
        self.sizes = np.zeros((len(addresses), 2), np.int32)
        self.corners = np.zeros((len(addresses), 2), np.int32)
        self.tallies: dict[tuple[int, str], Tally] = {}
        self.gaps: dict[int, Cells] = {}
        self.sharp: dict[tuple[int, str], SharpTally] = {}
        self.notes: Counter[str] = Counter()
        self.kinds: Counter[tuple[int, str]] = Counter()
        self.first_of: dict[tuple[int, str], list[str]] = {}
        self.faults: list[str] = []
        self.fault_count = 0
        self.constant: list[str] = []
        self.constant_count = 0

    def add(self, index: int, inspection: Inspection) -> None:
        which, number = (int(n) for n in self.numbering.addresses[index])
        name = image_name(self.numbering.sources[which], self.numbering.counts[which], number)
        if inspection.fault:
            self.fault_count += 1
            if len(self.faults) < _NAMED:
                self.faults.append(f"{name} ({inspection.fault})")
            return
        self.readable[index] = True
        self.sizes[index] = inspection.sides
        self.corners[index] = inspection.place.top, inspection.place.left
        self.notes.update(inspection.notes)
        kind = (inspection.channels, inspection.dtype)
        self.kinds[kind] += 1
        named = self.first_of.setdefault(kind, [])
        if len(named) < _NAMED:
            named.append(name)
        if inspection.gaps is not None:
            self.gaps[index] = inspection.gaps
        if kind not in self.tallies:
            self.tallies[kind], self.sharp[kind] = Tally(*kind), SharpTally()
        tally, sharp = self.tallies[kind], self.sharp[kind]
        for seen in inspection.values:
            tally.add(seen)
        for found in inspection.sharp:
            sharp.add(index, inspection.sides, found)
        if inspection.constant:
            self.constant_count += 1
            if len(self.constant) < _NAMED:
                self.constant.append(name)

    def result(self, skip_corrupt: bool) -> Survey:
        self._check_faults(skip_corrupt)
        (channels, dtype), _ = self.kinds.most_common(1)[0]
        if len(self.kinds) > 1:
            raise UserError(self._mixed(channels, dtype))
        if self.constant_count == self.readable.sum():
            raise UserError(
                f"{self.path}: every image is of a single value ({_few(self.constant, self.constant_count)}); "
                "there is nothing to learn, give other images"
            )
        numbers = np.flatnonzero(self.readable)
        return Survey(
            numbers=numbers,
            sizes=self.sizes[numbers],
            corners=self.corners[numbers],
            channels=channels,
            dtype=dtype,
            statistics=self.tallies[channels, dtype].statistics(self.sharp[channels, dtype].result()),
            gaps={int(np.searchsorted(numbers, index)): cells for index, cells in self.gaps.items()},
            notes=self._notes(),
        )

    def _check_faults(self, skip_corrupt: bool) -> None:
        count, total = self.fault_count, len(self.numbering.addresses)
        listed = _few(self.faults, count)
        if not self.readable.any():
            raise UserError(f"{self.path}: none of its images can be read: {listed}; give other images")
        if count and not skip_corrupt:
            raise UserError(
                f"{self.path}: {count} of its {images_of(total)} cannot be read: {listed}; mend or remove them, or "
                "leave them out with <skip_corrupt>"
            )

    def _mixed(self, channels: int, dtype: str) -> str:
        most = self.kinds[channels, dtype]
        others = [
            f"{name} ({_kind(*kind)})"
            for kind, names in self.first_of.items()
            if kind != (channels, dtype)
            for name in names
        ]
        total = sum(self.kinds.values())
        return (
            f"{self.path}: the images are of several kinds: {most} of {total} are of {_kind(channels, dtype)}; not so: "
            f"{_few(others, total - most)}; convert them all to one kind"
        )

    def _notes(self) -> list[str]:
        notes = [note.format(images_of(count)) for note, count in self.notes.items()]
        if self.fault_count:
            left = f"{images_of(self.fault_count)} that cannot be read {'was' if self.fault_count == 1 else 'were'}"
            notes.append(f"{left} left out: {_few(self.faults, self.fault_count)}.")
        if self.constant_count:
            named = _few(self.constant, self.constant_count)
            notes.append(f"{images_of(self.constant_count)} of a single value: {named}.")
        return notes


def _kind(channels: int, dtype: str) -> str:
    return f"{'1 channel' if channels == 1 else f'{channels} channels'} of {dtype}"
