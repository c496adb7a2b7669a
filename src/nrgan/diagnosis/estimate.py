"""The noise of a set of noisy images, estimated from them alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.arrangement import Arrangement, arranged
from nrgan.diagnosis.cells import (
    Array,
    Doubles,
    Smoothness,
    cell_means,
    mixed_difference,
    mixed_mean,
    prepared,
    texture,
)
from nrgan.diagnosis.curve import FEWEST_BINS, LAWS, Curve, Law, bins_of, fit_curve, fit_law, usable_bins
from nrgan.diagnosis.structure import Marginal, Spread, level_inside, marginal, spread
from nrgan.diagnosis.values import Diagnosis, unknowns
from nrgan.errors import UserError

Flags = npt.NDArray[np.bool_]

_NOTHING_TOLD = (
    "nothing can be told of the noise: nearly all values of these images are black or white, or the images are too few"
)

_LITTLE = 6.0
"""Levels below this, both of near and of far pixels' differences, are not told from fine detail of the image."""
_UNEQUAL_IMAGES, _UNEQUAL_PLACES = 0.1, 0.3
"""Relative variances of σ² above which the level is said to vary between images, and between places."""
_OF_A_PART = 0.6
"""The same between places where smooth places are quiet: above it there is noise in others, below it just detail."""
_DEPENDS = 1.12
"""Ratio of levels, over the signals that are used, from which noise is said to depend on the signal."""
_SIGNIFICANT = 12.0
"""Fall of chi² that is more than chance."""
_MISFIT = 0.15
"""Relative deviation of levels from the best law, from which it does not hold."""
_LIGHT, _HEAVY, _HEAVY_DEPENDENT = -0.25, 0.3, 1.0
"""Excess kurtosis below which tails are light, and above which they are heavy: more, where the noise depends on the
signal, whose unseen changes within a few pixels mix levels."""
_FEWEST_CELLS = 500
_SMOOTHEST = 5
"""Tenths of cells, the smoothest, that the noise-level curve is taken from: within an edge there is no one signal."""


@dataclass(frozen=True)
class _Cells:
    """Energies of mixed differences in cells, beside the signal and the texture there."""

    energy: Array
    """(N, rows, columns): over the filter's response, so that its mean is σ²."""
    signal: Array
    """(N, rows, columns, C)."""
    textured: Array
    """What of the energy is thought to be texture."""
    valid: npt.NDArray[np.bool_]
    """Cells whose channels all lie in bins of the signal that can be used."""
    smooth: npt.NDArray[np.bool_]
    usable: npt.NDArray[np.bool_]
    """Bins of the signal."""

    def curve(self, without_texture: bool) -> Curve:
        textured = self.textured if without_texture else np.zeros_like(self.textured)
        return fit_curve(self.energy - textured, self.signal, self.valid & self.smooth, textured, self.usable)


def diagnose(images: npt.NDArray[np.floating[Any]], most_images: int = 2000) -> Diagnosis:
    """Estimates the noise of (N, H, W, C) images in [0, 1], of which at most `most_images` are used, evenly spread.

    The same images give the same answer. Raises `UserError` where they are too few, too small, not in [0, 1], or
    nowhere between black and white.
    """
    y = prepared(images, most_images)
    t, signal = texture(y), cell_means(y)
    usable = usable_bins(signal, cell_means(((y <= 0) | (y >= 255)).astype(np.float32)))
    smooth = Smoothness(t, _all_usable(signal, usable))
    if smooth.cells < _FEWEST_CELLS:
        raise UserError(_NOTHING_TOLD)
    arrangement = arranged(y, smooth)
    return _told(y, smooth, arrangement, _cells(y, t, usable, smooth, arrangement))


def _all_usable(signal: Array, usable: Flags) -> Flags:
    """Cells all of whose channels lie in usable bins."""
    return np.asarray(usable[bins_of(signal)].all(3))


def _cells(y: Array, t: Array, usable: Flags, smooth: Smoothness, seen: Arrangement) -> _Cells:
    energy = (mixed_difference(seen.z, seen.spacing) ** 2).mean(3, keepdims=True) / np.float32(seen.response)
    slope = max(float(smooth.extrapolate(energy).slope[0]), 0.0)
    signal = cell_means(mixed_mean(y, seen.spacing))
    inside = np.s_[:, : signal.shape[1], : signal.shape[2]]
    return _Cells(
        energy=cell_means(energy)[..., 0],
        signal=signal,
        textured=slope * t[inside],
        valid=_all_usable(signal, usable),
        smooth=smooth.group[inside] < _SMOOTHEST,
        usable=usable,
    )


@dataclass(frozen=True)
class _Dependence:
    """The relation between signal and noise that the curve shows."""

    name: str
    laws: dict[str, Law]
    curve: Curve
    coefficients: Doubles
    """(c, b²) of the law that levels are told from; where none fits, of the constant one."""

    def expected(self, signal: Array) -> Array:
        """σ² in cells, from signals (…, C) on 0..255: the mean over channels, as their contrasts have it."""
        x = np.asarray(signal / 255.0, np.float64)
        if self.name == "other":
            known = self.curve.known
            return np.interp(x, self.curve.signal[known], self.curve.variance[known]).mean(-1).astype(np.float32)
        c, b2 = self.coefficients
        return (c * LAWS[self.name if self.name in LAWS else "constant"](x) + b2).mean(-1).astype(np.float32)


