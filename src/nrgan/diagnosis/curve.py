"""How the noise level depends on the signal: the curve in bins, and laws fitted to it.

Signals x are unit range, levels are standard deviations on the scale 0..255.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Array, Doubles
from nrgan.diagnosis.laws import FittedLaw, Law

BINS = 16
_FEWEST_CELLS = 150
_FEWEST_CURVE = 20
"""Smooth cells that a bin needs for the curve, counted by their shares in it."""
_FEWEST_IMAGES = 20
_MOST_CLIPPED = (0.05, 0.1, 0.2)
"""Share of values at 0 or 1 above which a bin of the signal is not used: the smallest that leaves enough of them, for
the correction of clipping supposes Gaussian noise of one level."""
FEWEST_BINS = 4
_CLIPPING = 0.002
"""Share of values at black or white from which on values were cut there."""
_MUCH, _MOST_PARTS = 0.2, 6
"""Share of all cells that a bin holds at most before it is divided, and into how many parts."""
_NARROWEST = 0.005
"""Of the range of signals that occur, what a bin holds at least."""
_FEWEST_SHARE = 0.3
"""Of the cells, all of whose channels must be usable."""
_RESAMPLES = 100
_LEAST_ERROR = 1e-6
_MODEL_ERROR = 0.02
"""Relative error of a bin's variance that no number of images removes: texture, the correction of clipping."""


