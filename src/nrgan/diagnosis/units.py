"""The noise in the files' own values: the noise curve, and the gain where noise is that of counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nrgan.frames import ValueRange

if TYPE_CHECKING:
    from nrgan.diagnosis.values import Diagnosis

_TOLD = 0.025
"""Relative standard error of a level, above which it is not told."""


@dataclass(frozen=True)
class NativeNoise:
    """Levels over values, both as in the files; None where a bin has too few values.

    Of counts with gain g, offset o and read noise r, σ²(v) = g·(v − o) + r²: the line is told by images; where along it
    no light lies is not, so that offset and read noise are told from dark frames, or from an offset that is known.
    """

    value: list[float]
    level: list[float | None]
    error: list[float | None]
    gain: float | None = None
    """The slope of variance over value, where the noise is that of counts: values per event; of a detector that
    multiplies events (EM-CCD, intensifier), times its excess factor."""
    gain_error: float | None = None
    """0 where single events are seen in the values, which then are exact."""
    intercept: float | None = None
    """σ² at value 0 by the line; may be negative, for no value need be there."""
    offset: float | None = None
    """The value without light, where it is told."""
    read_noise: float | None = None
    """The level without light: that of the line at the offset, or of dark frames."""

    channel: int | None = None
    """Of which channel, from 0, where each has a range of its own; None: of all."""

    def read_noise_at(self, offset: float) -> float | None:
        """The level that the line has at an offset; None where there is no line, or it is below 0 there."""
        if self.gain is None or self.intercept is None:
            return None
        variance = self.gain * offset + self.intercept
        return math.sqrt(variance) if variance >= 0 else None


@dataclass(frozen=True)
class Dark:
    """What there is without light, in the files' values: the offset, and the read noise where dark frames tell it."""

    offset: float
    read_noise: float | None = None


def natives_of(found: Diagnosis, value_range: ValueRange, dark: Dark | None = None) -> tuple[NativeNoise, ...]:
    """The noise in the files' values: once where one range holds for all channels, else for each of them."""
    limits = value_range.limits
    channels = [None] if len(limits) == 1 else list(range(len(limits)))
    return tuple(
        replace(_in_native(found, ends, dark), channel=channel) for channel, ends in zip(channels, limits, strict=True)
    )


def _in_native(found: Diagnosis, limits: tuple[float, float], dark: Dark | None) -> NativeNoise:
    """From the scale 0..255 of a range, to the values of its `limits`.

    v = low + s·span/255, σ_v = σ·span/255; of the law σ² = c·x + b, x = (v − low)/span, the slope is c·span/255².
    """
    low, high = limits
    unit, law = (high - low) / 255, found.relation
    levels = list(zip(found.level_at_signal, found.error_at_signal, strict=True))
    # compression and interpolation change noise; where it drifts or is of two kinds, levels are mixed at each signal
    changed = ("compression blocks", "mosaic", "drift", "mixed frames")
    told = not found.little_noise and not any(found.finding(name) for name in changed)
    native = NativeNoise(
        value=[low + s * unit for s in found.signal],
        level=[v * unit if v is not None and e is not None and told and e < _TOLD * v else None for v, e in levels],
        error=[None if e is None else e * unit for _, e in levels],
        offset=None if dark is None else dark.offset,
        read_noise=None if dark is None else dark.read_noise,
    )
    if (events := found.finding("few photons")) is not None and told:
        return _counted(native, (high - low) / events.numbers["events"], low + (high - low) * events.numbers["dark"])
    if law is None or not law.law.counts or law.c <= 0 or not told:
        return native
    gain = law.c * unit / 255
    native = replace(native, gain=gain, gain_error=law.c_error * unit / 255, intercept=law.b2 * unit**2 - gain * low)
    if dark is None or dark.read_noise is not None:
        return native
    return replace(native, read_noise=native.read_noise_at(dark.offset))


def _counted(native: NativeNoise, gain: float, offset: float) -> NativeNoise:
    """Of events that are counted: σ²(v) = g·(v − o) exactly, by the steps between values, and nothing is estimated."""
    return replace(
        native,
        level=[math.sqrt(gain * (v - offset)) if v >= offset else None for v in native.value],
        error=[0.0 if v >= offset else None for v in native.value],
        gain=gain,
        gain_error=0.0,
        intercept=-gain * offset,
        offset=offset,
        read_noise=0.0,
    )
