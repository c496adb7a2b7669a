"""The one pass over all images that finds whatever is wrong with them, before anything is trained."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import count_images, format_of, read_image
from nrgan.frames.frame import WHOLE_SENSOR, SensorPlace
from nrgan.frames.kept_frames import KeptFrames
from nrgan.frames.pixels import Decoded
from nrgan.frames.statistics import Statistics, Tally, Values, values_of

Item = TypeVar("Item")
Result = TypeVar("Result")
_CHUNK = 16
"""Most images a task decodes, one after the other: for small images, handing out tasks takes longer than they do."""
_NAMED = 10


@dataclass(frozen=True)
class Inspection:
    """What one image turned out to be; `fault` says why it is none."""

    sides: tuple[int, int] = (0, 0)
    channels: int = 0
    dtype: str = ""
    place: SensorPlace = WHOLE_SENSOR
    values: Values | None = None
    notes: tuple[str, ...] = ()
    fault: str = ""


@dataclass
class Survey:
    """The images of the sources: which, and what they are.

    addresses: (N, 2) int32, the number of the source and of the image in it. sizes: (N, 2) int32, height and width.
    corners: (N, 2) int32, the sensor's row and column of the top left pixel. counts: how many images each source has.
    """

    addresses: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    corners: npt.NDArray[np.int32]
    counts: list[int]
    channels: int
    dtype: str
    statistics: Statistics
    notes: list[str] = field(default_factory=list)


def image_name(source: FileSlice, count: int, number: int) -> str:
    """As people would call it: scan.tif page 7, a.zip:img/3.png, stack.npy[6]."""
    return source.name + (format_of(source).label(number) if count > 1 else "")


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `work` in the items' order, by all processors, with only a few results waiting at a time."""
    workers = os.cpu_count() or 1
    items = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque(pool.submit(work, item) for item in islice(items, 2 * workers))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(items, 1))
        finally:
            for future in waiting:
                future.cancel()


def survey(
    path: str,
    sources: Sequence[FileSlice],
    skip_corrupt: bool,
    advance: Callable[[int], None] | None,
    kept: KeptFrames,
) -> Survey:
    """Decodes every image once, `advance(1)` for each; raises `UserError` where the set cannot be trained on.

    path: names the set in errors. kept: is given every image that can be read. Beside it, memory holds an image for
    each processor, and a few numbers for each image.
    """
    counts = [1] * len(sources)
    several = [number for number, source in enumerate(sources) if format_of(source).count is not None]
    for number, count in zip(several, in_order(_count, (sources[number] for number in several)), strict=True):
        counts[number] = count
    # a file that cannot be counted is looked at all the same: that says what is wrong with it
    addresses = np.array(
        [(which, number) for which, count in enumerate(counts) for number in range(max(count, 1))], np.int32
    )
    gathered = _Gathered(path, sources, counts, addresses)
    for start, inspections in _inspections(sources, addresses, kept):
        for index, inspection in enumerate(inspections, start):
            gathered.add(index, inspection)
            if advance is not None:
                advance(1)
    return gathered.result(skip_corrupt)


def _count(source: FileSlice) -> int:
    try:
        return count_images(source)
    except Unreadable:
        return 0


def _inspections(
    sources: Sequence[FileSlice], addresses: npt.NDArray[np.int32], kept: KeptFrames
) -> Iterator[tuple[int, list[Inspection]]]:
    total = len(addresses)
    chunk = min(_CHUNK, 1 + total // 256)

    def inspect(position: int) -> Inspection:
        which, number = addresses[position]
        try:
            decoded = read_image(sources[which], int(number))
        except Unreadable as error:
            return Inspection(fault=str(error))
        kept.add(position, decoded)
        return _inspection(decoded, position, total)

    def inspect_chunk(start: int) -> tuple[int, list[Inspection]]:
        return start, [inspect(position) for position in range(start, min(start + chunk, total))]

    return in_order(inspect_chunk, range(0, total, chunk))


def _inspection(decoded: Decoded, index: int, total: int) -> Inspection:
    image = decoded.pixels
    return Inspection(
        sides=(image.shape[0], image.shape[1]),
        channels=image.shape[2],
        dtype=image.dtype.name,
        place=decoded.place,
        values=values_of(image, index, total),
        notes=decoded.notes,
    )


def _few(names: Sequence[str], total: int) -> str:
    """The first names of so many."""
    return ", ".join(names[:_NAMED]) + (", ..." if total > _NAMED else "")


def images_of(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


class _Gathered:
    """What the inspections add up to, in order."""

    def __init__(
        self, path: str, sources: Sequence[FileSlice], counts: list[int], addresses: npt.NDArray[np.int32]
    ) -> None:
        self.path = path
        self.sources = sources
        self.counts = counts
        self.addresses = addresses
        self.readable = np.zeros(len(addresses), bool)
        self.sizes = np.zeros((len(addresses), 2), np.int32)
        self.corners = np.zeros((len(addresses), 2), np.int32)
        self.tallies: dict[tuple[int, str], Tally] = {}
        self.notes: Counter[str] = Counter()
        self.kinds: Counter[tuple[int, str]] = Counter()
        self.first_of: dict[tuple[int, str], list[str]] = {}
        self.faults: list[str] = []
        self.fault_count = 0
        self.constant: list[str] = []
        self.constant_count = 0

    def add(self, index: int, inspection: Inspection) -> None:
        which, number = (int(n) for n in self.addresses[index])
        name = image_name(self.sources[which], self.counts[which], number)
        if inspection.values is None:
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
        self.tallies.setdefault(kind, Tally(*kind)).add(inspection.values)
        if inspection.values.constant:
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
        return Survey(
            addresses=self.addresses[self.readable],
            sizes=self.sizes[self.readable],
            corners=self.corners[self.readable],
            counts=self.counts,
            channels=channels,
            dtype=dtype,
            statistics=self.tallies[channels, dtype].statistics(),
            notes=self._notes(),
        )

    def _check_faults(self, skip_corrupt: bool) -> None:
        count, total = self.fault_count, len(self.addresses)
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
