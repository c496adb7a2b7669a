"""What every kind of file becomes once it is open: images by number, whose axes have names.

A letter names an axis:

X, Y      columns and rows
C, S      channels and colour samples: together the channels of an image
Z, T      depth and time
R         repeats of the same scene
N         images, where nothing more is known; so Q and all other letters

All but X, Y, C and S count images, in the file's order: the last of them runs fastest.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nrgan.errors import UserError
from nrgan.frames.frame import WHOLE_SENSOR, Pixels, SensorPlace

ROWS, COLUMNS, CHANNELS = "Y", "X", "CS"
WITHIN = ROWS + COLUMNS + CHANNELS
"""The axes that lie within an image."""


@dataclass(frozen=True)
class Region:
    """A rectangle of an image."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Of rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def of(self, image: Pixels) -> Pixels:
        """The rectangle of (H, W, …) pixels."""
        return image[self.slices]

    def grown(self, margin: int, height: int, width: int) -> Region:
        """Larger by so many pixels on all sides, as far as an image of these sides goes."""
        top, left = max(0, self.top - margin), max(0, self.left - margin)
        bottom = min(height, self.top + self.height + margin)
        right = min(width, self.left + self.width + margin)
        return Region(top, left, bottom - top, right - left)


@dataclass(frozen=True)
class Decoded:
    """What a format gives for an image, or for a region of it: its pixels, (H, W, C), upright.

    notes: what had to be done to have them. place, header: as of `Frame`. missing: (H, W), where there is no value;
    None where every pixel has one, or is not finite where it has none.
    """

    pixels: Pixels
    notes: tuple[str, ...] = ()
    place: SensorPlace = WHOLE_SENSOR
    header: Mapping[str, object] = field(default_factory=dict)
    missing: np.ndarray[Any, np.dtype[np.bool_]] | None = None

    def of_channels(self, chosen: Sequence[int]) -> Decoded:
        """The same with some of the channels, in that order."""
        return replace(self, pixels=self.pixels[:, :, list(chosen)])

    def of(self, region: Region | None) -> Decoded:
        """A region of a whole image; None: all of it."""
        if region is None:
            return self
        place = SensorPlace(self.place.top + region.top, self.place.left + region.left)
        missing = None if self.missing is None else region.of(self.missing)
        return replace(self, pixels=region.of(self.pixels), place=place, missing=missing)


@dataclass(frozen=True)
class About:
    """What a file says of its images besides their values; everything may be unknown.

    header: its own words, as JSON could hold them. pixel_size: of an axis, in `unit` (such as {"Y": 0.5, "X": 0.5} and
    "µm"). values: what the numbers are in (such as electron). channels: names. repeats: axes along which the scene is
    the same. named_by: who named the axes; empty where they follow from the shape alone.
    """

    header: Mapping[str, object] = field(default_factory=dict)
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    values: str = ""
    channels: tuple[str, ...] = ()
    repeats: str = "R"
    named_by: str = ""


NOTHING_SAID = About()


class Opened(ABC):
    """A file that is open: its images by number, from 0. Threads may read from it side by side."""

    axes: tuple[tuple[str, int], ...] = (("N", 1),)
    """The axes that count images, with their lengths, in the file's order; the last one runs fastest."""
    about: About = NOTHING_SAID
    in_parts: bool = False
    """Whether reading a region takes about what the region holds, and not the whole image."""

    @property
    def count(self) -> int:
        """How many images there are."""
        return math.prod(length for _, length in self.axes)

    def shape(self, number: int) -> tuple[int, int, int] | None:
        """(H, W, C) of an image, known without decoding it; None where only decoding tells."""
        return None

    def item_size(self, number: int) -> int:
        """Bytes of a value as it is decoded."""
        return 8

    def named(self) -> Opened:
        """Itself, where it is known what its axes are; else raises `UserError` with what could be meant."""
        return self

    def renamed(self, letters: str) -> Opened:
        """The same file with other names for its axes; raises `UserError` where they do not fit."""
        raise UserError(f"<axes> {letters}: is for arrays, and there are files of one image; leave it out")

    @abstractmethod
    def read(self, number: int, region: Region | None = None) -> Decoded:
        """Image `number` in the file's own type, or a region of it; raises `Unreadable`, or nearly anything."""
