"""Pairs from noisy images alone: a rule for each kind of law, by re-noising what is noisy already.

Of y = x + n with a law of n that can be drawn from, further noise makes pairs (input, target) whose errors have nothing
to do with one another, so that the minimiser of their squared distance is the mean of x, as with clean targets. Images
are unit range, (B, C, H, W), unclipped; facts and figures of each rule: docs/denoising.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.pairs import Network, Pair
from nrgan.draws import FreshDraws
from nrgan.ranges import Values

_AFFINE = 0.05
"""Relative misfit of levels up to which a variance is taken for a line over the signal."""
_SIGNALS = 65
_EVEN = 1e-3
"""Relative spread of levels up to which they do not depend on the signal."""


@dataclass(frozen=True)
class VarianceLine:
    """σ²(x) = slope·x + constant, unit range: of counts, slope is the signal of one event."""

    slope: float
    constant: float

    @property
    def dark(self) -> float:
        """The signal at which the variance is 0: below it there is no event, read noise counted as some."""
        return -self.constant / self.slope

    def events(self, y: Values) -> Values:
        """y in events, with the read noise's variance as so many more: n = (y − dark)/slope = σ²(y)/slope²."""
        return (y - self.dark) / self.slope

    def signal(self, events: Values) -> Values:
        """The inverse of `events`."""
        return self.slope * events + self.dark


def depends_on_signal(law: Fitted) -> bool:
    """Whether the law's level changes over the unit range by more than rounding."""
    levels = law.level_at(np.linspace(0, 1, _SIGNALS))
    return bool(np.ptp(levels) > _EVEN * max(float(levels.max()), 1e-12))


def is_gaussian(law: Fitted) -> bool:
    """Whether the noise is Gaussian given the image, of whatever level and correlation."""
    return not (law.quantiles or law.images or law.impulses or law.events)


def is_independent(law: Fitted) -> bool:
    """Whether the noise of a value says nothing of that of another one."""
    return not (law.correlation or law.rows or law.columns or law.shared or law.images or law.impulses)


@lru_cache
def variance_line(law: Fitted) -> VarianceLine | None:
    """The line that the variance is over the signals at which the law is known; None where it is none that rises."""
    low, high = (0.0, 1.0) if len(law.signal) < 2 else (law.signal[0], law.signal[-1])
    x = np.linspace(low, high, _SIGNALS)
    variance = (law.level_at(x) / 255) ** 2
    dark = np.maximum(x, law.dark) if law.events else x
    slope, constant = np.polyfit(dark, variance, 1, w=1 / np.maximum(variance, 1e-3 * variance.max()))
    if slope <= 0 or not np.isfinite(slope):
        return None
    off = np.abs(slope * dark + constant - variance) / np.maximum(variance, 1e-3 * variance.max())
    return VarianceLine(float(slope), float(constant)) if float(np.median(off)) < 2 * _AFFINE else None


class Rule(ABC):
    """One way to make pairs of noisy images and their law."""

    @abstractmethod
    def fits(self, law: Fitted) -> bool:
        """Whether its reasoning holds for the law."""

    @abstractmethod
    def pair(self, guess: Network, y: Tensor, law: Fitted, rng: torch.Generator) -> Pair:
        """Of noisy images y; guess: the best denoiser so far, at whose answer noise is drawn that depends on x."""


@dataclass(frozen=True)
class Recorrupted(Rule):
    """f(y ± αm) → y ∓ m/α, with m drawn from the law: for Gaussian noise of any correlation, not of the signal.

    The errors of both are uncorrelated, hence independent: Cov(n + αm, n − m/α) = Σ − Σ = 0. R2R (Pang et al. 2021).
    Of half the images, with both signs: most of the gradient's spread is that of m/α, which cancels so.
    """

    alpha: float = 0.5

    def fits(self, law: Fitted) -> bool:
        return is_gaussian(law) and not depends_on_signal(law)

    def pair(self, guess: Network, y: Tensor, law: Fitted, rng: torch.Generator) -> Pair:
        y = y[: max(len(y) // 2, 1)]
        m = law.simulate_noise(guess(y), FreshDraws(rng, y.device, y.dtype))
        both = torch.cat([m, -m])
        y = torch.cat([y, y])
        return Pair(y + self.alpha * both, y - both / self.alpha)


@dataclass(frozen=True)
class Thinned(Rule):
    """b ~ Bin(n, keep) of n = y in events; f(b/keep) → (n − b)/(1 − keep): for counts, with or without read noise.

    b and n − b are independent given x where n ~ Pois(λ). Read noise is taken for events, as many as its variance is
    of theirs: n has the right mean and variance. n is at least 0, and rounded up or down at random, which adds to its
    variance (1/6 where values are no whole events); as many events are added, so that both are the same again.
    """

    keep: float = 0.8

    def fits(self, law: Fitted) -> bool:
        counts = depends_on_signal(law) and variance_line(law) is not None
        return counts and is_independent(law) and not law.quantiles

    def pair(self, guess: Network, y: Tensor, law: Fitted, rng: torch.Generator) -> Pair:
        line = variance_line(law)
        assert line is not None, "see `fits`"
        events = line.events(y).clamp(min=0)
        part = events - events.floor()
        rounding = (part * (1 - part)).mean()
        n = torch.floor(events + rounding + torch.rand(y.shape, generator=rng, device=y.device, dtype=y.dtype))
        b = torch.binomial(n, torch.full_like(n, self.keep), generator=rng)
        left = (n - b) / (1 - self.keep)
        return Pair(line.signal(b / self.keep - rounding), line.signal(left - rounding))


@dataclass(frozen=True)
class RecorruptedAtGuess(Recorrupted):
    """The same with m drawn at f(y): for Gaussian noise whose level depends on the signal.

    Its level is that at x as far as f(y) is x: then the errors are independent given x.
    """

    def fits(self, law: Fitted) -> bool:
        return is_gaussian(law)


@dataclass(frozen=True)
class Exchangeable(Rule):
    """‖f(y + m) − y‖² + 2⟨f(y + m), m⟩, with m drawn from the law at f(y): for any law that can be drawn from.

    n and m have the same law given x, so that E⟨f(z), n⟩ = E⟨f(z), m⟩, and the loss is the squared distance of f(z)
    from x but for a constant; z has twice the noise that y has.
    """

    def fits(self, law: Fitted) -> bool:
        return True

    def pair(self, guess: Network, y: Tensor, law: Fitted, rng: torch.Generator) -> Pair:
        m = law.simulate_noise(guess(y), FreshDraws(rng, y.device, y.dtype))
        return Pair(y + m, y, probe=m)


RULES: dict[str, Rule] = {
    "recorrupted": Recorrupted(),
    "thinned": Thinned(),
    "recorrupted-at-guess": RecorruptedAtGuess(),
    "exchangeable": Exchangeable(),
}
"""By name; the first that fits a law is taken."""


def rule_for(law: Fitted) -> str:
    """The name of the first rule whose reasoning holds for the law."""
    return next(name for name, rule in RULES.items() if rule.fits(law))
