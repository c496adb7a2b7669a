"""Gaussian noise whose standard deviation is proportional to the signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import STEP, AdditiveNoise, Image
from nrgan.corruptions.gains import PROPORTIONAL, SignalGain
from nrgan.corruptions.levels import Level, check_level, draw_level, draw_levels
from nrgan.draws import Draws


@dataclass(frozen=True)
class MultiplicativeGaussian(AdditiveNoise):
    """y = u + ε·(s/255)·u, ε ~ N(0, 1) per value; s `level`. NR-GAN (Kaneko & Harada 2020), settings I and J."""

    level: Level = 25

    signal_gain: ClassVar[SignalGain | None] = PROPORTIONAL

    def __post_init__(self) -> None:
        check_level(self, "level", self.level)

    def noise(self, u: Image, rng: RandomState) -> Image:
        s = draw_level(self.level, rng)
        return rng.standard_normal(u.shape) * s * u / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        s = draw_levels(self.level, x.shape[0], draws)
        return draws.normal("eps", tuple(x.shape)) * (s * STEP) * x
