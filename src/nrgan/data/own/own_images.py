"""People's own noisy images, of many kinds of file, by number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from nrgan.data.own.formats import read_image
from nrgan.data.own.listing import find
from nrgan.data.own.pieces import Piece, Unreadable
from nrgan.data.own.pixels import Pixels
from nrgan.data.own.survey import Survey, image_name, survey
from nrgan.errors import UserError

_VERSION = 1
"""Changes whenever the same files would be read as other images."""
_NAMED = 5


class OwnImages:
    """A fixed, ordered set of images of one kind, read from their files one at a time; sizes may differ.

    channels: 1 to 16. dtype: uint8, uint16 or float32. sizes: (N, 2) int32, height and width of each image.
    statistics: of all values. notes: sentences on what was left out or converted.

    Holds places in files and no open file, so that it can be pickled and used by threads and processes.
    """

    def __init__(self, path: str, pieces: Sequence[Piece], seen: Survey, notes: Sequence[str] = ()) -> None:
        self.path = path
        self.channels = seen.channels
        self.dtype = seen.dtype
        self.sizes = seen.sizes
        self.statistics = seen.statistics
        self.notes = [*notes, *seen.notes]
        self._pieces = list(pieces)
        self._counts = seen.counts
        self._places = seen.places

    def __len__(self) -> int:
        return len(self._places)

    def _place(self, index: int) -> tuple[Piece, int, int]:
        """The file of an image, its number there, and how many there are."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        number, frame = (int(n) for n in self._places[index])
        return self._pieces[number], frame, self._counts[number]

    def read(self, index: int) -> Pixels:
        """Image `index`, (H, W, C) in `dtype`; raises `UserError` where its file has changed since it was opened."""
        piece, frame, _ = self._place(index)
        try:
            image = read_image(piece, frame).image
        except Unreadable as error:
            raise UserError(f"{piece.place}: has changed since it was opened ({error}); start again") from error
        if image.shape != (*self.sizes[index], self.channels) or image.dtype != self.dtype:
            raise UserError(f"{piece.place}: has changed since it was opened; start again")
        return image

    def name(self, index: int) -> str:
        """What people call the image: scan.tif page 7 (the first is page 1), a.zip:img/3.png, stack.npy[6]."""
        piece, frame, count = self._place(index)
        return image_name(piece, count, frame)

    def key(self) -> str:
        """A text that changes whenever the images would, by names, sizes, dates and checksums of the files."""
        digest = hashlib.sha256(f"{_VERSION} {self.channels} {self.dtype}".encode())
        for piece in self._pieces:
            digest.update(f"\n{piece.name!r} {piece.size} {piece.offset} {piece.stamp} {piece.crc}".encode())
        digest.update(np.ascontiguousarray(self._places, "<i4").tobytes())
        return f"own images {digest.hexdigest()}"


def open_images(path: str, skip_corrupt: bool = False, advance: Callable[[int], None] | None = None) -> OwnImages:
    """The images of a folder, zip, stack (.npy, .npz, TIFF), glob, or tar shards; every one is decoded once, here.

    skip_corrupt: images that cannot be read are left out and named in `notes`, instead of an error.
    advance: called with 1 for each image looked at, in the calling thread.
    Raises `UserError` for whatever would fail later: no images, damaged or mixed ones, values that are not finite.
    """
    found = find(path)
    notes = []
    if found.left_out:
        count, names = len(found.left_out), ", ".join(found.left_out[:_NAMED])
        more = ", ..." if count > _NAMED else ""
        what = "1 file is no image and was" if count == 1 else f"{count} files are no images and were"
        notes.append(f"{what} left out: {names}{more}.")
    return OwnImages(path, found.pieces, survey(path, found.pieces, skip_corrupt, advance), notes)
