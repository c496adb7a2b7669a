"""What noise there may be at most, and what contrast there is beside it."""

from __future__ import annotations

import numpy as np

from nrgan.diagnosis.cells import CELL, Array, Smoothness, cell_means, mixed_difference, texture

_BOUND_BINS = 16
_SPACINGS = (1, 2, 4, 8)
"""Pixels between those whose differences bound the noise: over more than that, noise is hardly correlated."""


def contrast(signal: Array, level: float) -> float:
    """The standard deviation of the images' own values, over all of them: of cells' means, less the noise in those."""
    variance = float(np.mean(np.var(signal, axis=(0, 1, 2), dtype=np.float64)))
    return float(np.sqrt(max(variance - level**2 / CELL**2, 0.0)))


def bounds(y: Array) -> tuple[float, float]:
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


def level_of_smooth(differences: Array, smooth: Smoothness) -> float:
    """The level of white noise that would explain the smoothest tenth of cells, whose texture is in it."""
    return float(np.sqrt(smooth.smoothest((differences**2).mean(3, keepdims=True))))
