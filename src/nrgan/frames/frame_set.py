"""People's own noisy images, of many kinds of file, by number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nrgan.frames.file_frames import FileFrames, has_changed
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import open_file, read_image
from nrgan.frames.frame import Frame, SensorPlace
from nrgan.frames.kept_frames import KeptFrames
from nrgan.frames.listing import list_images
from nrgan.frames.mend import Mend, Part
from nrgan.frames.numbering import Numbering, number_images
from nrgan.frames.opened import Decoded, Region
from nrgan.frames.statistics import Statistics
from nrgan.frames.survey import Survey, image_name, images_of, survey
from nrgan.frames.wanted import EVERYTHING, Wanted

_VERSION = 1
"""Changes whenever the same files would be read as other images."""
_NAMED = 5


class FrameSet:
    """A fixed, ordered set of images of one kind, read from their files one at a time; sizes may differ.

    channels: 1 to 16. dtype: uint8, uint16, int16 or float32. sizes: (N, 2) int32, height and width of each image.
    statistics: of all values. scenes: (N,), equal for images that are repeats of one another. gaps: by image, how many
    pixels of each cell have no value (see `gaps`); images that are not there lack none. about: what the first file says
    besides. reading: how the files were understood, in a sentence. notes: sentences on what was left out or converted.
    mended_as: by which repairs, with what; empty where there are none.

    Holds places in files and no open file, so that it can be pickled and used by threads and processes. Images that
    are kept in memory do not travel: a copy reads the files. What is kept are the files' own values, mended when read.
    """

    def __init__(
        self,
        path: str,
        numbering: Numbering,
        seen: Survey,
        wanted: Wanted = EVERYTHING,
        notes: tuple[str, ...] = (),
        kept: KeptFrames | None = None,
    ) -> None:
        self.path, self.wanted, self.about = path, wanted, numbering.about
        self.channels, self.dtype, self.sizes = seen.channels, seen.dtype, seen.sizes
        self.statistics, self.gaps = seen.statistics, seen.gaps
        self.scenes = np.unique(numbering.scenes[seen.numbers], return_inverse=True)[1].reshape(-1)
        self._sources, self._counts = numbering.sources, numbering.counts
        self._addresses, self._corners = numbering.addresses[seen.numbers], seen.corners
        self.reading = self._understood(numbering.axes)
        self.notes = [*notes, *numbering.notes, *seen.notes]
        self._broken = set(np.delete(numbering.addresses[:, 0], seen.numbers).tolist())
        self._mends: tuple[Mend, ...] = ()
        self.mended_as = ""
        self._kept: dict[int, Decoded] = {}
        if kept is not None:
            places = {int(position): index for index, position in enumerate(seen.numbers)}
            self._kept = {places[position]: decoded for position, decoded in kept.images().items()}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}

    def __len__(self) -> int:
        return len(self._addresses)

    def _understood(self, axes: str) -> str:
        sides = np.unique(self.sizes, axis=0)
        size = f"{sides[0][1]}x{sides[0][0]} pixels" if len(sides) == 1 else f"{len(sides)} sizes"
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        count = int(self.scenes.max()) + 1 if len(self) else 0
        repeats = f", {len(self) / count:.3g} repeats each" if count < len(self) else ""
        named = f"; axes {axes}" if axes else ""
        return f"Read as {images_of(count)} of {size}{repeats}, {channels}, {self.dtype}{named}."

    def _address(self, index: int) -> tuple[FileSlice, int, int]:
        """The file of an image, its number there, and how many there are."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        which, number = (int(n) for n in self._addresses[index])
        return self._sources[which], number, self._counts[which]

    def read(self, index: int, region: Region | None = None) -> Frame:
        """Image `index`, or a region of it, in `dtype`, or mended in float32.

        Raises `UserError` where its file has changed meanwhile.
        """
        if self._mends:
            return self._read_mended(index, region)
        name, kept = self.name(index), self._kept.get(index)
        decoded = self._decode(index, region) if kept is None else kept.of(region)
        pixels = decoded.pixels if kept is None else decoded.pixels.copy()
        place = self.place(index)
        if region is not None:
            place = SensorPlace(place.top + region.top, place.left + region.left)
        return Frame(pixels, index, name, place, decoded.header, decoded.missing)

    def _read_mended(self, index: int, region: Region | None) -> Frame:
        """The same, of a part that is so much larger as the repairs look around."""
        height, width = (int(side) for side in self.sizes[index])
        asked = region or Region(0, 0, height, width)
        wider = asked.grown(sum(mend.margin for mend in self._mends), height, width)
        kept = self._kept.get(index)
        decoded = self._decode(index, None if region is None else wider) if kept is None else kept.of(wider)
        pixels, missing, corner = decoded.pixels.astype(np.float32), decoded.missing, self.place(index)
        if missing is not None:
            pixels[missing] = np.nan
        of_wider = SensorPlace(corner.top + wider.top, corner.left + wider.left)
        pixels = Part(pixels, index, wider.top, wider.left, of_wider).mended_by(self._mends)
        inside = Region(asked.top - wider.top, asked.left - wider.left, asked.height, asked.width)
        place = SensorPlace(corner.top + asked.top, corner.left + asked.left)
        missing = None if missing is None else inside.of(missing)
        return Frame(np.ascontiguousarray(inside.of(pixels)), index, self.name(index), place, decoded.header, missing)

    def mended_by(self, mend: Mend, key: str) -> FrameSet:
        """The same files with one more repair, whose sentence is added to the notes; `key` becomes part of `key()`."""
        notes = [*self.notes, mend.said]
        return self._with(_mends=(*self._mends, mend), mended_as=key, notes=notes)

    def with_statistics(self, statistics: Statistics) -> FrameSet:
        """The same frames, whose values are distributed otherwise since they were mended."""
        return self._with(statistics=statistics)

    def _with(self, **changed: Any) -> FrameSet:
        """A copy that shares what is kept in memory, which one that travels would not."""
        other = object.__new__(FrameSet)
        other.__dict__.update(self.__dict__ | changed)
        return other

    def files(self) -> Iterator[FileFrames]:
        """The files in order, each with the numbers of its images; those that cannot be read are among them."""
        ends = np.searchsorted(self._addresses[:, 0], np.arange(len(self._sources) + 1))
        for which, source in enumerate(self._sources):
            numbers = np.full(self._counts[which], -1, np.int64)
            mine = np.arange(ends[which], ends[which + 1])
            numbers[self._addresses[mine, 1]] = mine
            yield FileFrames(source, self.wanted, numbers, self.dtype, which in self._broken)

    def in_parts(self, index: int) -> bool:
        """Whether reading a region of the image takes about what the region holds."""
        if index in self._kept:
            return True
        source, _, _ = self._address(index)
        try:
            return open_file(source, self.wanted).in_parts
        except Unreadable as error:
            raise has_changed(source, str(error)) from error

    def _decode(self, index: int, region: Region | None) -> Decoded:
        source, number, _ = self._address(index)
        try:
            decoded = read_image(source, number, self.wanted, region)
        except Unreadable as error:
            raise has_changed(source, str(error)) from error
        pixels = decoded.pixels
        sides = tuple(self.sizes[index]) if region is None else (region.height, region.width)
        if pixels.shape != (*sides, self.channels) or pixels.dtype != self.dtype:
            raise has_changed(source)
        return decoded

    @property
    def in_memory(self) -> list[int]:
        """The images that are kept in memory: all, none, or some that are evenly spread."""
        return sorted(self._kept)

    def release(self) -> None:
        """Lets go of the images that are kept in memory: from now on they are read from their files."""
        self._kept = {}

    def name(self, index: int) -> str:
        """What people call the image: scan.tif page 7 (the first is page 1), a.zip:img/3.png, stack.npy[6]."""
        source, number, count = self._address(index)
        return image_name(source, count, number)

    def place(self, index: int) -> SensorPlace:
        """Where the top left pixel of the image lies on the sensor; known without reading it."""
        top, left = self._corners[index]
        return SensorPlace(int(top), int(left))

    def key(self) -> str:
        """A text that changes whenever the images would, by names, sizes, dates and checksums of the files."""
        digest = hashlib.sha256(f"{_VERSION} {self.channels} {self.dtype}".encode())
        if self.wanted != EVERYTHING:
            digest.update(f" {self.wanted!r}".encode())
        for source in self._sources:
            digest.update(f"\n{source.name!r} {source.size} {source.offset} {source.stamp} {source.crc}".encode())
        if self._mends:
            digest.update(f" mended {self.mended_as}".encode())
        digest.update(np.ascontiguousarray(self._addresses, "<i4").tobytes())
        return f"own images {digest.hexdigest()}"


