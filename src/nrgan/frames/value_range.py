"""Which values of an image are black and white: from the files' numbers to the unit range and back."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.statistics import Statistics

_WORKING: dict[str, type[np.floating[Any]]] = {"uint8": np.float32, "uint16": np.float32, "float32": np.float64}
"""What each type is computed in: 32 bits hold all its differences, or, of floats, the small ones of large values."""

Levels = int | tuple[int, ...] | None
"""How many values a sensor tells apart: one number, or one for each channel; None where they are not counted."""


@dataclass(frozen=True)
class ValueRange:
    """unit = (v - low)/(high - low), for native values v of `dtype` (uint8, uint16 or float32).

    low, high: a number for each channel, or one that holds for all of them; of the same length. Channels are the last
    axis of the arrays. Raises `UserError` where a range is empty or not finite.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    dtype: str

    @classmethod
    def of(cls, low: float | Sequence[float], high: float | Sequence[float], dtype: str) -> ValueRange:
        """A number stands for all channels. The inverse of `plain`: `ValueRange.of(**value_range.plain())`."""
        return cls(_numbers(low), _numbers(high), dtype)

    def __post_init__(self) -> None:
        if self.dtype not in _WORKING:
            raise UserError(f"values of type {self.dtype} have no range here; it can be {', '.join(_WORKING)}")
        if len(self.low) != len(self.high) or not self.low:
            lengths = f"{len(self.low)} low and {len(self.high)} high values"
            raise UserError(f"range: {lengths}; give one of both for each channel, or for all")
        for low, high in self.limits:
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UserError(f"range {low:g},{high:g}: the first value must be finite and below the second")

    @property
    def limits(self) -> tuple[tuple[float, float], ...]:
        """(low, high) of each channel, or of all of them at once."""
        return tuple(zip(self.low, self.high, strict=True))

    @property
    def levels(self) -> Levels:
        """How many values of an integer type lie from low to high; None for floats."""
        if self.dtype == "float32":
            return None
        counts = tuple(math.floor(high) - math.ceil(low) + 1 for low, high in self.limits)
        return counts[0] if len(set(counts)) == 1 else counts

    @property
    def spec(self) -> str:
        """What `choose_range` reads the same range from."""
        return ";".join(f"{low!r},{high!r}" for low, high in self.limits)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it: low and high, a number where it holds for all channels, else a list; and dtype."""
        low, high = (ends[0] if len(ends) == 1 else list(ends) for ends in (self.low, self.high))
        return {"low": low, "high": high, "dtype": self.dtype}

    def to_unit(self, native: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Native → unit float32; what lies outside of the range stays outside of [0, 1].

        (..., C); any shape where one range holds for all channels.
        """
        working = _WORKING[self.dtype]
        low, span = self._low_and_span(native.shape, working)
        unit = (native.astype(working) - low) / span
        return unit.astype(np.float32, copy=False)

    def from_unit(self, unit: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Unit → native, shapes as of `to_unit`: integers rounded to nearest and clipped to what the type holds.

        The inverse of `to_unit`: exactly for integers, to single precision for floats.
        """
        working = _WORKING[self.dtype]
        low, span = self._low_and_span(unit.shape, working)
        value = unit.astype(working) * span + low
        if self.dtype == "float32":
            return value.astype(np.float32)
        limits = np.iinfo(self.dtype)
        return np.clip(np.rint(value), limits.min, limits.max).astype(self.dtype)

    def difference_from_unit(self, difference: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """d·(high - low): a difference of unit values (noise) in native values, float32; shapes as of `to_unit`."""
        span = self._low_and_span(difference.shape, np.float32)[1]
        return difference.astype(np.float32, copy=False) * span

    def _low_and_span(self, shape: tuple[int, ...], working: type[np.floating[Any]]) -> tuple[Any, Any]:
        """low and high - low in a type: numbers where they hold for all channels, else (C,)."""
        spans = [high - low for low, high in self.limits]
        if len(spans) == 1:
            return working(self.low[0]), working(spans[0])
        if not shape or shape[-1] != len(spans):
            raise ValueError(f"ranges of {len(spans)} channels for values of shape {shape}")
        return np.array(self.low, working), np.array(spans, working)


def _numbers(ends: float | Sequence[float]) -> tuple[float, ...]:
    return tuple(float(end) for end in ends) if isinstance(ends, Sequence) else (float(ends),)


_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_LIMITS = re.compile(rf"{_NUMBER}\s*,\s*{_NUMBER}")
_PERCENTILES = re.compile(rf"p{_NUMBER}\s*,\s*p{_NUMBER}")
_WOULD_DO = (
    "give auto, two values as in 0,4095, or two percentiles as in p0.1,p99.9; or such a range for each channel, as in "
    "0,255;0,4095"
)


def choose_range(spec: str, statistics: Statistics, dtype: str) -> tuple[ValueRange, str]:
    """The range that `spec` asks for, and a sentence on what share of the values it leaves out.

    spec: one range for all channels: `auto` (uint8: 0,255; uint16: the least and the greatest value, for few sensors
    fill 16 bits; float32: 0,1 where all values lie there, else the least and the greatest), `LOW,HIGH`, or percentiles
    `p0.1,p99.9`; or such a range for each channel, of its own values, with semicolons: `LOW,HIGH;LOW,HIGH`.
    Raises `UserError` where it is none of these, or no range.
    """
    asked, channels = spec.split(";"), statistics.by_channel or (statistics,)
    if len(asked) == 1:
        low, high = _one_range(f"<value_range> {spec}", spec, statistics, dtype)
        sentence = f"The range is {low:.9g} to {high:.9g}; {_outside(low, high, statistics)}."
        return ValueRange.of(low, high, dtype), sentence
    if len(asked) != len(channels):
        has = "1 channel" if len(channels) == 1 else f"{len(channels)} channels"
        raise UserError(f"<value_range> {spec}: gives {len(asked)} ranges for {has}; give one for each, or one for all")
    limits, said = [], []
    for number, (text, seen) in enumerate(zip(asked, channels, strict=True), 1):
        low, high = _one_range(f"<value_range> {spec}: channel {number}", text, seen, dtype)
        limits.append((low, high))
        said.append(f"The range of channel {number} is {low:.9g} to {high:.9g}; {_outside(low, high, seen)}.")
    lows, highs = zip(*limits, strict=True)
    return ValueRange.of(lows, highs, dtype), " ".join(said)


def _one_range(where: str, text: str, statistics: Statistics, dtype: str) -> tuple[float, float]:
    """Low and high of one range; `where` begins every refusal."""
    text = text.strip()
    limits, percentiles = _LIMITS.fullmatch(text), _PERCENTILES.fullmatch(text)
    if text == "auto":
        low, high = _automatic(where, statistics, dtype)
    elif limits is not None:
        low, high = _between(where, float(limits[1]), float(limits[2]), statistics)
    elif percentiles is not None:
        low, high = _percentiles(where, float(percentiles[1]), float(percentiles[2]), statistics)
    else:
        raise UserError(f"{where}: is no range of values; {_WOULD_DO}")
    if dtype != "float32":  # on whole values, of which there are as many as steps and one
        low, high = float(math.ceil(low)), float(math.floor(high))
        if low >= high:
            raise UserError(f"{where}: holds no two whole values; {_WOULD_DO}")
    return low, high


def _outside(low: float, high: float, statistics: Statistics) -> str:
    below, above = _percent(statistics.share_below(low)), _percent(statistics.share_above(high))
    return f"{below} of the values lie below and {above} above it"


def _automatic(where: str, statistics: Statistics, dtype: str) -> tuple[float, float]:
    if dtype == "uint8":
        return 0.0, 255.0
    if dtype == "float32" and statistics.low >= 0 and statistics.high <= 1:
        return 0.0, 1.0
    if statistics.low == statistics.high:
        raise UserError(f"{where}: all values are {statistics.low:g}; give two values, as in 0,1")
    return statistics.low, statistics.high


def _between(where: str, low: float, high: float, statistics: Statistics) -> tuple[float, float]:
    has = f"the images' values go from {statistics.low:g} to {statistics.high:g}"
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{where}: the first value must be below the second; {has}")
    if statistics.share_below(low) + statistics.share_above(high) >= 1 - 1e-12:
        raise UserError(f"{where}: holds none of the images' values; {has}")
    return low, high


def _percentiles(where: str, first: float, second: float, statistics: Statistics) -> tuple[float, float]:
    if not 0 <= first < second <= 100:
        raise UserError(f"{where}: percentiles rise from 0 to 100, as in p0.1,p99.9")
    low, high = statistics.quantile(first / 100), statistics.quantile(second / 100)
    if low == high:
        raise UserError(f"{where}: both percentiles are {low:g}; take them further apart, as in p0.1,p99.9")
    return low, high


def _percent(share: float) -> str:
    return "less than 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"
