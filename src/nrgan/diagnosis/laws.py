"""The relations between signal and noise that are known here, σ²(x) = c·g(x) + b. A new one is one row.

Signals x are unit range, variances are on the scale 0..255². Constant and square root together are the variance of
Poisson-Gaussian noise (Foi, Trimeche, Katkovnik & Egiazarian 2008); proportional is multiplicative noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nrgan.diagnosis.cells import Doubles

OTHER, UNKNOWN = "other", "unknown"
"""What a relation is called that follows no law here, and one that the images do not tell."""


@dataclass(frozen=True)
class Law:
    """σ²(x) = c·g(x) + b, c >= 0, and b >= 0 but for `above_an_offset`; never below 0."""

    name: str
    g: Callable[[Doubles], Doubles]
    scale: Callable[[float], float | None]
    """From c to the number that the law goes by, which `equation` shows; None where that would be infinite."""
    equation: str
    """The relation in plain text, with places for `scale`, `floor` (√b, on 0..255) and `zero`."""
    proportional_to: str = ""
    """What the level is proportional to; empty where it does not depend on the signal."""
    words: str = ""
    """The relation in a clause."""
    counts: bool = False
    """Whether it is that of counted events: c over the values of an event is then a gain."""
    above_an_offset: bool = False
    """Whether no light gives a value above 0, so that b may be below 0."""

    @property
    def depends(self) -> bool:
        """Whether the level depends on the signal."""
        return bool(self.proportional_to)


def _nothing(x: Doubles) -> Doubles:
    return 0 * x


def _square(x: Doubles) -> Doubles:
    return x**2


def _itself(x: Doubles) -> Doubles:
    return x


def _no_scale(c: float) -> float:
    return 0.0


def _slope_of_level(c: float) -> float:
    """a of σ² = (a·x)²: the level at the brightest signal, on 0..255."""
    return c**0.5


def _events(c: float) -> float | None:
    """λ of σ² = 255²·x/λ: how many events the brightest signal counts."""
    return 255.0**2 / c if c > 0 else None


# functions with names, not lambdas: what was fitted can be pickled
CONSTANT = Law("constant", _nothing, _no_scale, equation="none")
_PROPORTIONAL = Law(
    "proportional",
    _square,
    _slope_of_level,
    equation="proportional: σ² = ({scale:.1f}·x)² + {floor:.1f}²",
    proportional_to="the signal",
    words="its level grows in proportion to the signal",
)
_SQUARE_ROOT = Law(
    "square-root",
    _itself,
    _events,
    equation="square root: σ² = 255²·x/{scale:.1f} + {floor:.1f}²",
    proportional_to="its square root",
    words="its level grows with the square root of the signal, as counts do",
    counts=True,
)
_ABOVE_AN_OFFSET = Law(
    "square-root above an offset",
    _itself,
    _events,
    equation="square root above an offset: σ² = 255²·(x - {zero:.3f})/{scale:.1f}",
    proportional_to="its square root above an offset",
    words="its level grows with the square root of what the signal is above an offset, as counts do",
    counts=True,
    above_an_offset=True,
)
LAWS = {law.name: law for law in (CONSTANT, _PROPORTIONAL, _SQUARE_ROOT, _ABOVE_AN_OFFSET)}
"""By name."""


def depends_on_signal(dependence: str) -> bool:
    """Whether noise depends on the signal, by the name of a law, "other" or "unknown"."""
    return dependence == OTHER or (dependence in LAWS and LAWS[dependence].depends)


@dataclass(frozen=True)
class FittedLaw:
    """A law with its numbers, and how well it fits the curve."""

    law: Law
    c: float
    b2: float
    misfit: float
    """Root mean square relative deviation of the level from the law, over bins."""
    chi2: float
    """Sum over bins of the squared deviation of σ², in standard errors."""
    c_error: float = 0.0
    """Standard error of c."""

    @property
    def scale(self) -> float | None:
        """The number that the law goes by: a of a proportional one (on 0..255), λ of a square root, in events."""
        return self.law.scale(self.c)

    @property
    def floor(self) -> float:
        """√b, the level at no signal, on 0..255; 0 where the law is below 0 there."""
        return math.sqrt(max(self.b2, 0.0))

    @property
    def zero(self) -> float:
        """The signal at which the law has no noise left: below 0 where b is above it; −infinity where c is 0."""
        return -self.b2 / self.c if self.c > 0 else -math.inf

    def variance(self, x: Doubles) -> Doubles:
        """σ² at signals x, on the scale 0..255²."""
        return np.maximum(self.c * self.law.g(x) + self.b2, 0.0)

    def describe(self) -> str:
        """The relation in plain text."""
        scale = self.scale
        return self.law.equation.format(scale=math.inf if scale is None else scale, floor=self.floor, zero=self.zero)

    def as_json(self) -> dict[str, float | None]:
        """Plain values, for `json`."""
        return {"scale": self.scale, "floor": self.floor, "misfit": self.misfit, "chi2": self.chi2}
