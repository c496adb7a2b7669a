"""How noise lies over pixels and channels, which decides what it is best measured in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nrgan.diagnosis.cells import Array, Doubles, Smoothness, contrasts, mixed_difference
from nrgan.diagnosis.structure import autocorrelation, channel_correlation, response

_WHITE = 0.25
"""Largest correlation of neighbouring pixels of noise that is called white."""
_SMOOTHEST_CONTRASTS, _SMOOTHEST_CHANNELS = 2, 4
"""Tenths of cells for the autocorrelation. Contrasts of channels vary slowly, as its fit supposes, in the smoothest
places; with less of the image taken out beforehand, a wider choice is nearer to such slow growth on the average."""
_INDEPENDENT, _SHARED = 0.35, 0.6
"""Mean correlation of channels below which their noise is called independent, and above which it must be shared."""
_SPACINGS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Arrangement:
    """How the noise lies over pixels and channels, and so what it is best seen in."""

    z: Array
    """Contrasts of channels, or the channels themselves, (N, H, W, K)."""
    spacing: int
    """Of the differences that show most noise beside texture."""
    response: float
    correlation: Doubles
    channels: Doubles
    white: bool
    far: float
    """The level told from differences of far pixels, where channels differ: with noise blurred over pixels, but not
    with noise that channels share."""
    shared: float
    """Mean correlation of two channels, an upper bound; 0 where there is one channel."""

    @property
    def independent(self) -> bool:
        return self.shared < _INDEPENDENT


def arranged(y: Array, smooth: Smoothness) -> Arrangement:
    """Looks at differences of channels, which hold little of the image, unless the noise is shared by channels."""
    found = _seen_in(y, y @ contrasts(y.shape[3]).T, smooth)
    return found if found.shared < _SHARED else replace(_seen_in(y, y, smooth), far=found.far)


def _seen_in(y: Array, z: Array, smooth: Smoothness) -> Arrangement:
    seen_in_contrasts = z.shape[3] < y.shape[3]
    lags = autocorrelation(z, smooth, _SMOOTHEST_CONTRASTS if seen_in_contrasts else _SMOOTHEST_CHANNELS)
    neighbours = np.abs(lags.correlation[:2, :2].ravel()[1:])
    white = bool(neighbours.max() < _WHITE)
    spacing = 1 if white else _best_spacing(z, smooth)
    channels = channel_correlation(y, smooth, spacing)
    count = len(channels)
    shared = float((channels.sum() - count) / max(count * (count - 1), 1))
    return Arrangement(
        z=z,
        spacing=spacing,
        response=1.0 if white else max(response(lags.correlation, spacing), 0.05),
        correlation=lags.correlation,
        channels=channels,
        white=white,
        far=lags.variance**0.5,
        shared=shared,
    )


def _best_spacing(z: Array, smooth: Smoothness) -> int:
    def share_of_noise(spacing: int) -> float:
        energy = (mixed_difference(z, spacing) ** 2).mean(3, keepdims=True)
        found = smooth.extrapolate(energy)
        return float(found.noise[0] / found.mean[0]) if found.mean[0] > 0 else 0.0

    return max(_SPACINGS, key=share_of_noise)