@dataclass(frozen=True)
class Curve:
    """The variance of the noise in bins of the signal; NaN where a bin cannot be used."""

    signal: Doubles
    """Mean signal in each bin, unit range."""
    variance: Doubles
    error: Doubles
    """Standard error, over resampled images; with what no resampling shows."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.variance)


@dataclass(frozen=True)
class Bins:
    """Of the signal, 0..255: `edges` between them, ascending, and which of them can be used."""

    edges: Doubles
    usable: npt.NDArray[np.bool_]
    clipping: bool = True
    """Whether values were cut at black or white: else what lies near them is as it is."""

    @property
    def count(self) -> int:
        return len(self.usable)

    def of(self, signal: Array) -> npt.NDArray[np.intp]:
        """The bin of each signal."""
        return np.searchsorted(self.edges, signal, side="right").astype(np.intp)

    def all_usable(self, signal: Array) -> npt.NDArray[np.bool_]:
        """Where all channels, the last axis, lie in usable bins."""
        return np.asarray(self.usable[self.of(signal)].all(-1))


def choose_bins(signal: Array, clipped: Array) -> Bins:
    """Equal bins of the whole range; those that hold much of all cells are divided, to hold equal numbers.

    A bin is usable where it holds enough cells of enough images, with few clipped values; both are
    (N, rows, columns, C).
    """
    edges = np.arange(BINS + 1) * (255 / BINS)
    narrowest = _NARROWEST * max(float(np.ptp(signal)), 1e-3)
    found: list[float] = []
    for low, high in itertools.pairwise(edges):
        inside = signal[(signal >= low) & (signal < high)]
        parts = min(int(len(inside) / max(signal.size, 1) / _MUCH) + 1, _MOST_PARTS)
        for edge in np.quantile(inside, np.arange(1, parts) / parts) if parts > 1 else ():
            if edge > (found[-1] if found else 0.0) + narrowest:
                found.append(float(edge))
        found.append(float(high))
    return _usable(np.array(found[:-1]), signal, clipped)


def one_bin(signal: Array, clipped: Array) -> Bins:
    """All signals together, for images that are too few to tell them apart; both are (N, rows, columns, C)."""
    usable = signal.size >= _FEWEST_CELLS and float(clipped.mean()) <= _MOST_CLIPPED[-1]
    return Bins(np.zeros(0), np.array([usable]), bool(clipped.mean() > _CLIPPING))


def _usable(edges: Doubles, signal: Array, clipped: Array) -> Bins:
    count = len(edges) + 1
    of = Bins(edges, np.ones(count, bool)).of(signal)
    cells = np.bincount(of.ravel(), minlength=count)
    share = np.bincount(of.ravel(), clipped.ravel(), count) / np.maximum(cells, 1)
    flat = of.reshape(len(of), -1)
    images = np.array([(flat == b).any(1).sum() for b in range(count)])
    enough = (cells >= _FEWEST_CELLS) & (images >= min(_FEWEST_IMAGES, len(of)))
    choices = [enough & (share <= most) for most in _MOST_CLIPPED]
    fits = (b for b in choices if b.sum() >= FEWEST_BINS and b[of].all(-1).mean() >= _FEWEST_SHARE)
    return Bins(edges, next(fits, choices[-1]), bool(clipped.mean() > _CLIPPING))


def fit_curve(energy: Array, signal: Array, used: npt.NDArray[np.bool_], textured: Array, bins: Bins) -> Curve:
    """The curve from the energies of cells, (N, rows, columns), whose channels may lie in different bins.

    E energy = Σ_c σ²(x_c)/C, linear in the bins' variances: least squares, whose normal equations are summed per
    image, so that resampled images (whose levels may differ) tell the error. `used`: which cells; `textured`: what of
    the energy is thought to be texture and was taken off, half of which is counted as error.
    """
    n, channels = len(energy), signal.shape[3]
    of = bins.of(signal).reshape(n, -1, channels)
    share = np.stack([(of == b).mean(2) for b in range(bins.count)], 2).astype(np.float32)
    share *= used.reshape(n, -1, 1)
    known = bins.usable & (share.sum((0, 1)) >= _FEWEST_CURVE)
    # a cell that lies in a bin which is left out would count all of its energy for its other bins
    share *= (share[:, :, ~known].sum(2, keepdims=True) == 0).astype(np.float32)
    known &= share.sum((0, 1)) > 0
    gram = share.transpose(0, 2, 1) @ share
    moment = np.stack([energy.reshape(n, -1), textured.reshape(n, -1)], 2).transpose(0, 2, 1) @ share
    variance, spread, texture = (np.full(bins.count, np.nan) for _ in range(3))
    if known.any():
        g = gram[:, known][:, :, known].astype(np.float64)
        v = moment[:, :, known].astype(np.float64)
        counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), _RESAMPLES)
        solved = [_solve(np.tensordot(w, g, 1), np.tensordot(w, v, 1)) for w in (np.ones(n), *counts)]
        variance[known], texture[known] = solved[0]
        spread[known] = np.std([s[0] for s in solved[1:]], axis=0)
    total, weight = np.zeros(bins.count), np.zeros(bins.count)
    cells = used.reshape(n, -1)
    for channel in range(channels):
        inside = of[:, :, channel][cells]
        weight += np.bincount(inside, minlength=bins.count)
        total += np.bincount(inside, signal.reshape(n, -1, channels)[:, :, channel][cells], bins.count)
    ends = np.concatenate([[0.0], bins.edges, [255.0]])
    x = np.where(weight > 0, total / np.maximum(weight, 1), (ends[1:] + ends[:-1]) / 2) / 255
    corrected = unclipped(np.maximum(variance, 0), x) if bins.clipping else np.maximum(variance, 0)
    error = np.sqrt(spread**2 + (_MODEL_ERROR * corrected) ** 2 + (0.5 * texture) ** 2 + _LEAST_ERROR)
    return Curve(signal=x, variance=corrected, error=error)


def _solve(gram: Doubles, moments: Doubles) -> Doubles:
    # of images drawn again, all may be without a usable cell: they tell 0, and that the level is not known
    ridge = 1e-3 * max(np.trace(gram) / len(gram), _LEAST_ERROR) * np.eye(len(gram))
    # drawn towards the overall mean, not to 0, where cells leave a bin nearly undetermined
    mean = moments.sum(1, keepdims=True) / max(gram.sum(), 1e-9)
    return np.linalg.solve(gram + ridge, (moments + mean * np.diag(ridge)).T).T


def unclipped(variance: Doubles, x: Doubles) -> Doubles:
    """The variance before values N(x, σ²) were clipped to [0, 1], from that after; the scale 0..255, x unit."""
    sigma2 = np.array(variance, np.float64)
    for _ in range(8):
        sigma = np.sqrt(np.maximum(sigma2, 1e-6)) / 255
        sigma2 = variance * np.minimum((255 * sigma) ** 2 / np.maximum(_clipped_variance(x, sigma) * 255**2, 1e-9), 4)
    return np.where(variance > 0, sigma2, variance)


def _clipped_variance(x: Doubles, sigma: Doubles) -> Doubles:
    """Var clip(N(x, σ²), 0, 1): moments of a normal variable censored at both ends."""
    a, b = -x / sigma, (1 - x) / sigma
    upper = _above(b)
    inside, pa, pb = _above(a) - upper, _density(a), _density(b)
    first = x * inside + sigma * (pa - pb) + upper
    # at the lower end the censored value is 0, at the upper end 1
    second = (x**2 + sigma**2) * inside + 2 * x * sigma * (pa - pb) + sigma**2 * (a * pa - b * pb) + upper
    return np.maximum(second - first**2, 0)


def _above(a: Doubles) -> Doubles:
    """P(N(0, 1) > a)."""
    return np.array([math.erfc(v / math.sqrt(2)) / 2 for v in a])


def _density(a: Doubles) -> Doubles:
    return np.exp(-(a**2) / 2) / math.sqrt(2 * math.pi)


def _not_negative(design: Doubles, target: Doubles) -> Doubles:
    """Least squares for two coefficients, neither of them negative."""
    free: Doubles = np.linalg.lstsq(design, target, rcond=None)[0].astype(np.float64)
    if (free >= 0).all():
        return free
    alone = np.maximum(design.T @ target / np.maximum((design**2).sum(0), 1e-12), 0)
    ends = np.diag(alone)
    return min(ends, key=lambda end: float(((design @ end - target) ** 2).sum()))


def _fitted(law: Law, design: Doubles, target: Doubles) -> Doubles:
    if not law.above_an_offset:
        return _not_negative(design, target)
    free: Doubles = np.linalg.lstsq(design, target, rcond=None)[0].astype(np.float64)
    # with an intercept above 0 it is the law without an offset
    return free if free[0] > 0 and free[1] < 0 else _not_negative(design, target)


def fit_law(law: Law, curve: Curve) -> FittedLaw:
    """The law fitted to the curve by weighted least squares."""
    known = curve.known
    x, v, w = curve.signal[known], curve.variance[known], 1 / curve.error[known]
    design = np.stack([law.g(x), np.ones_like(x)], 1)
    c, b2 = _fitted(law, design * w[:, None], v * w)
    fitted = np.sqrt(np.maximum(c * law.g(x) + b2, 1e-9))
    inverse = np.linalg.pinv(design.T @ (design * (w**2)[:, None]))
    return FittedLaw(
        law=law,
        c=float(c),
        b2=float(b2),
        misfit=float(np.sqrt(np.mean((np.sqrt(v) / fitted - 1) ** 2))),
        chi2=float(np.sum((w * (v - fitted**2)) ** 2)),
        c_error=float(np.sqrt(max(inverse[0, 0], 0.0))),
    )
