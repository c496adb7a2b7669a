"""Which values of an image are black and white: from the files' numbers to the unit range and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.limits import Levels

_WORKING: dict[str, type[np.floating[Any]]] = {
    "uint8": np.float32,
    "uint16": np.float32,
    "int16": np.float32,
    "float32": np.float64,
}
"""What each type is computed in: 32 bits hold all its differences, or, of floats, the small ones of large values."""

_FEW = 2**8
"""Levels below which generated images are rounded to them in training: fewer than 8 bits have."""
_COARSE = 64
"""Levels below which rounding a clean image to them, by 1/√12 of a step, costs more than 1 of 255."""


@dataclass(frozen=True)
class ValueRange:
    """unit = (v - low)/(high - low), for native values v of `dtype` (uint8, uint16, int16 or float32).

    low, high: a number for each channel, or one that holds for all of them; of the same length. Channels are the last
    axis of the arrays. step: between the values of an integer type that occur, counted from low: more than 1 where a
    sensor leaves its low bits unused. Raises `UserError` where a range is empty or not finite.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    dtype: str
    step: int = 1

    @classmethod
    def of(cls, low: float | Sequence[float], high: float | Sequence[float], dtype: str, step: int = 1) -> ValueRange:
        """A number stands for all channels. The inverse of `plain`: `ValueRange.of(**value_range.plain())`."""
        return cls(_numbers(low), _numbers(high), dtype, step)

    def __post_init__(self) -> None:
        if self.dtype not in _WORKING:
            raise UserError(f"values of type {self.dtype} have no range here; it can be {', '.join(_WORKING)}")
        if len(self.low) != len(self.high) or not self.low:
            lengths = f"{len(self.low)} low and {len(self.high)} high values"
            raise UserError(f"range: {lengths}; give one of both for each channel, or for all")
        for low, high in self.limits:
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UserError(f"range {low:g},{high:g}: the first value must be finite and below the second")
        if self.step < 1:
            raise UserError(f"step {self.step} between values: must be 1 at least")

    @property
    def limits(self) -> tuple[tuple[float, float], ...]:
        """(low, high) of each channel, or of all of them at once."""
        return tuple(zip(self.low, self.high, strict=True))

    @property
    def levels(self) -> Levels:
        """How many values of an integer type lie from low to high; None for floats."""
        if self.dtype == "float32":
            return None
        counts = tuple((math.floor(high) - math.ceil(low)) // self.step + 1 for low, high in self.limits)
        return counts[0] if len(set(counts)) == 1 else counts

    @property
    def few_levels(self) -> Levels:
        """`levels` where some channel has fewer than 8 bits have: rounding to them matters; else None."""
        levels = self.levels
        return levels if levels is not None and np.min(levels) < _FEW else None

    @property
    def of_clean(self) -> ValueRange:
        """The same for images without noise: their values lie between those of few levels, and floats keep them."""
        coarse = self.levels is not None and np.min(self.levels) < _COARSE
        return replace(self, dtype="float32", step=1) if coarse else self

    @property
    def working(self) -> type[np.floating[Any]]:
        """What values are computed in on their way to the unit range and back."""
        return _WORKING[self.dtype]

    @property
    def spec(self) -> str:
        """What `choose_range` reads the same range from."""
        return ";".join(f"{low!r},{high!r}" for low, high in self.limits)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it: low and high (numbers that hold for all channels, or lists), dtype, and step if not 1."""
        low, high = (ends[0] if len(ends) == 1 else list(ends) for ends in (self.low, self.high))
        return {"low": low, "high": high, "dtype": self.dtype} | ({"step": self.step} if self.step > 1 else {})

    def to_unit(self, native: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Native → unit float32; what lies outside of the range stays outside of [0, 1].

        (..., C); any shape where one range holds for all channels.
        """
        low, span = self._low_and_span(native.shape, self.working)
        unit = (native.astype(self.working) - low) / span
        return unit.astype(np.float32, copy=False)

    def from_unit(self, unit: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Unit → native, shapes as of `to_unit`: integers rounded to nearest and clipped to what the type holds.

        The inverse of `to_unit`: exactly for integers, to single precision for floats.
        """
        low, span = self._low_and_span(unit.shape, self.working)
        value = unit.astype(self.working) * span + low
        if self.dtype == "float32":
            return value.astype(np.float32)
        if self.step > 1:
            value = np.rint((value - low) / self.step) * self.step + low
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
