"""Values that lie on a lattice: evenly spaced, or evenly spaced and then rounded to whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_WHOLE = 1e-3
"""How far from a multiple of the spacing values of floating point may be, in spacings."""
_ROUNDED = 0.75
"""How far from the line whole numbers may be that were rounded, by half of one: the line itself is fitted to them."""
_LEAST_ROUNDED = 2.0
"""Spacing of values before they were rounded, below which gaps of one and of two are everywhere."""
_BY_CHANCE = 1e-6
_SAMPLE = 200_000
_MOST_DIFFERENT = 20_000
_EACH = 4
"""How often a value of few occurs, in the mean."""

Doubles = npt.NDArray[np.float64]


def lattice_step(native: npt.NDArray[Any]) -> float:
    """The spacing of the values that occur, where they are few and lie on a lattice; else 0.0.

    native: any shape; of an integer type, the spacing is that before values were rounded. A sample is looked at.
    """
    sample = native.ravel()[:: max(native.size // _SAMPLE, 1)]
    values = np.unique(sample)
    if not 2 < len(values) <= min(_MOST_DIFFERENT, len(sample) // _EACH):
        return 0.0
    return _evenly(values.astype(np.float64)) or (_rounded(values) if values.dtype.kind in "iu" else 0.0)


def _evenly(values: Doubles) -> float:
    """Of evenly spaced values, ascending."""
    step = float(np.diff(values).min())
    multiples = (values - values[0]) / step
    return step if np.abs(multiples - np.rint(multiples)).max() < max(_WHOLE, 1e-6 * len(values)) else 0.0


def _rounded(values: npt.NDArray[np.integer[Any]]) -> float:
    """s of v = rint(o + k·s) or ⌊o + k·s⌋ with whole k: few levels, stretched over the range of a type.

    values: ascending. 0.0 also where as many numbers may lie so by chance.
    """
    gaps = np.diff(values.astype(np.int64))
    if gaps.min() < _LEAST_ROUNDED:
        return 0.0
    single = gaps[gaps <= gaps.min() + 1]  # ⌊s⌋ and ⌈s⌉, as often as they come
    k = np.concatenate(([0.0], np.cumsum(np.rint(gaps / single.mean()))))
    slope, offset = np.polyfit(k, values.astype(np.float64), 1)
    if np.abs(values - (offset + slope * k)).max() > _ROUNDED:
        return 0.0
    by_chance = (2 * _ROUNDED / slope) ** (len(values) - 2)  # two of them make the line
    return float(slope) if by_chance < _BY_CHANCE else 0.0
