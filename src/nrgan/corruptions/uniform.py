"""Uniform noise that does not depend on the signal."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import STEP, AdditiveNoise, Image
from nrgan.corruptions.levels import Level, check_level, draw_level, draw_levels
from nrgan.draws import Draws


@dataclass(frozen=True)
class Uniform(AdditiveNoise):
    """y = u + v·s/255, v ~ U(-1, 1) per value; s `level`, the half width. NR-GAN (2020), setting E."""

    level: Level = 50

    def __post_init__(self) -> None:
        check_level(self, "level", self.level)

    def noise(self, u: Image, rng: RandomState) -> Image:
        s = draw_level(self.level, rng)
        return rng.uniform(-1, 1, u.shape) * s / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        s = draw_levels(self.level, x.shape[0], draws)
        return draws.uniform("eps", tuple(x.shape), -1, 1) * (s * STEP)
