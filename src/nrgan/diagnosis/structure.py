"""How noise is arranged: over neighbouring pixels, channels, images and places, and how its values are distributed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nrgan.corruptions.curves import probabilities
from nrgan.diagnosis.cells import CELL, Array, Doubles, Smoothness, cell_means, mixed_difference
from nrgan.diagnosis.differences import second_differences

LAGS = 5
"""Autocorrelation is told for lags 0..4 down and across."""
_FAR = (4, 5, 6)
"""Lags at which noise is taken to be uncorrelated, so that what still grows is the image."""
_GROWTH = 1.5
"""Power of the lag with which an image's own variogram grows in smooth places: between an edge (1) and a slope (2)."""
QUANTILES = probabilities(201)
_RING = 1 / 8
_KEPT_KURTOSIS = (1 + 8 * _RING**4) / (1 + 8 * _RING**2) ** 2
"""Of independent values' excess kurtosis, what is left after taking off the mean of the 8 neighbours: Σw⁴/(Σw²)²."""
_FEWEST_VALUES = 5000
_EVEN = 0.3
_LEAST_RESPONSE = 0.02
_FEWEST_LOUD = 100


class Lags(NamedTuple):
    """Autocorrelation, [dy][dx] for lags 0..4, and the variance that it is relative to (on 0..255²)."""

    correlation: Doubles
    variance: float


def autocorrelation(z: Array, smooth: Smoothness, tenths: int) -> Lags:
    """Of the noise in contrasts z, (N, H, W, K), from their variograms γ(d) = ½·E(z(p) − z(p + d))².

    Noise gives γ(d) = σ²(1 − r(d)); in smooth places (the smoothest `tenths`) the image adds g·d^1.5, which is fitted
    at lags 4..6 and taken off. Where only that makes a correlation negative, more was taken off than the image had
    added, and it is told as 0.
    """

    def gamma(dy: int, dx: int) -> float:
        h, w = z.shape[1:3]
        difference = z[:, : h - dy, : w - dx] - z[:, dy:, dx:]
        energy = (difference**2).mean(3, keepdims=True) / 2
        return smooth.smoothest(energy, tenths)

    across, down = [gamma(0, d) for d in _FAR], [gamma(d, 0) for d in _FAR]
    grown = np.array(_FAR) ** _GROWTH
    growth_across, growth_down = (max(float(np.polyfit(grown, v, 1)[0]), 0.0) for v in (across, down))
    far = float(np.mean(across) + np.mean(down)) / 2
    variance = max(far - float(np.mean(grown)) * (growth_across + growth_down) / 2, 1e-6)
    r = np.ones((LAGS, LAGS))
    for dy, dx in np.ndindex(LAGS, LAGS):
        if dy or dx:
            g = gamma(dy, dx)
            image = growth_across * dx**_GROWTH + growth_down * dy**_GROWTH
            before, after = 1 - g / max(far, 1e-6), 1 - (g - image) / variance
            # negative only now: more was taken off than the image had added
            r[dy, dx] = after if after > 0 else min(before, 0.0)
    return Lags(np.clip(r, -1, 1), variance)


def correlation_of_noise(z: Array) -> Lags:
    """Of noise that is seen by itself, (N, H, W, K): mean products of pixels, lags 0..4 either way."""
    values = z - z.mean((0, 1, 2))
    h, w = z.shape[1:3]

    def product(dy: int, dx: int) -> float:
        ahead = (values[:, : h - dy, : w - dx] * values[:, dy:, dx:]).mean(dtype=np.float64)
        back = (values[:, : h - dy, dx:] * values[:, dy:, : w - dx]).mean(dtype=np.float64)
        return float(ahead + back) / 2

    variance = max(product(0, 0), 1e-9)
    r = np.array([[product(dy, dx) / variance for dx in range(LAGS)] for dy in range(LAGS)])
    return Lags(np.clip(r, -1, 1), variance)


