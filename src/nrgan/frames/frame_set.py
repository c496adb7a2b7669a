"""People's own noisy images, of many kinds of file, by number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import read_image
from nrgan.frames.frame import Frame, SensorPlace
from nrgan.frames.kept_frames import KeptFrames
from nrgan.frames.listing import list_images
from nrgan.frames.pixels import Decoded
from nrgan.frames.survey import Survey, image_name, survey

_VERSION = 1
"""Changes whenever the same files would be read as other images."""
_NAMED = 5


class FrameSet:
    """A fixed, ordered set of images of one kind, read from their files one at a time; sizes may differ.

    channels: 1 to 16. dtype: uint8, uint16 or float32. sizes: (N, 2) int32, height and width of each image.
    statistics: of all values. notes: sentences on what was left out or converted.

    Holds places in files and no open file, so that it can be pickled and used by threads and processes. Images that
    are kept in memory do not travel: a copy reads the files.
    """

    def __init__(
        self,
        path: str,
        sources: Sequence[FileSlice],
        seen: Survey,
        notes: Sequence[str] = (),
        kept: Sequence[Decoded] | None = None,
    ) -> None:
        self.path = path
        self.channels = seen.channels
        self.dtype = seen.dtype
        self.sizes = seen.sizes
        self.statistics = seen.statistics
        self.notes = [*notes, *seen.notes]
        self._sources = list(sources)
        self._counts = seen.counts
        self._addresses = seen.addresses
        self._corners = seen.corners
        self._kept = kept

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}

    def __len__(self) -> int:
        return len(self._addresses)

    def _address(self, index: int) -> tuple[FileSlice, int, int]:
        """The file of an image, its number there, and how many there are."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        which, number = (int(n) for n in self._addresses[index])
        return self._sources[which], number, self._counts[which]

    def read(self, index: int) -> Frame:
        """Image `index`, in `dtype`; raises `UserError` where its file has changed since it was opened."""
        name, kept = self.name(index), self._kept
        decoded = self._decode(index) if kept is None else kept[index]
        pixels = decoded.pixels if kept is None else decoded.pixels.copy()
        return Frame(pixels, index, name, self.place(index), decoded.header)

    def _decode(self, index: int) -> Decoded:
        source, number, _ = self._address(index)
        try:
            decoded = read_image(source, number)
        except Unreadable as error:
            raise UserError(f"{source.full_name}: has changed since it was opened ({error}); start again") from error
        pixels = decoded.pixels
        if pixels.shape != (*self.sizes[index], self.channels) or pixels.dtype != self.dtype:
            raise UserError(f"{source.full_name}: has changed since it was opened; start again")
        return decoded

    def release(self) -> None:
        """Lets go of the images that are kept in memory: from now on they are read from their files."""
        self._kept = None

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
        for source in self._sources:
            digest.update(f"\n{source.name!r} {source.size} {source.offset} {source.stamp} {source.crc}".encode())
        digest.update(np.ascontiguousarray(self._addresses, "<i4").tobytes())
        return f"own images {digest.hexdigest()}"


def open_frames(
    path: str, skip_corrupt: bool = False, advance: Callable[[int], None] | None = None, keep_bytes: int = 0
) -> FrameSet:
    """The images of a folder, zip, stack (.npy, .npz, TIFF), glob, or tar shards; every one is decoded once, here.

    skip_corrupt: images that cannot be read are left out and named in `notes`, instead of an error.
    advance: called with 1 for each image looked at, in the calling thread.
    keep_bytes: what the decoded images may take in memory, in their own type. Where all fit they are kept, and none is
    decoded again until `FrameSet.release`; where they do not, none is kept.
    Raises `UserError` for whatever would fail later: no images, damaged or mixed ones, values that are not finite.
    """
    listing = list_images(path)
    notes = []
    if listing.left_out:
        count, names = len(listing.left_out), ", ".join(listing.left_out[:_NAMED])
        more = ", ..." if count > _NAMED else ""
        what = "1 file is no image and was" if count == 1 else f"{count} files are no images and were"
        notes.append(f"{what} left out: {names}{more}.")
    kept = KeptFrames(keep_bytes)
    seen = survey(path, listing.sources, skip_corrupt, advance, kept)
    return FrameSet(path, listing.sources, seen, notes, kept.in_order())
