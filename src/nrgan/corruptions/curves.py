"""Curves told by a few numbers: the level over the signal, and the shapes of distributions told by quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from nrgan.errors import UserError

Doubles = npt.NDArray[np.float64]
Numbers = tuple[float, ...]

_MOST = 4096
"""Numbers that tell a curve, at most."""
_TAIL = 0.001
"""Probability on either side of the first and the last quantile."""
_DRAWN = np.linspace(-6, 6, 2001)
"""Normal draws at which a shape is tabulated; beyond lie two in 10⁹."""
_WEIGHTS = np.exp(-(_DRAWN**2) / 2) / np.exp(-(_DRAWN**2) / 2).sum()
_DEGREES = 40


def probabilities(count: int) -> Doubles:
    """Those of `count` quantiles: equally spaced from 0.001 to 0.999."""
    return np.linspace(_TAIL, 1 - _TAIL, count)


def check_rising(owner: object, field: str, values: Numbers, strictly: bool = False) -> None:
    """Raises `UserError` unless the values are finite, not too many, and none is below the one before it."""
    rising = all(a < b if strictly else a <= b for a, b in pairwise(values))
    if not (len(values) <= _MOST and all(map(math.isfinite, values)) and rising):
        raise UserError(f"{type(owner).__name__}: {field} must be finite and rising, {_MOST} numbers at most")


def interpolated(at: Tensor, signal: Numbers, values: Numbers) -> Tensor:
    """Linear between (signal, values), constant outside; of any shape, or a single number where it is constant."""
    if len(signal) == 1:
        return at.new_full((), values[0])
    knots, inner, starts, slopes = _segments(signal, values, at.device, at.dtype)
    at = at.clamp(signal[0], signal[-1])
    i = torch.bucketize(at.contiguous(), inner)
    return starts[i] + slopes[i] * (at - knots[i])


@lru_cache
def _segments(signal: Numbers, values: Numbers, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Where segments begin, all but the first; their values there, and slopes: copied to a device once."""
    x, v = np.array(signal), np.array(values)
    return tuple(
        torch.tensor(a, device=device, dtype=dtype) for a in (x[:-1], x[1:-1], v[:-1], np.diff(v) / np.diff(x))
    )


@lru_cache
def shape_of(quantiles: Numbers) -> Numbers:
    """The rising map t of standard normal draws to draws of mean 0 and variance 1 with these quantiles, tabulated.

    t(w) = Q(Φ(w)), at 2,001 equally spaced w from −6 to 6. t is linear between the quantiles, so that those of a normal
    distribution give itself; beyond the first and the last, 0.1 % each, the tail is exponential, as steep as the last
    step makes it.
    """
    q, p = np.array(quantiles), probabilities(len(quantiles))
    below, above = ndtr(_DRAWN), ndtr(-_DRAWN)  # each exact at its own end
    steep = np.log(p[1] / _TAIL)
    table = np.interp(_DRAWN, ndtri(p), q)
    table -= (q[1] - q[0]) / steep * np.log(np.maximum(_TAIL / below, 1))
    table += (q[-1] - q[-2]) / steep * np.log(np.maximum(_TAIL / above, 1))
    table -= (table * _WEIGHTS).sum()
    return tuple((table / np.sqrt((table**2 * _WEIGHTS).sum())).tolist())


def shaped(w: Doubles, quantiles: Numbers) -> Doubles:
    """t(w), any shape; w itself where no quantiles are told."""
    return np.interp(w, _DRAWN, shape_of(quantiles)) if quantiles else w


def shaped_batch(w: Tensor, quantiles: Numbers) -> Tensor:
    """The same of tensors."""
    return w if not quantiles else _even((w + 6) / 12, _table(quantiles, True, w.device, w.dtype))


def scaled(quantiles: Numbers) -> Numbers:
    """Quantiles at equally spaced probabilities from 0 to 1, over the root mean square of what they tell."""
    a, b = np.array(quantiles[:-1]), np.array(quantiles[1:])
    return tuple((np.array(quantiles) / np.sqrt(((a * a + a * b + b * b) / 3).mean())).tolist())


def factor(u: float, quantiles: Numbers) -> float:
    """The factor at probability u; 1 where no quantiles are told."""
    return float(np.interp(u, np.linspace(0, 1, len(quantiles)), scaled(quantiles))) if quantiles else 1.0


def factors(u: Tensor, quantiles: Numbers) -> Tensor:
    """The same of tensors."""
    return _even(u, _table(quantiles, False, u.device, u.dtype))


def _even(at: Tensor, table: Tensor) -> Tensor:
    """Of a table over 0..1, linear between its entries."""
    place = at.clamp(0, 1) * (len(table) - 1)
    i = place.long().clamp(max=len(table) - 2)
    return torch.lerp(table[i], table[i + 1], place - i)


@lru_cache
def _table(quantiles: Numbers, shape: bool, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Copied to a device once: a step must not wait for it."""
    return torch.tensor(shape_of(quantiles) if shape else scaled(quantiles), device=device, dtype=dtype)


@lru_cache
def normal_correlation(quantiles: Numbers, correlation: float) -> float:
    """The correlation ρ of normal draws of which t(w) has the `correlation`, 0..1.

    Corr(t(w), t(w')) = Σ_k c_k² ρ^k, c_k = E t(w)·He_k(w)/√k!, which rises from 0 to 1 (Mehler).
    """
    if not quantiles or correlation in (0.0, 1.0):
        return correlation
    table, before, now = np.array(shape_of(quantiles)), np.zeros_like(_DRAWN), np.ones_like(_DRAWN)
    squares = []
    for k in range(1, _DEGREES + 1):
        before, now = now, (_DRAWN * now - math.sqrt(k - 1) * before) / math.sqrt(k)
        squares.append(float((table * now * _WEIGHTS).sum()) ** 2)
    return _inverse([0.0, *(s / sum(squares) for s in squares)], correlation)


def _inverse(rising: Sequence[float], value: float) -> float:
    """Where a polynomial that rises from 0 to 1 over 0..1 has a value."""
    grid = np.linspace(0, 1, 10_001)
    return float(np.interp(value, np.polynomial.polynomial.polyval(grid, np.array(rising)), grid))