def separable_correlation(z: Array, chosen: npt.NDArray[np.bool_]) -> Lags:
    """Of noise whose correlations across and down multiply, from (N, H, W, K) with the image in it.

    Second differences down take away what is smooth down the rows, and leave noise as correlated across as it is; so
    the other way. chosen: (N, rows, columns), the cells whose products are taken.
    """
    pixels = chosen.repeat(CELL, 1).repeat(CELL, 2)[..., None]
    along = []
    for values, used in ((z, pixels), (z.transpose(0, 2, 1, 3), pixels.transpose(0, 2, 1, 3))):
        w = second_differences(values, 1) / np.float32(6**0.5)
        used = used[:, 1 : 1 + w.shape[1]]
        height, width = min(w.shape[1], used.shape[1]), min(w.shape[2], used.shape[2])
        w, used = w[:, :height, :width], used[:, :height, :width]
        along.append([_mean(w[:, :, : width - d] * w[:, :, d:], used[:, :, : width - d]) for d in range(LAGS)])
    across, down = (np.array(v) / max(v[0], 1e-12) for v in along)
    of_two = [max(1 - 4 / 3 * r[1] + 1 / 3 * r[2], _LEAST_RESPONSE) for r in (down, across)]
    levels = [energy[0] / response for energy, response in zip(along, of_two, strict=True)]
    return Lags(np.clip(np.outer(down, across), -1, 1), float(np.sqrt(max(levels[0] * levels[1], 0.0))))


def _mean(values: Array, used: npt.NDArray[np.bool_]) -> float:
    return float((values * used).sum(dtype=np.float64) / max(used.sum() * values.shape[3], 1))


def channel_correlation(y: Array, smooth: Smoothness, spacing: int) -> Doubles:
    """(C, C), of the mixed differences of channels, extrapolated to no texture; what detail is left adds to it."""
    d = mixed_difference(y, spacing)
    channels = y.shape[3]
    covariance = np.empty((channels, channels))
    for c in range(channels):
        products = d[..., c : c + 1] * d[..., c:]
        covariance[c, c:] = covariance[c:, c] = smooth.extrapolate(products).noise
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-9))
    return np.clip(covariance / np.outer(scale, scale), -1, 1)


class Spread(NamedTuple):
    """How unequal noise is beyond what the signal and chance explain: relative variances of σ²."""

    images: float
    """Between images."""
    places: float
    """Between places of one image."""
    level_of_images: Doubles
    """Each image's own level over what the signal alone would give; NaN where it has too few usable cells."""


def spread(energy: Array, expected: Array, used: npt.NDArray[np.bool_], apart: int) -> Spread:
    """Of the energies of cells, (N, rows, columns), beside those expected at their signal.

    Chance is left out by products of separate cells: two halves of an image (the colours of a chessboard) for the
    spread between images, cells `apart` from one another for that between places.
    """
    e, m = energy * used, expected * used
    black = np.add.outer(np.arange(e.shape[1]), np.arange(e.shape[2])) % 2 == 0
    halves = [(e * half).sum((1, 2)) / np.maximum((m * half).sum((1, 2)), 1e-6) for half in (black, ~black)]
    told = used.sum((1, 2)) >= 8
    if told.sum() < 10:
        return Spread(0.0, 0.0, np.full(len(e), np.nan))
    a, b = halves[0][told], halves[1][told]
    images = float(np.cov(a, b)[0, 1] / max(a.mean() * b.mean(), 1e-9))
    own = e.sum((1, 2)) / np.maximum(m.sum((1, 2)), 1e-6)
    rest, scale = e - own[:, None, None] * m, own[:, None, None] * m
    pairs = [(np.s_[:, apart:], np.s_[:, :-apart]), (np.s_[:, :, apart:], np.s_[:, :, :-apart])]
    product = sum(float((rest[i] * rest[j])[told].sum()) for i, j in pairs)
    norm = sum(float((scale[i] * scale[j])[told].sum()) for i, j in pairs)
    return Spread(max(images, 0.0), max(product / max(norm, 1e-9), 0.0), np.where(told, np.sqrt(own), np.nan))


class Marginal(NamedTuple):
    """The distribution of noise values."""

    excess_kurtosis: float | None
    quantiles: list[float]
    """Over their standard deviation, at 201 probabilities from 0.001 to 0.999."""


