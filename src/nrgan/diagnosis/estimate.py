"""The noise of a set of noisy images, estimated from them alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.arrangement import Arrangement, arranged
from nrgan.diagnosis.cells import (
    CELL,
    Array,
    Doubles,
    Smoothness,
    cell_means,
    mixed_difference,
    mixed_mean,
    prepared,
    texture,
)
from nrgan.diagnosis.curve import Curve, bins_of, fit_curve, usable_bins
from nrgan.diagnosis.dependence import NOTHING_TOLD, Dependence, dependence_of
from nrgan.diagnosis.laws import UNKNOWN, depends_on_signal
from nrgan.diagnosis.structure import Marginal, Spread, level_inside, marginal, spread
from nrgan.diagnosis.unknowns import unknowns
from nrgan.diagnosis.values import Diagnosis
from nrgan.errors import UserError

Flags = npt.NDArray[np.bool_]

_LITTLE = 0.1
"""Levels below this share of the images' own contrast, both of near and of far pixels' differences, are not told from
fine detail of the image."""
_BOUND_BINS = 16
_SPACINGS = (1, 2, 4, 8)
"""Pixels between those whose differences bound the noise: over more than that, noise is hardly correlated."""
_UNEQUAL_IMAGES, _UNEQUAL_PLACES = 0.1, 0.3
"""Relative variances of σ² above which the level is said to vary between images, and between places."""
_OF_A_PART = 0.6
"""The same between places where smooth places are quiet: above it there is noise in others, below it just detail."""
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


def estimate_noise(images: npt.NDArray[np.floating[Any]], most_images: int = 2000) -> Diagnosis:
    """Estimates the noise of (N, H, W, C) images in [0, 1], of which at most `most_images` are used, evenly spread.

    The same images give the same answer. Raises `UserError` where they are too few, too small, not in [0, 1], or
    nowhere between black and white.
    """
    y = prepared(images, most_images)
    t, signal = texture(y), cell_means(y)
    usable = usable_bins(signal, cell_means(((y <= 0) | (y >= 255)).astype(np.float32)))
    smooth = Smoothness(t, _all_usable(signal, usable))
    if smooth.cells < _FEWEST_CELLS:
        raise UserError(NOTHING_TOLD)
    seen = arranged(y, smooth)
    cells = _cells(y, t, usable, smooth, seen)
    noise = _noise(y, smooth, seen, cells)
    little = _LITTLE * _contrast(signal, noise.level)
    if seen.far < little and noise.quiet < little and noise.unequal.places < _OF_A_PART:
        noise = noise.as_little()
    found = _told(y, seen, cells, noise)
    reasons = unknowns(found)
    return replace(found, certain=not reasons, unknowns=reasons)


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
class _Noise:
    """How strong the noise is, what it depends on, where it lies and how its values are distributed."""

    level: float
    quiet: float
    """The level of white noise that would explain the smoothest places."""
    bounds: tuple[float, float]
    """Levels that white noise, and that noise correlated over pixels, cannot exceed."""
    dependence: Dependence
    unequal: Spread
    level_of_images: Doubles
    """Of the images whose own level is known."""
    local: bool
    values: Marginal
    little: bool = False

    def as_little(self) -> _Noise:
        """The same, where no noise is told from fine detail of the images: what else was seen is then the detail's."""
        return replace(
            self,
            level=min(self.level, self.quiet),
            dependence=replace(self.dependence, name=UNKNOWN),
            local=False,
            values=Marginal(None, []),
            little=True,
        )


def _noise(y: Array, smooth: Smoothness, seen: Arrangement, cells: _Cells) -> _Noise:
    dependence, unequal, local = _dependence_and_spread(y, seen, cells)
    expected = dependence.expected(cells.signal)
    level = float(np.sqrt(max(float(expected.mean()), 0.0)))
    loud = cells.smooth & cells.valid & (expected >= np.median(expected[cells.valid]))
    return _Noise(
        level=level,
        quiet=_level_of_smooth(y, smooth),
        bounds=_bounds(y),
        dependence=dependence,
        unequal=unequal,
        level_of_images=level * unequal.level_of_images[np.isfinite(unequal.level_of_images)],
        local=local,
        values=marginal(seen.z, loud),
    )


