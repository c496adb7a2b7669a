"""How noise lies over pixels and channels, which decides what it is best measured in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Array, Doubles, Smoothness, contrasts, mixed_difference
from nrgan.diagnosis.differences import (
    Along,
    Difference,
    Fine,
    Mixed,
    Repeated,
    first_differences,
    second_differences,
)
from nrgan.diagnosis.structure import (
    LAGS,
    autocorrelation,
    channel_correlation,
    correlation_of_noise,
    separable_correlation,
)

_WHITE = 0.25
"""Largest correlation of neighbouring pixels of noise that is called white, where the image may add to it."""
_WHITE_REPEATED = 0.05
"""The same of noise that was seen by itself."""
_SMOOTHEST = 2
"""Tenths of cells for the autocorrelation of contrasts: in the smoothest places they vary slowly, as its fit
supposes."""
_INDEPENDENT = 0.35
"""Mean correlation of channels below which their noise is called independent; above it, contrasts of channels would
leave some of it out."""
_INDEPENDENT_REPEATED = 0.05
_SPACINGS = (1, 2, 3, 4)
_FLAT = 0.84
"""Share of the energy of first differences that second ones show of noise as flat in frequency as white noise is; what
is correlated over pixels has ever less of higher frequencies, and so have images."""
_FLAT_HIGHER = 0.95
"""The same of second and third differences."""
_UNLIKE = 1.1
"""Ratio of energies across and down from which one axis has less of high frequencies: noise correlated along it."""
_MOST, _REACH = 0.9, 0.35
"""Correlations of neighbours, and over 4 pixels, from which on what is smooth is taken for the image."""
_BOTH, _SEPARABLE = 0.15, 0.15
"""Correlations along both axes from which it matters whether they multiply, and the relative error of the level for
noise that has no such product, as that of filtered back-projection."""
_ENOUGH = 0.1
"""Of the noise's variance, what a difference must keep for the level to be told from it."""


@dataclass(frozen=True)
class Arrangement:
    """How the noise lies over pixels and channels, and so what it is best seen in."""

    z: Array
    """Contrasts of channels, or the channels themselves, or what repeats of a scene leave; (N, H, W, K)."""
    difference: Difference
    """That shows most noise beside texture."""
    response: float
    correlation: Doubles
    channels: Doubles
    white: bool
    far: float
    """The level told from differences of far pixels, where channels differ: with noise blurred over pixels, but not
    with noise that channels share."""
    shared: float
    """Mean correlation of two channels, an upper bound; 0 where there is one channel."""
    off: float = 0.0
    """Relative error of the level for what is supposed of the correlation: that it is a product of two axes'."""
    told: bool = True
    """Whether noise that is correlated over pixels was told from detail of the image."""
    exact: bool = False
    """Whether the noise was seen by itself, in repeats of a scene."""

    @property
    def independent(self) -> bool:
        return self.shared < (_INDEPENDENT_REPEATED if self.exact else _INDEPENDENT)


def arranged(y: Array, smooth: Smoothness, chosen: npt.NDArray[np.bool_]) -> Arrangement:
    """Looks at differences of channels, which hold little of the image, unless the noise is shared by channels.

    chosen: (N, rows, columns), the smoother cells of each signal.
    """
    if y.shape[3] == 1:
        return _with_the_image(y, smooth, chosen)
    found = _in_contrasts(y, smooth)
    if found.independent:
        return found
    return replace(_with_the_image(y, smooth, chosen), far=found.far, channels=found.channels, shared=found.shared)


def arranged_in_repeats(z: Array) -> Arrangement:
    """Of noise that is seen by itself, (N, H, W, C)."""
    lags = correlation_of_noise(z)
    neighbours = np.abs(lags.correlation[:2, :2].ravel()[1:])
    flat = z.reshape(-1, z.shape[3]).astype(np.float64)
    channels = np.corrcoef(flat.T).reshape(z.shape[3], z.shape[3])
    return Arrangement(
        z=z,
        difference=Repeated(),
        response=1.0,
        correlation=lags.correlation,
        channels=channels,
        white=bool(neighbours.max() < _WHITE_REPEATED),
        far=lags.variance**0.5,
        shared=_mean_of_pairs(channels),
        exact=True,
    )


