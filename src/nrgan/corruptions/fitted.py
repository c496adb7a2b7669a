"""Noise told by numbers: what a measurement of real images finds, as a law that can be drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import STEP, AdditiveNoise, Image
from nrgan.corruptions.counts import counts, counts_batch
from nrgan.corruptions.curves import (
    check_rising,
    factor,
    factors,
    interpolated,
    normal_correlation,
    shaped,
    shaped_batch,
)
from nrgan.corruptions.fields import Correlation, check_correlation, filtered, filtered_batch, given_correlation, margin
from nrgan.draws import Draws
from nrgan.errors import UserError

_FAINTEST = 1e-6
"""Square of the smallest factor of an image's level that events are counted with."""
_ROUNDING = 1e-9
_STRONGEST = 10**6


@dataclass(frozen=True)
class Fitted(AdditiveNoise):
    """y = u + f·(√v(u)·t(w)/255 + (N − λ)·f/events) + stripes; a share of the pixels is black or white instead.

    v variance of what is not counted, on 0..255²; w a standard normal field, correlated over pixels and channels, t its
    tails; f the image's own factor, E f² = 1. N ~ Pois(λ), λ = events·(u − dark)/f²: its last term has the variance
    f²·(u − dark)/events. Stripes: N(0, rows²) for each row of an image, N(0, columns²) for each column. All fields are
    the same up to the border.

    Levels are standard deviations on 0..255, signals unit range. Raises `UserError` for numbers that tell no noise.
    """

    signal: tuple[float, ...] = (0.5,)
    """Knots of the level, rising."""
    level: tuple[float, ...] = (25.0,)
    """At the knots, all but stripes and impulses: the variance is linear between them, and constant outside (but for
    events, whose part grows on)."""
    correlation: Correlation = ()
    """r[dy][dx] over pixels, 1 at lag 0, up to 9 lags down and across; () is white. `given_correlation` is what is
    drawn."""
    quantiles: tuple[float, ...] = ()
    """Of white noise over its level, at equally spaced probabilities from 0.001 to 0.999, of any mean and variance
    (what is drawn has 0 and 1); () is Gaussian."""
    events: float = 0.0
    """Counted in full signal: the part of the variance that this explains, 255²·(u − dark)/events, is counting noise;
    0: none is."""
    images: tuple[float, ...] = ()
    """Quantiles of the factor f over images, at equally spaced probabilities from 0 to 1, of any scale; () is 1."""
    rows: float = 0.0
    """Level of what whole rows are shifted by, afresh in every image."""
    columns: float = 0.0
    stripes_shared: bool = True
    """Whether the channels of an image have the same stripes."""
    shared: float = 0.0
    """Share of the noise's variance that is the same in all channels, 0..1; stripes apart."""
    impulses: float = 0.0
    """Share of pixels that are black or white instead."""
    salt: float = 0.5
    """Share of those that are white."""
    impulses_per_channel: bool = False
    """Whether each channel loses pixels of its own."""
    dark: float = 0.0
    """The signal at which no event is counted."""

    def __post_init__(self) -> None:
        for name in ("events", "rows", "columns"):
            _check(self, name, 0, math.inf)
        for name in ("shared", "impulses", "salt"):
            _check(self, name, 0, 1)
        _check(self, "dark", -math.inf, math.inf)
        check_rising(self, "signal", self.signal, strictly=True)
        check_rising(self, "quantiles", self.quantiles)
        check_rising(self, "images", self.images)
        if not self.signal or len(self.signal) != len(self.level):
            raise UserError(f"Fitted: level has {len(self.level)} numbers, signal {len(self.signal)}; give as many")
        if not all(0 <= s <= _STRONGEST for s in self.level):
            raise UserError(f"Fitted: level={self.level} must be from 0 to {_STRONGEST:,}")
        if self.quantiles and not (len(self.quantiles) > 1 and self.quantiles[0] < self.quantiles[-1]):
            raise UserError("Fitted: quantiles must be two at least, and not all the same")
        if self.images and not (len(self.images) > 1 and self.images[0] >= 0 and self.images[-1] > 0):
            raise UserError("Fitted: images must be two at least, none below 0, and not all 0")
        check_correlation(self, "correlation", self.correlation)
        if self.quantiles and margin(self.correlation):
            raise UserError("Fitted: quantiles are of white noise; leave out either them or the correlation")
        self._check_events()

    def _check_events(self) -> None:
        """Raises `UserError` where events alone are more noise than there is."""
        for signal, level, rest in zip(self.signal, self.level, self._rest, strict=True):
            if rest < -_ROUNDING * 255**2:
                least = (signal - self.dark) / max((level / 255) ** 2, _ROUNDING)
                raise UserError(
                    f"Fitted: events={self.events:g} alone are more noise than the level {level:g} at the signal "
                    f"{signal:g}; give more than {least:.4g}, or 0 where none are counted"
                )

    @property
    def replaces(self) -> bool:
        return self.impulses > 0

    @property
    def given_correlation(self) -> npt.NDArray[np.float64]:
        """The autocorrelation that is drawn, at the lags of `correlation`; within 0.05 of it."""
        return given_correlation(self.correlation)

    def level_at(self, u: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The level over all images at signals u, any shape, on 0..255: of all that is added, so without impulses."""
        variance = np.interp(u, self.signal, np.maximum(self._rest, 0)) + self.rows**2 + self.columns**2
        if self.events:
            variance = variance + 255**2 * np.maximum(u - self.dark, 0) / self.events
        return np.sqrt(variance)

    @property
    def _rest(self) -> tuple[float, ...]:
        """v at the knots: the variance that events do not explain."""
        counted = 255**2 / self.events if self.events else 0.0
        knots = zip(self.signal, self.level, strict=True)
        return tuple(level**2 - counted * max(signal - self.dark, 0.0) for signal, level in knots)

    @property
    def _variance(self) -> tuple[float, ...]:
        """v/255² at the knots, never negative."""
        return tuple(max(rest, 0.0) / 255**2 for rest in self._rest)

    @property
    def _share(self) -> float:
        """Of the variance of w that channels share, so that t(w) has the share that was told."""
        return normal_correlation(self.quantiles, self.shared)

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        f = factor(rng.random_sample(), self.images) if self.images else 1.0
        v = np.interp(u, self.signal, self._variance).clip(0)  # which rounding may miss
        n = f * np.sqrt(v) * shaped(self._field(u.shape, self._share, rng), self.quantiles)
        if self.events:
            of_one = max(f * f, _FAINTEST) / self.events
            lam = np.maximum(u - self.dark, 0) / of_one
            n += (counts(self._field(u.shape, self.shared, rng), lam) - lam) * of_one
        for stripes in self._stripes(*u.shape):
            shape = (stripes.height, stripes.width, stripes.channels)
            n += rng.standard_normal(shape) * stripes.level / 255
        y = u + n
        if self.impulses:
            r = rng.random_sample(u.shape if self.impulses_per_channel else (*u.shape[:2], 1))
            y = np.where(r < self.impulses, (r < self.impulses * self.salt).astype(np.float64), y)
        return y

    def _field(self, shape: Sequence[int], share: float, rng: RandomState) -> Image:
        """w, (H, W, C)."""
        height, width, channels = shape
        size = (height + 2 * margin(self.correlation), width + 2 * margin(self.correlation))
        white = np.zeros((*size, channels))
        for part, of_part in ((1 - share, channels), (share, 1)):
            if part:
                white += math.sqrt(part) * rng.standard_normal((*size, of_part))
        return filtered(white, self.correlation)

    def _stripes(self, height: int, width: int, channels: int) -> list[_Stripes]:
        """Those that there are, for images of that size."""
        across = 1 if self.stripes_shared else channels
        kinds = [_Stripes("rows", self.rows, height, 1, across), _Stripes("columns", self.columns, 1, width, across)]
        return [stripes for stripes in kinds if stripes.level]

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        y = x + self._added(x.detach(), draws)
        if not self.impulses:
            return y
        replaced, value = self._replaced(x, draws)
        return torch.where(replaced, value, y)

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        n = self._added(x, draws)
        if not self.impulses:
            return n
        replaced, value = self._replaced(x, draws)
        return torch.where(replaced, value - x, n)

    def _added(self, x: Tensor, draws: Draws) -> Tensor:
        """`simulate_noise` without impulses."""
        f = factors(draws.uniform("factor", (len(x), 1, 1, 1)), self.images) if self.images else x.new_ones(())
        t = shaped_batch(self._fields(x.shape, "eps", self._share, draws), self.quantiles)
        n = f * interpolated(x, self.signal, self._variance).clamp(min=0).sqrt() * t
        if self.events:
            of_one = (f * f).clamp(min=_FAINTEST) / self.events
            lam = (x - self.dark).clamp(min=0) / of_one
            n = n + (counts_batch(self._fields(x.shape, "counted", self.shared, draws), lam) - lam) * of_one
        for stripes in self._stripes(x.shape[2], x.shape[3], x.shape[1]):
            shape = (len(x), stripes.channels, stripes.height, stripes.width)
            n = n + draws.normal(stripes.name, shape) * (stripes.level * STEP)
        return n

    def _fields(self, shape: Sequence[int], name: str, share: float, draws: Draws) -> Tensor:
        """w, (B, C, H, W)."""
        batch, channels, height, width = shape
        size = (height + 2 * margin(self.correlation), width + 2 * margin(self.correlation))
        parts = {name: (1 - share, channels), f"{name}_shared": (share, 1)}
        drawn = [math.sqrt(s) * draws.normal(n, (batch, c, *size)) for n, (s, c) in parts.items() if s]
        white = drawn[0] if len(drawn) == 1 else drawn[0] + drawn[1]
        return filtered_batch(white, self.correlation).expand(*shape)

    def _replaced(self, x: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Which values are replaced, and by what; (B, C, H, W), or C = 1 for whole pixels."""
        channels = x.shape[1] if self.impulses_per_channel else 1
        r = draws.uniform("impulse", (len(x), channels, *x.shape[2:]))
        return r < self.impulses, (r < self.impulses * self.salt).to(x.dtype)


class _Stripes(NamedTuple):
    name: str
    level: float
    height: int
    width: int
    channels: int


def _check(owner: Fitted, field: str, low: float, high: float) -> None:
    """Raises `UserError` unless a number is finite, and from low to high."""
    value = getattr(owner, field)
    if not (math.isfinite(value) and low <= value <= high):
        bounds = f" and from {low:g} to {high:g}" if high < math.inf else " and >= 0" if low == 0 else ""
        raise UserError(f"Fitted: {field}={value} must be finite{bounds}")
