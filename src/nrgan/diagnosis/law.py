"""From what was found to a law that can be drawn from: `Fitted`, with plain numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from nrgan.corruptions import Fitted
from nrgan.diagnosis.findings.base import AT_ENDS
from nrgan.diagnosis.laws import OTHER
from nrgan.diagnosis.structure import QUANTILES
from nrgan.diagnosis.values import Diagnosis
from nrgan.errors import UserError

_KNOTS = 33
_KEPT_BY_CONTRASTS = 0.5
"""Of the excess kurtosis of independent channels, what their contrasts have: Σw⁴ of Helmert's rows."""
_SHAPES = (0.5, 20.0)
"""Of the generalised normal distribution that has the kurtosis found: heavier and lighter than these are none."""
_LEAST_SHARED = 0.05
_MOST_LAG = 0.99


def law_of(found: Diagnosis) -> Fitted | None:
    """The law of a noise that was found; None where no law here has it, as where it lies in a part of each image only.

    Fixed patterns and hot pixels are not in it: they are mended, or the images are said to have them.
    """
    if found.little_noise or found.local or _beyond(found):
        return None
    (knots, levels), (events, dark) = _curve(found), _counted(found) or (0.0, 0.0)
    for correlation in _correlations(found):
        try:
            return Fitted(
                signal=knots,
                level=levels,
                correlation=correlation,
                quantiles=_tails(found),
                images=_images(found),
                rows=_strength(found, "row offsets"),
                columns=_strength(found, "column offsets"),
                shared=_shared(found),
                events=events,
                dark=dark,
                impulses=_strength(found, "impulses"),
                salt=_salt(found),
            )
        except UserError:  # a correlation that no noise has, counts that are more than the level
            continue
    return None


def _beyond(found: Diagnosis) -> bool:
    """Whether something was seen that no law has."""
    spikes = found.finding("impulses")
    return found.finding("compression blocks") is not None or (spikes is not None and not _salt_and_pepper(found))


def _curve(found: Diagnosis) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots of the signal, and levels there: by the law that holds, else by the curve itself."""
    relation, counted = found.relation, _counted(found)
    if counted is not None:
        return (counted.dark,), (0.0,)
    if relation is None and found.dependence == OTHER:
        known = [(s / 255, v) for s, v in zip(found.signal, found.level_at_signal, strict=True) if v is not None]
        return tuple(s for s, _ in known), tuple(v for _, v in known)
    if relation is None or not relation.law.depends:
        return (0.5,), (found.level,)
    x = np.linspace(0, 1, _KNOTS)
    levels = np.sqrt(relation.variance(x))
    return tuple(x.tolist()), tuple(levels.tolist())


class _Counted(NamedTuple):
    events: float
    dark: float


def _counted(found: Diagnosis) -> _Counted | None:
    """The law of counts, where they are no Gaussian: it is known exactly, whatever the curve looks like."""
    counts = found.finding("few photons")
    return None if counts is None else _Counted(counts.numbers["events"], counts.numbers["dark"])


def _correlations(found: Diagnosis) -> list[tuple[tuple[float, ...], ...]]:
    """As it was told; and, where no noise has that, with the axes multiplied, and those of a noise that is smoothed."""
    if found.white:
        return [()]
    r = np.array(found.autocorrelation)
    product = np.outer(r[:, 0], r[0])
    lags = np.arange(len(r))
    falling = [min(max(float(near), 0.0), _MOST_LAG) ** lags.astype(float) ** 2 for near in (r[1, 0], r[0, 1])]
    return [tuple(tuple(float(v) for v in row) for row in choice) for choice in (r, product, np.outer(*falling))]


def _tails(found: Diagnosis) -> tuple[float, ...]:
    """Quantiles of a generalised normal distribution with the kurtosis that was found.

    What was looked at are contrasts of channels, or differences of frames: sums, whose quantiles are not the noise's.
    """
    kurtosis = found.excess_kurtosis
    if found.tails not in ("light", "heavy") or kurtosis is None or not found.white or found.depends_on_signal:
        return ()
    if found.size[2] > 1 and not found.repeated:
        kurtosis /= _KEPT_BY_CONTRASTS
    return generalised_normal(kurtosis)


def generalised_normal(kurtosis: float) -> tuple[float, ...]:
    """Quantiles at `QUANTILES` of the density ∝ exp(−|x|^β), whose excess kurtosis is the nearest that it can have.

    κ(β) = Γ(5/β)·Γ(1/β)/Γ(3/β)² − 3: 3 for β = 1 (Laplace), 0 for 2, −1.2 (uniform) in the limit.
    """
    low, high = _SHAPES
    if kurtosis >= _kurtosis(low):
        shape = low
    elif kurtosis <= _kurtosis(high):
        shape = high
    else:
        shape = float(optimize.brentq(lambda beta: _kurtosis(beta) - kurtosis, low, high))
    side = np.abs(2 * QUANTILES - 1)
    values = np.sign(QUANTILES - 0.5) * special.gammaincinv(1 / shape, side) ** (1 / shape)
    return tuple(float(v) for v in values)


def _kurtosis(shape: float) -> float:
    return math.exp(math.lgamma(5 / shape) + math.lgamma(1 / shape) - 2 * math.lgamma(3 / shape)) - 3


def _images(found: Diagnosis) -> tuple[float, ...]:
    """Uniform factors of the level, as unequal as images are: Var σ²/(E σ²)² of f uniform on [1 − d, 1 + d]."""
    if not found.varies_by_image:
        return ()

    def unequal(d: float) -> float:
        second, fourth = 1 + d**2 / 3, 1 + 2 * d**2 + d**4 / 5
        return fourth / second**2 - 1

    wanted = found.spread_over_images**2
    d = 1.0 if wanted >= unequal(1.0) else float(optimize.brentq(lambda d: unequal(d) - wanted, 0, 1))
    return (1 - d, 1 + d)


def _strength(found: Diagnosis, name: str) -> float:
    finding = found.finding(name)
    return 0.0 if finding is None or finding.strength is None else finding.strength


def _shared(found: Diagnosis) -> float:
    finding = found.finding("shared channels")
    return 0.0 if finding is None or finding.strength is None else min(max(finding.strength, _LEAST_SHARED), 1.0)


def _salt_and_pepper(found: Diagnosis) -> bool:
    finding = found.finding("impulses")
    return finding is not None and finding.numbers.get("at ends", 0.0) > AT_ENDS


def _salt(found: Diagnosis) -> float:
    finding = found.finding("impulses")
    return 0.5 if finding is None else finding.numbers.get("white", 0.5)
