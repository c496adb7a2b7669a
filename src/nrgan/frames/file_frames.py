"""A file of a set with all that it holds, of which the set may have a part: for whoever writes one like it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import format_of, open_file
from nrgan.frames.formats.row import Images
from nrgan.frames.frame import Pixels
from nrgan.frames.listing import size_and_stamp
from nrgan.frames.opened import Region
from nrgan.frames.wanted import Wanted
from nrgan.frames.writing import name_like, write_like


@dataclass(frozen=True, eq=False)
class FileFrames:
    """A file, and which of its images are in the set.

    source, wanted: how it is read. numbers: (K,) int64, for each of its images the number in the set, -1 where it was
    not asked for. dtype: of the set. broken: whether an image that was asked for, maybe the only one, cannot be read.
    """

    source: FileSlice
    wanted: Wanted
    numbers: npt.NDArray[np.int64]
    dtype: str
    broken: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder that is one file of images."""
        return format_of(self.source).folder

    def own_type(self) -> np.dtype[Any]:
        """The type of its values before they became those of the set. Raises `UserError` where it has changed."""
        if self.dtype in ("uint16", "int16") or format_of(self.source).single:
            return np.dtype(self.dtype)
        return self.own_image(0, Region(0, 0, 1, 1)).dtype

    def own_image(self, number: int, region: Region | None = None) -> Pixels:
        """One of its images, or a region of it: (H, W, C), all channels, in the file's own type.

        Raises `UserError` where the file has changed.
        """
        try:
            return open_file(self.source, self.wanted).read(number, region).pixels
        except Unreadable as error:
            raise self.has_changed(str(error)) from error

    def channels(self) -> list[int] | None:
        """Which of its channels the set has, in that order; None: all."""
        if self.wanted.channels is None:
            return None
        try:
            opened = open_file(self.source, self.wanted)
        except Unreadable as error:
            raise self.has_changed(str(error)) from error
        shape = opened.shape(0)
        count = self.own_image(0).shape[2] if shape is None else shape[2]
        return self.wanted.channel_numbers(count, opened.about.channels)

    def name(self, other_type: bool = False, added: str = "") -> str:
        """What a file like it is called, see `name_like`."""
        return name_like(self.source, self.wanted, other_type, added)

    def write(self, images: Images, path: Path, other_type: bool = False) -> None:
        """Writes a file like it to `path`, see `write_like`; a folder must not be there yet.

        Raises `UserError` where it cannot be written, or has changed.
        """
        try:
            write_like(self.source, images, path, wanted=self.wanted, other_type=other_type)
        except Unreadable as error:
            raise UserError(f"{self.source.full_name}: no file like it can be written: {error}") from error

    def check_unchanged(self) -> None:
        """Raises `UserError` where the file is another than the one that was opened."""
        try:
            same = size_and_stamp(self.source.path)[1] == self.source.stamp
        except OSError as error:
            raise self.has_changed(error.strerror or str(error)) from error
        if not same:
            raise self.has_changed()

    def has_changed(self, how: str = "") -> UserError:
        """The error for a file that is not the one that was opened."""
        return has_changed(self.source, how)


def has_changed(source: FileSlice, how: str = "") -> UserError:
    return UserError(f"{source.full_name}: has changed since it was opened{f' ({how})' if how else ''}; start again")
