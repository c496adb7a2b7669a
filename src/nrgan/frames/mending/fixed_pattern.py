"""The sensor's own pattern: an offset and a gain of each pixel, the same in all frames.

From dark and flat frames: v' = (v − d)/g + d̄, with d the mean of the dark frames (without each pixel's extremes, where
there are 3 or more), d̄ its mean over the sensor, and g the mean of the flat frames minus d, over its own mean.
From frames that differ in content: v' = v − R·m, with m the mean over frames of v minus the median of 5x5 pixels
around, cut at 3σ. That is the fine part of the offset; what is smooth stays. Two halves of the frames tell how much of
m is a pattern: R is that share (see `MeanFrame.share`), and 1 − R of the pattern's variance is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nrgan.errors import UserError
from nrgan.frames.frame_set import FrameSet
from nrgan.frames.mend import Mend, Native, Part
from nrgan.frames.mending.apart import check_apart
from nrgan.frames.mending.base import Given, Row, check_covers, on_sensor
from nrgan.frames.mending.mean_frame import Map, MeanFrame
from nrgan.frames.mending.noise_level import NoiseLevel
from nrgan.progress import Preparing

_FEWEST = 8
_CUT = 3.0
_WINDOW = 5
_LEAST_SHARE = 0.5
"""Of a map that is a pattern: with less, its error would exceed what it removes."""
_LEAST_GAIN, _MOST_GAIN = 0.1, 10.0
_WOULD_DO = "give dark and flat frames (<dark>, <flat>)"


@dataclass(frozen=True, eq=False)
class FixedPattern(Mend):
    """v' = (v − offset)/gain + level; offset, gain: (H, W, C) of the sensor; level: (C,); gain None: 1."""

    offset: Map
    gain: Map | None
    level: Map
    said: str

    def apply(self, part: Part) -> Native:
        place = on_sensor(part)
        rest = part.pixels - self.offset[place]
        if self.gain is not None:
            rest = rest / self.gain[place]
        return np.asarray(rest + self.level, np.float32)


def _from_references(given: Given, dark: FrameSet) -> FixedPattern:
    offset, of_dark = _dark(dark, given.preparing)
    level = offset.mean((0, 1))
    gain, of_gain = None, ""
    if given.flat is not None:
        gain, limited = _gain(given.flat, offset, given.preparing)
        of_gain = f", gain from {_frames(given.flat)} (rms {gain.std():.2%}{_limited(limited)})"
    spread = float((offset - level).std())
    return FixedPattern(
        offset, gain, level, f"Mended: the fixed pattern: offset from {of_dark} (rms {spread:.3g}){of_gain}."
    )


def _dark(dark: FrameSet, preparing: Preparing | None) -> tuple[Map, str]:
    """The offset, and words on the frames that it is from."""
    mean = MeanFrame.of(dark, lambda part: part.pixels, f"dark frames in {dark.path}", preparing)
    if len(dark) == 1:
        return mean.trimmed(), "1 dark frame, whose own noise is added to all"
    share = mean.share()
    if share < _LEAST_SHARE:
        raise UserError(
            f"<dark> {dark.path}: the {len(dark)} frames agree on {share:.0%} of their mean alone, so that more noise "
            "would be added than pattern removed; give more dark frames"
        )
    return mean.trimmed(), f"{_frames(dark)}, which agree on {share:.0%}"


def _gain(flat: FrameSet, offset: Map, preparing: Preparing | None) -> tuple[Map, int]:
    """The gain, of mean 1 in each channel, and for how many pixels it is at a limit."""
    mean = MeanFrame.of(flat, lambda part: part.pixels, f"flat frames in {flat.path}", preparing).trimmed()
    height, width = (min(a, b) for a, b in zip(mean.shape[:2], offset.shape[:2], strict=True))
    light = mean[:height, :width] - offset[:height, :width]
    middle = np.median(light, axis=(0, 1))
    if (middle <= 0).any():
        raise UserError(
            f"<flat> {flat.path}: is not brighter than the dark frames, so that there is no gain in it; give frames of "
            "even light"
        )
    limited = np.clip(light, _LEAST_GAIN * middle, _MOST_GAIN * middle)
    return np.asarray(limited / limited.mean((0, 1)), np.float32), int((limited != light).sum())


def _frames(frames: FrameSet) -> str:
    kind = "frame" if len(frames) == 1 else "frames"
    return f"{len(frames):,} {kind} in {frames.path}"


def _limited(count: int) -> str:
    return f", kept within {_LEAST_GAIN:g} to {_MOST_GAIN:g} for {count:,} pixels" if count else ""


def _from_frames(given: Given) -> FixedPattern:
    frames = given.frames
    check_apart(frames, FIXED_PATTERN, _FEWEST, _WOULD_DO)
    noise = NoiseLevel.of(frames)

    def fine(part: Part) -> Native:
        level = np.asarray(ndimage.median_filter(part.pixels, (_WINDOW, _WINDOW, 1), mode="mirror"))
        most = _CUT * noise.at(level)
        return np.clip(part.pixels - level, -most, most)

    mean = MeanFrame.of(frames, fine, f"the fixed pattern of {frames.path}", given.preparing)
    share = mean.share()
    if share < _LEAST_SHARE:
        raise UserError(
            f"<mend> {FIXED_PATTERN}: two halves of the {len(frames)} frames agree on {share:.0%} of what stays in "
            f"place, so that more noise would be added than pattern removed; give more frames, or {_WOULD_DO[5:]}"
        )
    offset = share * mean.mean()
    said = (
        f"Mended: the fine fixed pattern (rms {offset.std():.3g}), an offset of each pixel from {len(frames):,} frames "
        f"that differ; about {np.sqrt(1 - share):.0%} of it is left, and what is smooth."
    )
    return FixedPattern(offset, None, np.zeros(frames.channels, np.float32), said)


def _make(given: Given) -> FixedPattern:
    for name, references in (("dark", given.dark), ("flat", given.flat)):
        if references is not None:
            check_covers(given.frames, references, name)
    return _from_frames(given) if given.dark is None else _from_references(given, given.dark)


FIXED_PATTERN = "fixed-pattern"
ROW = Row("the sensor's offset of each pixel, and with flat frames its gain, are taken away", _make, ("dark", "flat"))