def marginal(z: Array, usable: npt.NDArray[np.bool_]) -> Marginal:
    """Of residuals z(p) − (mean of the 8 neighbours) in contrasts z, (N, H, W, K), cell by cell of the same level.

    The level at a cell is that of the cells around it, so that noise whose level changes slowly (by image, by signal,
    by place) counts as Gaussian where it is so at each place. `usable`: (N, rows, columns), which cells to take from.
    """
    blur = z[:, :, :-2] + z[:, :, 1:-1] + z[:, :, 2:]
    inner = z[:, 1:-1, 1:-1]
    residual = inner - (blur[:, :-2] + blur[:, 1:-1] + blur[:, 2:] - inner) * _RING
    rows, columns = (min(residual.shape[k] // CELL, usable.shape[k]) for k in (1, 2))
    own = cell_means(residual**2)[:, :rows, :columns].mean(3)
    used = usable[:, 1 : rows - 1, 1 : columns - 1]
    shifts = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    around = np.stack([own[:, i : rows - 2 + i, j : columns - 2 + j] for i, j in shifts])
    level = around.mean(0)
    # cells at the rim of a noisy place, or where there is hardly any noise, would look like heavy tails
    even = used & (around.min(0) > _EVEN * level) & (level > _EVEN * own.mean())
    n, _, _, k = residual.shape
    cells = residual[:, : rows * CELL, : columns * CELL].reshape(n, rows, CELL, columns, CELL, k)
    chosen = cells.transpose(0, 1, 3, 2, 4, 5)[:, 1:-1, 1:-1][even].reshape(int(even.sum()), CELL * CELL * k)
    if chosen.size < _FEWEST_VALUES:
        return Marginal(None, [])
    values = (chosen / np.sqrt(level[even])[:, None]).ravel().astype(np.float64)
    values -= values.mean()
    variance = float((values**2).mean())
    kurtosis = float((values**4).mean() / variance**2 - 3)
    return Marginal(kurtosis / _KEPT_KURTOSIS, np.quantile(values / variance**0.5, QUANTILES).tolist())


def marginal_of_noise(z: Array, expected: Array) -> Marginal:
    """Of differences of two frames over √2, (N, H, W, K), at the σ² that is expected in each cell.

    Of the sum of two, kurtosis is half of that of one; the quantiles are those of the difference.
    """
    rows, columns = expected.shape[1:]
    level = np.sqrt(np.maximum(expected, 1e-9)).repeat(CELL, 1).repeat(CELL, 2)[..., None]
    values = (z[:, : rows * CELL, : columns * CELL] / level).ravel().astype(np.float64)
    if values.size < _FEWEST_VALUES:
        return Marginal(None, [])
    values -= values.mean()
    variance = float((values**2).mean())
    kurtosis = float((values**4).mean() / variance**2 - 3)
    return Marginal(2 * kurtosis, np.quantile(values / variance**0.5, QUANTILES).tolist())


def _loud(energy: Array, used: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Cells but those at the rim whose neighbours are all loud, (N, rows − 2, columns − 2)."""
    rows, columns = energy.shape[1:]
    around = np.stack(
        [energy[:, i : rows - 2 + i, j : columns - 2 + j] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    )
    inside, level = used[:, 1:-1, 1:-1], around.mean(0)
    if not inside.any():
        return np.zeros_like(inside)
    return np.asarray(inside & (around.min(0) > _EVEN * np.quantile(level[inside], 0.95)))


def level_inside(energy: Array, used: npt.NDArray[np.bool_]) -> float:
    """The level where there is noise, of cells that are quiet elsewhere: of those whose neighbours are all loud."""
    loud = _loud(energy, used)
    return float(np.sqrt(energy[:, 1:-1, 1:-1][loud].mean())) if loud.any() else float(np.sqrt(energy.mean()))


def even_inside(energy: Array, used: npt.NDArray[np.bool_], apart: int) -> float:
    """The relative variance of σ² within loud places, chance left out as in `spread`; infinite where there are none."""
    loud, e = _loud(energy, used), energy[:, 1:-1, 1:-1]
    if loud.sum() < _FEWEST_LOUD:
        return float("inf")
    rest = np.where(loud, e - e[loud].mean(), 0.0)
    pairs = [(np.s_[:, apart:], np.s_[:, :-apart]), (np.s_[:, :, apart:], np.s_[:, :, :-apart])]
    count = sum(int((loud[i] & loud[j]).sum()) for i, j in pairs)
    product = sum(float((rest[i] * rest[j]).sum(dtype=np.float64)) for i, j in pairs)
    return product / max(count, 1) / max(float(e[loud].mean()) ** 2, 1e-12)