def _in_contrasts(y: Array, smooth: Smoothness) -> Arrangement:
    z = y @ contrasts(y.shape[3]).T
    lags = autocorrelation(z, smooth, _SMOOTHEST)
    white = bool(max(abs(lags.correlation[0, 1]), abs(lags.correlation[1, 0])) < _WHITE)
    difference = Mixed(1 if white else _best_spacing(z, smooth))
    channels = channel_correlation(y, smooth, difference.spacing)
    return Arrangement(
        z=z,
        difference=difference,
        response=1.0 if white else max(difference.response(lags.correlation), 0.05),
        correlation=lags.correlation,
        channels=channels,
        white=white,
        far=lags.variance**0.5,
        shared=_mean_of_pairs(channels),
    )


def _with_the_image(y: Array, smooth: Smoothness, chosen: npt.NDArray[np.bool_]) -> Arrangement:
    """Where no contrast takes the image away, its detail is told from correlated noise by the highest frequencies.

    Of images that are blurred over more than a pixel nothing is left there, and white noise is as strong as anywhere;
    noise that is correlated over pixels is not.
    """

    def energy(values: Array) -> float:
        return max(smooth.smoothest((values**2).mean(3, keepdims=True)), 1e-12)

    first, second = energy(mixed_difference(y, 1)), energy(Fine().of(y))
    third = energy(first_differences(second_differences(first_differences(second_differences(y, 2), 2), 1), 1)) / 400
    across = energy(second_differences(first_differences(y, 1), 2))
    down = energy(second_differences(first_differences(y, 2), 1))
    alike = max(across, down) < _UNLIKE * min(across, down)
    channels = np.ones((y.shape[3], y.shape[3]))
    if alike and (second > _FLAT * first or third > _FLAT_HIGHER * second):
        white = np.zeros((LAGS, LAGS))
        white[0, 0] = 1
        return Arrangement(y, Fine(), 1.0, white, channels, True, second**0.5, 0.0)
    lags = separable_correlation(y, chosen)
    candidates: tuple[Difference, ...] = (Along(1), Along(2), Fine(), *map(Mixed, _SPACINGS))
    correlation = lags.correlation
    telling = [d for d in candidates if d.response(correlation) > _ENOUGH] or [Mixed(_SPACINGS[-1])]
    difference = max(telling, key=lambda d: _share_of_noise(y, smooth, d))
    return Arrangement(
        z=y,
        difference=difference,
        response=max(difference.response(correlation), 0.05),
        correlation=correlation,
        channels=channels,
        white=False,
        far=lags.variance**0.5,
        shared=0.0,
        off=_SEPARABLE if min(correlation[0, 1], correlation[1, 0]) > _BOTH else 0.0,
        told=bool(
            max(correlation[0, 1], correlation[1, 0]) < _MOST and max(correlation[0, -1], correlation[-1, 0]) < _REACH
        ),
    )


def _mean_of_pairs(channels: Doubles) -> float:
    count = len(channels)
    return float((channels.sum() - count) / max(count * (count - 1), 1))


def _best_spacing(z: Array, smooth: Smoothness) -> int:
    return max(_SPACINGS, key=lambda spacing: _share_of_noise(z, smooth, Mixed(spacing)))


def _share_of_noise(z: Array, smooth: Smoothness, difference: Difference) -> float:
    """Of the energy of a difference, what is left where there is no texture."""
    found = smooth.extrapolate((difference.of(z) ** 2).mean(3, keepdims=True))
    return float(found.noise[0] / found.mean[0]) if found.mean[0] > 0 else 0.0