def _dependence(curve: Curve) -> _Dependence:
    """The simplest law that is not worse than another beyond chance; "other" where none comes near the curve."""
    if not curve.known.any():
        raise UserError(_NOTHING_TOLD)
    fits = {name: fit_law(name, curve) for name in LAWS}
    laws = {name: law for name, (law, _) in fits.items()}
    best = min(("proportional", "square-root"), key=lambda name: laws[name].chi2)
    c, b2 = fits[best][1]
    low, high = (float(c * LAWS[best](x) + b2) for x in curve.signal[curve.known][[0, -1]])
    depends = laws["constant"].chi2 - laws[best].chi2 > _SIGNIFICANT and high > _DEPENDS**2 * low
    name = best if depends else "constant"
    if laws[name].misfit > _MISFIT and laws[name].chi2 > _SIGNIFICANT * curve.known.sum():
        name = "other"
    if curve.known.sum() < FEWEST_BINS:
        name = "unknown"
    return _Dependence(name, laws, curve, fits[name if name in fits else "constant"][1])


def _told(y: Array, smooth: Smoothness, seen: Arrangement, cells: _Cells) -> Diagnosis:
    dependence, unequal, local = _dependence_and_spread(y, seen, cells)
    expected = dependence.expected(cells.signal)
    level, below = float(np.sqrt(max(float(expected.mean()), 0.0))), _level_below(y, smooth)
    of_images = level * unequal.level_of_images[np.isfinite(unequal.level_of_images)]
    loud = cells.smooth & cells.valid & (expected >= np.median(expected[cells.valid]))
    values = marginal(seen.z, loud)
    if little := seen.far < _LITTLE and below < _LITTLE and unequal.places < _OF_A_PART:
        local = False
        level, values, dependence = min(level, below), Marginal(None, []), replace(dependence, name="unknown")
    levels = np.sqrt(np.maximum(dependence.curve.variance, 1e-9))
    found = Diagnosis(
        images=len(y),
        size=(y.shape[1], y.shape[2], y.shape[3]),
        level=level,
        signal=(255 * dependence.curve.signal).tolist(),
        level_at_signal=_or_none(levels),
        error_at_signal=_or_none(dependence.curve.error / (2 * np.maximum(levels, 0.5))),
        dependence=dependence.name,
        laws=dependence.laws,
        white=seen.white,
        autocorrelation=seen.correlation.tolist(),
        channel_correlation=seen.channels.tolist(),
        independent_channels=seen.independent,
        spread_over_images=float(np.sqrt(unequal.images)),
        level_of_images=(float(of_images.mean()), float(of_images.std())) if len(of_images) else (level, 0.0),
        varies_by_image=not little and unequal.images > _UNEQUAL_IMAGES,
        spread_over_places=float(np.sqrt(unequal.places)),
        local=local,
        level_inside=level_inside(cells.energy, cells.valid) if local else None,
        tails=_tails(values.excess_kurtosis, dependence.name in ("constant", "unknown")),
        excess_kurtosis=values.excess_kurtosis,
        quantiles=values.quantiles,
        little_noise=little,
        level_below=max(level, below),
    )
    reasons = unknowns(found)
    return replace(found, certain=not reasons, unknowns=reasons)


def _dependence_and_spread(y: Array, seen: Arrangement, cells: _Cells) -> tuple[_Dependence, Spread, bool]:
    """The law, how unequal the noise is beyond it, and whether that is so within images."""
    dependence = _dependence(cells.curve(without_texture=False))
    # blurred noise is alike in neighbouring cells
    apart = 1 if seen.white else 2
    unequal = spread(cells.energy, dependence.expected(cells.signal), cells.valid, apart)
    local = unequal.places > _UNEQUAL_PLACES
    if not local and seen.z.shape[3] == y.shape[3]:
        # contrasts hold too little texture to correct for, and where noise is in places only, the smooth places are
        # also those without noise
        dependence = _dependence(cells.curve(without_texture=True))
    return dependence, unequal, local


def _level_below(y: Array, smooth: Smoothness) -> float:
    """The level of white noise that would explain the smoothest tenth of cells, whose texture is in it."""
    energy = (mixed_difference(y, 1) ** 2).mean(3, keepdims=True)
    return float(np.sqrt(smooth.smoothest(energy)))


def _tails(kurtosis: float | None, independent: bool) -> str:
    if kurtosis is None:
        return "unknown"
    heavy = _HEAVY if independent else _HEAVY_DEPENDENT
    return "light" if kurtosis < _LIGHT else "heavy" if kurtosis > heavy else "gaussian"


def _or_none(values: Doubles) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
