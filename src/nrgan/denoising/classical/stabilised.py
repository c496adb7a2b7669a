"""Values whose noise has the level 1 everywhere, and the way back that is right on average.

Of z = t(y), a denoiser tells E[t(y) | x], and t⁻¹ of that is not x, for t is no line: the unbiased inverse is the
function that takes E[t(y) | x] to x (Mäkitalo & Foi 2011, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.integrate import cumulative_trapezoid
from scipy.special import ndtri

from nrgan.corruptions import Fitted
from nrgan.corruptions.curves import shaped
from nrgan.denoising.rules import VarianceLine, depends_on_signal, variance_line

Array = npt.NDArray[Any]
_FAINTEST = 1e-6
_FLOOR = 0.05
"""Of the largest level: below that, levels count as this, for t would be steep without end where there is no noise."""
_GRID = np.linspace(-1, 2, 3 * 1024 + 1)
"""Values that unclipped noise reaches; beyond them t goes on as a line."""
_PROBABILITIES = (np.arange(255) + 0.5) / 255


class Stabiliser(Protocol):
    """t and its unbiased inverse, of arrays of any shape."""

    def forward(self, y: Array) -> Array:
        """Unit range → noise of level 1."""

    def inverse(self, z: Array) -> Array:
        """Means of what `forward` gives → unit range."""


@dataclass(frozen=True)
class Even:
    """t(y) = y/σ, for noise that does not depend on the signal."""

    level: float
    """σ, unit range."""

    def forward(self, y: Array) -> Array:
        return y / self.level

    def inverse(self, z: Array) -> Array:
        return z * self.level


@dataclass(frozen=True)
class Anscombe:
    """t = 2√(n + ⅜), n = σ²(y)/slope² events: where the variance is a line over the signal, read noise or none.

    The generalised transform of Anscombe, and the closed form of its unbiased inverse by Mäkitalo & Foi (2013); n below
    −⅜ counts as that, so that signals near black with much read noise come out too bright.
    """

    line: VarianceLine

    def forward(self, y: Array) -> Array:
        return 2 * np.sqrt(np.maximum(self.line.events(y) + 3 / 8, 0))

    def inverse(self, z: Array) -> Array:
        z = np.maximum(z, 2 * np.sqrt(3 / 8))  # t of no event
        root = np.sqrt(3 / 2)
        n = z**2 / 4 + root / (4 * z) - 11 / (8 * z**2) + 5 * root / (8 * z**3) - 1 / 8
        return self.line.signal(n)


@dataclass(frozen=True)
class Numeric:
    """t(y) = ∫ dv/σ(v) up to y, for any σ over the signal, and E t(x + σ(x)ε) → x, ε with the law's tails."""

    law: Fitted

    def forward(self, y: Array) -> Array:
        return _along(y, _GRID, _integral(self.law))

    def inverse(self, z: Array) -> Array:
        return _along(z, _means(self.law), _GRID)


@lru_cache
def _integral(law: Fitted) -> Array:
    """t on `_GRID`."""
    level = law.level_at(_GRID) / 255
    return cumulative_trapezoid(1 / np.maximum(level, _FLOOR * level.max()), _GRID, initial=0)


@lru_cache
def _means(law: Fitted) -> Array:
    """E t(x + σ(x)ε) for x on `_GRID`."""
    tails = shaped(ndtri(_PROBABILITIES), law.quantiles)
    tails = (tails - tails.mean()) / tails.std()
    means = Numeric(law).forward(_GRID[:, None] + law.level_at(_GRID)[:, None] / 255 * tails).mean(1)
    return np.maximum.accumulate(means)


def _along(x: Array, knots: Array, values: Array) -> Array:
    """Linear between knots, and beyond them with the slope that they end with."""
    low, high = (np.diff(values[s]) / np.diff(knots[s]) for s in (slice(0, 2), slice(-2, None)))
    beyond = low * np.minimum(x - knots[0], 0) + high * np.maximum(x - knots[-1], 0)
    return np.interp(x, knots, values) + beyond


def stabiliser(law: Fitted) -> Stabiliser:
    """The one for a law."""
    if not depends_on_signal(law):
        return Even(max(float(law.level_at(np.array(0.5))) / 255, _FAINTEST))
    line = variance_line(law)
    return Numeric(law) if line is None else Anscombe(line)
