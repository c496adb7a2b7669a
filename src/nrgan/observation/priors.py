"""What is known of the noise's law: n = g(x)·Σₖ εₖ·σₖ, εₖ ~ N(0, 1); the σₖ are what the noise generator makes.

x is the generated image in signed range, detached. g is 1 for the constant prior; a signal-dependent one has g in unit
range and a factor 2 that brings the noise to signed range: 2·x₁ (multiplicative), 2·√x₁ (Poisson), x₁ = x/2 + ½.
The published priors have one part, an ε of its own for every value: NR-GAN (Kaneko & Harada 2020), SI-NR-GAN-I,
SD-NR-GAN-I and -II. The others are ours: an ε that a whole row, a column or all channels have in common, or one that
several neighbours add up. Such an ε says what must not be learned, that the noise is random, and the noise generator
keeps to its amount; whatever it makes, the noise has mean 0 and carries no image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal, Protocol

import torch
from torch import Tensor

from nrgan.corruptions import PROPORTIONAL, SQUARE_ROOT, SignalGain
from nrgan.draws import Draws
from nrgan.errors import UserError, unknown
from nrgan.limits import MOST_MAPS, NO_ROW
from nrgan.ranges import signed_difference, unit_from_signed
from nrgan.settings import Setting

Gain = Callable[[Tensor], Tensor | float]
"""Standard deviation per σ, from the detached signed image."""

OF_THE_CORRUPTION: Literal["of the corruption"] = "of the corruption"
"""The prior is the relation that the setting's corruption states."""


def constant(x: Tensor) -> float:
    """The noise level does not depend on the signal (or the noise generator knows how)."""
    return 1.0


@dataclass(frozen=True)
class SignalDependent:
    """The prior of a known relation between unit-range signal and noise level: x signed ↦ 2·g(x/2 + ½)."""

    gain: SignalGain

    def __call__(self, x: Tensor) -> Tensor:
        return signed_difference(self.gain.g(unit_from_signed(x)))


class Part(Protocol):
    """A part of Gaussian noise; frozen, so that a prior travels to other processes."""

    @property
    def maps(self) -> int:
        """How many σ it takes for each channel."""

    def __call__(self, sigma: Tensor, draws: Draws) -> Tensor:
        """The noise for σ (B, maps, C, H, W), signed range, of a shape that spreads to (B, C, H, W)."""


@dataclass(frozen=True)
class Independent:
    """ε·σ, the values of ε independent of each other; along the axes in `shared` all positions have the same one.

    shared: of 1 (channels), 2 (down) and 3 (across) those that have one ε. σ stays a channel's own, so that channels
    may share an ε in different amounts, or with opposite signs; down and across it is averaged.
    """

    draw: str
    """What ε is called among the draws."""
    shared: tuple[int, ...] = ()
    maps: int = 1

    def __call__(self, sigma: Tensor, draws: Draws) -> Tensor:
        one = sigma[:, 0]
        shape = tuple(1 if axis in self.shared else length for axis, length in enumerate(one.shape))
        if along := [axis for axis in self.shared if axis > 1]:
            one = one.mean(dim=along, keepdim=True)
        return draws.normal(self.draw, shape) * one


@dataclass(frozen=True)
class Filtered:
    """Σᵢⱼ σᵢⱼ(p)·ε(p + (i, j)): each value adds up a window of white noise, `down` rows by `across` columns.

    Values that lie further apart than the window are independent. A moving average; its weights may differ from place
    to place.
    """

    draw: str
    down: int
    across: int

    @property
    def maps(self) -> int:
        """A weight for each place of the window."""
        return self.down * self.across

    def __call__(self, sigma: Tensor, draws: Draws) -> Tensor:
        batch, _, channels, height, width = sigma.shape
        eps = draws.normal(self.draw, (batch, channels, height + self.down - 1, width + self.across - 1))
        windows = eps.unfold(2, self.down, 1).unfold(3, self.across, 1).flatten(4)
        return (windows * sigma.permute(0, 2, 3, 4, 1)).sum(dim=4)


