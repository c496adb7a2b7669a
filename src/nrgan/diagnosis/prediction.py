"""An estimate checked by its own prediction: what the noise that was found would make of the quietest places.

Noise lies everywhere; detail of the image does not. If the noise is what was found, the quietest tenth of all cells is
as quiet as chance makes it, in fine differences and in coarse ones. Where it is quieter, some of the level, or of the
correlation, was detail; where it is louder in coarse differences alone, something coarse is everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nrgan.diagnosis.cells import Array, Doubles, cell_means
from nrgan.diagnosis.differences import Difference, Mixed
from nrgan.diagnosis.evidence import Evidence
from nrgan.diagnosis.structure import LAGS, QUANTILES, Spread

_QUIETEST = 0.1
_SIDE, _MARGIN, _COUNT = 32, 8, 256
"""Fields of noise that the prediction is made of."""
_COARSE = (2, 4)
_FEWEST = 200
MOST_OFF = 0.12
"""Relative difference of levels up to which a prediction has come true: the tenth of a few hundred cells is known to
some hundredths, and so is the response of correlated noise."""


@dataclass(frozen=True)
class Quiet:
    """Levels in the quietest tenth of cells over those that the noise found would have there; 1 where it is right."""

    fine: float
    """In the differences that the level was told from."""
    coarse: float
    """In coarser ones, where detail of images and correlated noise are stronger; the one that is farthest from 1."""

    @property
    def level_holds(self) -> bool:
        return abs(self.fine - 1) < MOST_OFF

    @property
    def correlation_holds(self) -> bool:
        return abs(self.coarse - 1) < MOST_OFF


def quiet_of(evidence: Evidence, expected: Array, unequal: Spread | None, quantiles: list[float]) -> Quiet | None:
    """The check; None where there are too few cells.

    expected: σ² in cells. unequal: where images have levels of their own.
    """
    seen = evidence.seen
    expected = expected + np.float32(evidence.cells.pattern)
    made = _fields(seen.correlation, seen.white, seen.z.shape[3], quantiles)
    found = [_share(evidence, expected, unequal, d, made) for d in (seen.difference, *map(Mixed, _COARSE))]
    told = [share for share in found if share is not None]
    if found[0] is None or len(told) < 2:
        return None
    return Quiet(told[0], max(told[1:], key=lambda share: abs(np.log(max(share, 1e-6)))))


def _share(
    evidence: Evidence, expected: Array, unequal: Spread | None, difference: Difference, made: Array
) -> float | None:
    z = evidence.seen.z
    if min(z.shape[1:3]) <= 2 * _COARSE[-1]:
        return None
    energy, like = (cell_means((difference.of(v) ** 2).mean(3, keepdims=True))[..., 0] for v in (z, made))
    rows, columns = (min(energy.shape[k], expected.shape[k]) for k in (1, 2))
    valid = evidence.cells.valid[:, :rows, :columns].copy()
    relative = energy[:, :rows, :columns] / np.maximum(expected[:, :rows, :columns], 1e-9)
    if unequal is not None:
        own = np.nan_to_num(unequal.level_of_images, nan=0.0) ** 2
        valid[own <= 0] = False
        relative = relative / np.maximum(own, 1e-9)[:, None, None]
    if valid.sum() < _FEWEST:
        return None
    return float(np.sqrt(np.quantile(relative[valid], _QUIETEST) / max(float(np.quantile(like, _QUIETEST)), 1e-12)))


def _fields(correlation: Doubles, white: bool, channels: int, quantiles: list[float]) -> Array:
    """Noise of unit variance, (N, 32, 32, K), with what was found of its values (if white) or its correlation."""
    rng = np.random.default_rng(0)
    shape = (_COUNT, _SIDE, _SIDE, channels)
    if white:
        if not quantiles:
            return rng.standard_normal(shape, np.float32)
        values = np.interp(rng.random(shape), QUANTILES, quantiles)
        return np.asarray(values / values.std(), np.float32)
    side = _SIDE + _MARGIN
    around = np.zeros((side, side))
    for dy, dx in np.ndindex(LAGS, LAGS):
        for y, x in {(dy, dx), (-dy, dx), (dy, -dx), (-dy, -dx)}:
            around[y % side, x % side] = correlation[dy, dx]
    spectrum = np.sqrt(np.maximum(np.fft.fft2(around).real, 0))
    noise = np.fft.fft2(rng.standard_normal((_COUNT, channels, side, side))) * spectrum
    values = np.fft.ifft2(noise).real[:, :, :_SIDE, :_SIDE]
    return np.asarray((values / values.std()).transpose(0, 2, 3, 1), np.float32)
