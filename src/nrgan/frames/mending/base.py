"""What every repair is made from, and what making them has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nrgan.errors import UserError
from nrgan.frames.frame_set import FrameSet
from nrgan.frames.gaps import filled
from nrgan.frames.mend import Mend, Native, Part
from nrgan.progress import Preparing


@dataclass(frozen=True)
class Given:
    """What a repair is made from.

    frames: the set, as repairs before have mended it. dark, flat: frames of no light, and of even light; None where
    there are none.
    """

    frames: FrameSet
    dark: FrameSet | None = None
    flat: FrameSet | None = None
    preparing: Preparing | None = None


@dataclass(frozen=True)
class Row:
    """A repair by name. words: what it does. make: the repair for a set; raises `UserError` where it cannot be.

    takes: which of dark and flat frames it can use.
    """

    words: str
    make: Callable[[Given], Mend]
    takes: tuple[str, ...] = ()


def sensor_sides(frames: FrameSet) -> tuple[int, int]:
    """Rows and columns of the sensor as far as the frames reach."""
    corners = np.array([[frames.place(k).top, frames.place(k).left] for k in range(len(frames))])
    height, width = (corners + frames.sizes).max(axis=0)
    return int(height), int(width)


def check_covers(frames: FrameSet, references: FrameSet, name: str) -> None:
    """Raises `UserError` where frames lie on the sensor beyond the references, which are <dark> or <flat>."""
    (height, width), (rows, columns) = sensor_sides(frames), sensor_sides(references)
    if height > rows or width > columns:
        raise UserError(
            f"<{name}> {references.path}: reaches {columns}x{rows} pixels of the sensor, and the images "
            f"{width}x{height}; give frames of the whole sensor"
        )


def evenly(count: int, most: int) -> list[int]:
    """`most` of so many numbers, evenly spread; all where there are no more."""
    return [k * count // min(count, most) for k in range(min(count, most))]


def on_sensor(part: Part) -> tuple[slice, slice]:
    """Which rows and columns of the sensor the part is of."""
    height, width = part.pixels.shape[:2]
    return slice(part.place.top, part.place.top + height), slice(part.place.left, part.place.left + width)


def whole(frames: FrameSet, index: int) -> Part:
    """All of a frame; where there is no value, the nearest pixel's."""
    frame = frames.read(index)
    pixels, missing = frame.pixels, frame.missing
    if missing is not None and missing.any() and not missing.all():
        pixels = filled(pixels, missing)
    native: Native = np.nan_to_num(np.asarray(pixels, np.float32))
    return Part(native, index, 0, 0, frame.place)