@dataclass(frozen=True)
class Gaussian:
    """Noise that is Gaussian for a given σ: n = g(x)·Σₖ εₖ·σₖ, one summand a part."""

    parts: tuple[Part, ...] = (Independent("eps"),)
    gain: Gain = constant

    def __post_init__(self) -> None:
        """Raises `UserError` for no part, and for more maps than networks are made for."""
        if not 1 <= self.maps <= MOST_MAPS:
            raise UserError(f"Gaussian: its parts take {self.maps} maps a channel; from 1 to {MOST_MAPS} will do")

    @property
    def maps(self) -> int:
        """How many σ the noise generator makes for each channel."""
        return sum(part.maps for part in self.parts)

    def noise(self, sigma: Tensor, x: Tensor, draws: Draws) -> Tensor:
        """The noise n (B, C, H, W) for images x of that shape and σ (B, maps·C, H, W), all of them signed range."""
        maps = sigma.view(len(sigma), self.maps, -1, *sigma.shape[2:])
        own = torch.split(maps, [part.maps for part in self.parts], dim=1)
        n = reduce(add, (part(of_part, draws) for part, of_part in zip(self.parts, own, strict=True)))
        # detached: the signal scales the noise, the gradient must not
        return n.expand_as(x) * self.gain(x.detach())


Prior = Gain | Gaussian | Literal["of the corruption"] | None


def resolve(prior: Prior, setting: Setting) -> Gaussian | None:
    """The law of a prior on a setting; a gain alone is that of white noise."""
    if prior == OF_THE_CORRUPTION:
        assert setting.corruption.signal_gain is not None, "Learned.unfit refuses such a setting"
        return Gaussian(gain=SignalDependent(setting.corruption.signal_gain))
    return prior if prior is None or isinstance(prior, Gaussian) else Gaussian(gain=prior)


_PIXEL = Independent("eps")
_TAPS = MOST_MAPS
"""Reach of the noise that is correlated along an axis: to the eighth neighbour."""


@dataclass(frozen=True)
class PriorRow:
    """A prior that can be named."""

    prior: Gaussian | None
    holds: str
    """What must be true of the noise, to be said after "it"."""


PRIORS: dict[str, PriorRow] = {
    NO_ROW: PriorRow(None, "may have any distribution"),
    "gaussian": PriorRow(Gaussian(), "is Gaussian and white"),
    "proportional": PriorRow(
        Gaussian(gain=SignalDependent(PROPORTIONAL)), "is Gaussian and white, its level proportional to the signal"
    ),
    "square-root": PriorRow(
        Gaussian(gain=SignalDependent(SQUARE_ROOT)),
        "is Gaussian and white, its level proportional to the signal's square root",
    ),
    "row-stripes": PriorRow(
        Gaussian((_PIXEL, Independent("eps_rows", (3,)), Independent("eps_rows_shared", (1, 3)))),
        "is Gaussian, white but for an offset of each row",
    ),
    "column-stripes": PriorRow(
        Gaussian((_PIXEL, Independent("eps_columns", (2,)), Independent("eps_columns_shared", (1, 2)))),
        "is Gaussian, white but for an offset of each column",
    ),
    "row-correlated": PriorRow(
        Gaussian((Filtered("eps_along_rows", 1, _TAPS),)),
        "is Gaussian, correlated along rows, and rows are independent",
    ),
    "column-correlated": PriorRow(
        Gaussian((Filtered("eps_along_columns", _TAPS, 1),)),
        "is Gaussian, correlated along columns, and columns are independent",
    ),
    "shared": PriorRow(
        Gaussian((_PIXEL, Independent("eps_shared", (1,)))),
        "is Gaussian, white, and has a part that all channels share",
    ),
}
"""What the command line calls priors."""


def find_prior(name: str) -> PriorRow:
    """The prior of a name; raises `UserError` where there is none."""
    if name not in PRIORS:
        raise unknown("prior", name, PRIORS)
    return PRIORS[name]
