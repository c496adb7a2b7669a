"""Which values of an image are black and white: from the files' numbers to the unit range and back."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.data.own.statistics import Statistics
from nrgan.errors import UserError

_WORKING: dict[str, type[np.floating[Any]]] = {"uint8": np.float32, "uint16": np.float32, "float32": np.float64}
"""What each type is computed in: 32 bits hold all its differences, or, of floats, the small ones of large values."""


@dataclass(frozen=True)
class ValueRange:
    """unit = (v - low)/(high - low), for native values v of `dtype` (uint8, uint16 or float32)."""

    low: float
    high: float
    dtype: str

    def __post_init__(self) -> None:
        if self.dtype not in _WORKING:
            raise UserError(f"values of type {self.dtype} have no range here; it can be {', '.join(_WORKING)}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UserError(f"range {self.low:g},{self.high:g}: the first value must be finite and below the second")

    @property
    def levels(self) -> int | None:
        """How many values of an integer type lie from low to high; None for floats."""
        if self.dtype == "float32":
            return None
        return math.floor(self.high) - math.ceil(self.low) + 1

    def to_unit(self, native: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Native → unit float32, any shape; what lies outside of the range stays outside of [0, 1]."""
        working = _WORKING[self.dtype]
        unit = (native.astype(working) - working(self.low)) / working(self.high - self.low)
        return unit.astype(np.float32, copy=False)

    def from_unit(self, unit: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Unit → native, any shape: integers rounded to nearest and clipped to what the type holds, floats as they are.

        The inverse of `to_unit`: exactly for integers, to single precision for floats.
        """
        working = _WORKING[self.dtype]
        value = unit.astype(working) * working(self.high - self.low) + working(self.low)
        if self.dtype == "float32":
            return value.astype(np.float32)
        limits = np.iinfo(self.dtype)
        return np.clip(np.rint(value), limits.min, limits.max).astype(self.dtype)


_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_LIMITS = re.compile(rf"{_NUMBER}\s*,\s*{_NUMBER}")
_PERCENTILES = re.compile(rf"p{_NUMBER}\s*,\s*p{_NUMBER}")
_WOULD_DO = "give auto, two values as in 0,4095, or two percentiles as in p0.1,p99.9"


def choose_range(spec: str, statistics: Statistics, dtype: str) -> tuple[ValueRange, str]:
    """The range that `spec` asks for, and a sentence on what share of the values it leaves out.

    spec: `auto` (uint8: 0,255; uint16: the least and the greatest value, for few sensors fill 16 bits; float32: 0,1
    where all values lie there, else the least and the greatest), `LOW,HIGH`, or percentiles `p0.1,p99.9`.
    Raises `UserError` where it is none of these, or no range.
    """
    text = spec.strip()
    limits, percentiles = _LIMITS.fullmatch(text), _PERCENTILES.fullmatch(text)
    if text == "auto":
        low, high = _automatic(statistics, dtype)
    elif limits is not None:
        low, high = _between(spec, float(limits[1]), float(limits[2]), statistics)
    elif percentiles is not None:
        low, high = _percentiles(spec, float(percentiles[1]), float(percentiles[2]), statistics)
    else:
        raise UserError(f"--range {spec}: is no range of values; {_WOULD_DO}")
    if dtype != "float32":  # on whole values, of which there are as many as steps and one
        low, high = float(math.ceil(low)), float(math.floor(high))
        if low >= high:
            raise UserError(f"--range {spec}: holds no two whole values; {_WOULD_DO}")
    below, above = _percent(statistics.share_below(low)), _percent(statistics.share_above(high))
    outside = f"{below} of the values lie below and {above} above it"
    sentence = f"The range is {low:.9g} to {high:.9g}; {outside}."
    return ValueRange(low, high, dtype), sentence


def _automatic(statistics: Statistics, dtype: str) -> tuple[float, float]:
    if dtype == "uint8":
        return 0.0, 255.0
    if dtype == "float32" and statistics.low >= 0 and statistics.high <= 1:
        return 0.0, 1.0
    if statistics.low == statistics.high:
        raise UserError(f"--range auto: all values are {statistics.low:g}; give two values, as in 0,1")
    return statistics.low, statistics.high


def _between(spec: str, low: float, high: float, statistics: Statistics) -> tuple[float, float]:
    has = f"the images' values go from {statistics.low:g} to {statistics.high:g}"
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"--range {spec}: the first value must be below the second; {has}")
    if statistics.share_below(low) + statistics.share_above(high) >= 1 - 1e-12:
        raise UserError(f"--range {spec}: holds none of the images' values; {has}")
    return low, high


def _percentiles(spec: str, first: float, second: float, statistics: Statistics) -> tuple[float, float]:
    if not 0 <= first < second <= 100:
        raise UserError(f"--range {spec}: percentiles rise from 0 to 100, as in p0.1,p99.9")
    low, high = statistics.quantile(first / 100), statistics.quantile(second / 100)
    if low == high:
        raise UserError(f"--range {spec}: both percentiles are {low:g}; take them further apart, as in p0.1,p99.9")
    return low, high


def _percent(share: float) -> str:
    return "less than 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"