def _told(y: Array, seen: Arrangement, cells: _Cells, noise: _Noise) -> Diagnosis:
    """All of it as plain values."""
    curve, of_images, kurtosis = noise.dependence.curve, noise.level_of_images, noise.values.excess_kurtosis
    levels = np.sqrt(np.maximum(curve.variance, 1e-9))
    return Diagnosis(
        images=len(y),
        size=(y.shape[1], y.shape[2], y.shape[3]),
        level=noise.level,
        signal=(255 * curve.signal).tolist(),
        level_at_signal=_or_none(levels),
        error_at_signal=_or_none(curve.error / (2 * np.maximum(levels, 0.5))),
        dependence=noise.dependence.name,
        laws=noise.dependence.laws,
        white=seen.white,
        autocorrelation=seen.correlation.tolist(),
        channel_correlation=seen.channels.tolist(),
        independent_channels=seen.independent,
        spread_over_images=float(np.sqrt(noise.unequal.images)),
        level_of_images=(float(of_images.mean()), float(of_images.std())) if len(of_images) else (noise.level, 0.0),
        varies_by_image=not noise.little and noise.unequal.images > _UNEQUAL_IMAGES,
        spread_over_places=float(np.sqrt(noise.unequal.places)),
        local=noise.local,
        level_inside=level_inside(cells.energy, cells.valid) if noise.local else None,
        tails=_tails(kurtosis, depends_on_signal(noise.dependence.name)),
        excess_kurtosis=kurtosis,
        quantiles=noise.values.quantiles,
        little_noise=noise.little,
        level_below=max(noise.level, noise.bounds[0]),
        correlated_below=max(noise.level, noise.bounds[1]),
    )


def _dependence_and_spread(y: Array, seen: Arrangement, cells: _Cells) -> tuple[Dependence, Spread, bool]:
    """The law, how unequal the noise is beyond it, and whether that is so within images."""
    dependence = dependence_of(cells.curve(without_texture=False))
    # blurred noise is alike in neighbouring cells
    apart = 1 if seen.white else 2
    unequal = spread(cells.energy, dependence.expected(cells.signal), cells.valid, apart)
    local = unequal.places > _UNEQUAL_PLACES
    if not local and seen.z.shape[3] == y.shape[3]:
        # contrasts hold too little texture to correct for, and where noise is in places only, the smooth places are
        # also those without noise
        dependence = dependence_of(cells.curve(without_texture=True))
    return dependence, unequal, local


def _contrast(signal: Array, level: float) -> float:
    """The standard deviation of the images' own values, over all of them: of cells' means, less the noise in those."""
    variance = float(np.mean(np.var(signal, axis=(0, 1, 2), dtype=np.float64)))
    return float(np.sqrt(max(variance - level**2 / CELL**2, 0.0)))


def _bounds(y: Array) -> tuple[float, float]:
    """All that differs between pixels in the smoother half of places of each signal, as if it were noise.

    White noise is all in the differences of neighbours, whatever its relation to the signal; correlated noise in those
    over some distance, with more of the image. Noise that lies in textured places alone is in neither.
    """
    t, signal = texture(y), cell_means(y).mean(3)
    bins = np.clip((signal / 256 * _BOUND_BINS).astype(np.intp), 0, _BOUND_BINS - 1)
    smoother = np.zeros(t.shape, bool)
    for number in np.unique(bins):
        inside = bins == number
        smoother |= inside & (t <= np.median(t[inside]))
    energies = []
    for spacing in (spacing for spacing in _SPACINGS if spacing < min(y.shape[1:3])):
        energy = cell_means((mixed_difference(y, spacing) ** 2).mean(3, keepdims=True))[..., 0]
        rows, columns = energy.shape[1:]
        chosen, of_bin = smoother[:, :rows, :columns], bins[:, :rows, :columns]
        count = np.bincount(of_bin[chosen], minlength=_BOUND_BINS)
        mean = np.bincount(of_bin[chosen], energy[chosen], _BOUND_BINS) / np.maximum(count, 1)
        energies.append(float((mean * count).sum() / max(count.sum(), 1)))
    return float(np.sqrt(energies[0])), float(np.sqrt(max(energies)))


def _level_of_smooth(y: Array, smooth: Smoothness) -> float:
    """The level of white noise that would explain the smoothest tenth of cells, whose texture is in it."""
    energy = (mixed_difference(y, 1) ** 2).mean(3, keepdims=True)
    return float(np.sqrt(smooth.smoothest(energy)))


def _tails(kurtosis: float | None, depends: bool) -> str:
    if kurtosis is None:
        return "unknown"
    heavy = _HEAVY_DEPENDENT if depends else _HEAVY
    return "light" if kurtosis < _LIGHT else "heavy" if kurtosis > heavy else "gaussian"


def _or_none(values: Doubles) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
