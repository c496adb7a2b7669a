"""Frames as the sensor gave them, before tiles are cut and values are clipped to a range."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.frames.frame import Frame, Pixels
from nrgan.frames.frame_set import FrameSet
from nrgan.frames.gaps import filled
from nrgan.frames.lattice import lattice_step
from nrgan.frames.opened import Region
from nrgan.frames.repeats import find_repeats
from nrgan.frames.value_range import ValueRange

_MOST_FRAMES = 256
_MOST_VALUES = 8_000_000
_MOSTLY = 0.5
"""Share of pairs that repeat a scene, from which on the set is one of repeats."""
_GRID = 8
"""Pixels in frames whose multiples parts begin at: blocks of compressed files stay where they are."""


@dataclass(frozen=True, eq=False)
class SensorFrames:
    """The same part of some frames of a set, in unit range but not clipped to it.

    pixels: (F, H, W, C) float32. numbers: of the frames in the set, ascending. step: between the values that occur,
    in unit range, before they were rounded to whole numbers; 0 where they are not counted. gaps: whether the files'
    type has values between those. zero: where the files' value 0 lies in unit range. pairs: (P, 2), which of `pixels`
    repeat one scene. one_place: whether all of them lie at one place of the sensor.
    """

    pixels: npt.NDArray[np.float32]
    numbers: npt.NDArray[np.int64]
    step: float
    gaps: bool
    zero: float
    pairs: npt.NDArray[np.int64]
    one_place: bool


def sensor_frames(frames: FrameSet, value_range: ValueRange) -> SensorFrames:
    """At most 256 frames of a set, evenly spread, neighbours among them; of large ones the middle.

    Those that repeat a scene are among them, where there are such. Raises `UserError` where a file has changed.
    """
    repeats = find_repeats(frames)
    found = repeats.pairs if repeats is not None and repeats.share >= _MOSTLY else ()
    numbers = _chosen(len(frames), found)
    part = _part(frames, len(numbers))
    # one range for the scale of all channels: that of the first stands for the step
    pixels = np.empty((len(numbers), part.height, part.width, frames.channels), np.float32)
    native = np.empty(pixels.shape, frames.dtype)
    for k, number in enumerate(numbers):
        native[k] = _there(frames.read(int(number), part))
        pixels[k] = value_range.to_unit(native[k])
    span, whole = value_range.high[0] - value_range.low[0], value_range.dtype != "float32"
    step = lattice_step(native) or (float(value_range.step) if whole else 0.0)
    place = {int(number): k for k, number in enumerate(numbers)}
    pairs = np.array([[place[a], place[b]] for a, b in found], np.int64).reshape(-1, 2)
    return SensorFrames(
        pixels=pixels,
        numbers=numbers,
        step=step / span,
        gaps=step > whole,
        zero=(0.0 - value_range.low[0]) / span,
        pairs=pairs,
        one_place=len({frames.place(int(n)) for n in numbers}) == 1 == len(np.unique(frames.sizes, axis=0)),
    )


def _there(frame: Frame) -> Pixels:
    """The pixels, with the nearest value wherever there is none; the last resort is 0, where the part has no value."""
    missing = frame.missing
    if missing is None:
        return frame.pixels
    return np.zeros_like(frame.pixels) if missing.all() else filled(frame.pixels, missing)


def _chosen(count: int, pairs: tuple[tuple[int, int], ...]) -> npt.NDArray[np.int64]:
    if count <= _MOST_FRAMES:
        return np.arange(count)
    in_pairs = {number for pair in pairs for number in pair}
    first = np.linspace(0, count - 2, max((_MOST_FRAMES - len(in_pairs)) // 2, 1)).astype(int)
    return np.array(sorted(in_pairs | set(first.tolist()) | set((first + 1).tolist())), np.int64)


def _part(frames: FrameSet, count: int) -> Region:
    """The middle of the smallest frame, as large as so many of them may be."""
    height, width = (int(side) for side in frames.sizes.min(0))
    side = max(math.isqrt(_MOST_VALUES // (count * frames.channels)), _GRID)
    h, w = min(height, side), min(width, side)
    return Region((height - h) // 2 // _GRID * _GRID, (width - w) // 2 // _GRID * _GRID, h, w)
