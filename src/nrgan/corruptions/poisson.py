"""Counting noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import AdditiveNoise, Image
from nrgan.corruptions.gains import SQUARE_ROOT, SignalGain
from nrgan.corruptions.levels import Level, check_level, draw_level, draw_levels
from nrgan.draws import Draws


@dataclass(frozen=True)
class Poisson(AdditiveNoise):
    """y = Pois(λu)/λ; λ `events`, the mean count at full signal. NR-GAN (Kaneko & Harada 2020), settings M and N.

    The simulator is the Gaussian approximation x + ε·√(x/λ), which has the same mean and variance.
    """

    events: Level = 30

    signal_gain: ClassVar[SignalGain | None] = SQUARE_ROOT
    simulator_is_exact: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_level(self, "events", self.events, positive=True)

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        lam = draw_level(self.events, rng)
        return rng.poisson(lam * u) / lam

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        lam = draw_levels(self.events, x.shape[0], draws, "events")
        return draws.normal("eps", tuple(x.shape)) * lam**-0.5 * x.sqrt()
