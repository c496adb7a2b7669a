"""Which law relates the noise to the signal, by the curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nrgan.diagnosis.cells import Array
from nrgan.diagnosis.curve import FEWEST_BINS, Curve, fit_law
from nrgan.diagnosis.laws import CONSTANT, LAWS, OTHER, UNKNOWN, FittedLaw
from nrgan.errors import UserError

NOTHING_TOLD = (
    "nothing can be told of the noise: nearly all values of these images are black or white, or the images are too few"
)
_DEPENDS = 1.12
"""Ratio of levels, over the signals that are used, from which noise is said to depend on the signal."""
_SIGNIFICANT = 12.0
"""Fall of chi² that is more than chance."""
_ALIKE = 1.0
"""Difference of chi² up to which two laws fit alike."""
_MISFIT = 0.15
"""Relative deviation of levels from the best law, from which it does not hold."""


@dataclass(frozen=True)
class Dependence:
    """The relation between signal and noise that the curve shows."""

    name: str
    """A law's, "other" or "unknown"."""
    laws: dict[str, FittedLaw]
    curve: Curve

    def expected(self, signal: Array) -> Array:
        """σ² in cells, from signals (…, C) on 0..255: the mean over channels, as their contrasts have it.

        It is told from the curve where no law holds, and from the constant law where nothing is known.
        """
        x = np.asarray(signal / 255.0, np.float64)
        if self.name == OTHER:
            known = self.curve.known
            return np.interp(x, self.curve.signal[known], self.curve.variance[known]).mean(-1).astype(np.float32)
        law = self.laws.get(self.name, self.laws[CONSTANT.name])
        return law.variance(x).mean(-1).astype(np.float32)


def dependence_of(curve: Curve) -> Dependence:
    """The simplest law that is not worse than another beyond chance; "other" where none comes near the curve.

    Raises `UserError` for a curve without a single bin.
    """
    if not curve.known.any():
        raise UserError(NOTHING_TOLD)
    laws = {name: fit_law(law, curve) for name, law in LAWS.items()}
    best = _best([fitted for fitted in laws.values() if fitted.law.depends])
    low, high = best.variance(curve.signal[curve.known][[0, -1]])
    depends = laws[CONSTANT.name].chi2 - best.chi2 > _SIGNIFICANT and high > _DEPENDS**2 * low
    chosen = best if depends else laws[CONSTANT.name]
    name = chosen.law.name
    if chosen.misfit > _MISFIT and chosen.chi2 > _SIGNIFICANT * curve.known.sum():
        name = OTHER
    if curve.known.sum() < FEWEST_BINS:
        name = UNKNOWN
    return Dependence(name, laws, curve)


def _best(fits: list[FittedLaw]) -> FittedLaw:
    """The one that fits best; one with an offset only where that is better beyond chance, and counts where they are no
    worse: most sensors count."""
    plain = sorted((fitted for fitted in fits if not fitted.law.above_an_offset), key=lambda fitted: fitted.chi2)
    best = min(fits, key=lambda fitted: fitted.chi2)
    if plain[0].chi2 - best.chi2 > _SIGNIFICANT:
        return best
    return next((fitted for fitted in plain if fitted.law.counts and fitted.chi2 - plain[0].chi2 < _ALIKE), plain[0])