def open_frames(
    path: str,
    skip_corrupt: bool = False,
    advance: Callable[[int], None] | None = None,
    keep_bytes: int = 0,
    wanted: Wanted = EVERYTHING,
) -> FrameSet:
    """The images of a folder, archive, stack, glob, or tar shards; every one is decoded once, here.

    skip_corrupt: images that cannot be read are left out and named in `notes`, instead of an error.
    advance: called with 1 for each image looked at, in the calling thread.
    keep_bytes: what decoded images may take in memory, in their own type. Those that fit, evenly spread over all, are
    kept until `FrameSet.release`, and not decoded again.
    wanted: names of axes, and which frames and channels are meant.
    Raises `UserError` for whatever would fail later: no images, damaged or mixed ones.
    """
    listing = list_images(path)
    notes = []
    if listing.left_out:
        count, names = len(listing.left_out), ", ".join(listing.left_out[:_NAMED])
        more = ", ..." if count > _NAMED else ""
        what = "1 file is no image and was" if count == 1 else f"{count} files are no images and were"
        notes.append(f"{what} left out: {names}{more}.")
    numbering = number_images(path, listing.sources, wanted)
    kept = KeptFrames(keep_bytes)
    seen = survey(path, numbering, wanted, skip_corrupt, advance, kept)
    return FrameSet(path, numbering, seen, wanted, tuple(notes), kept)
