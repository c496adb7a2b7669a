"""Each pixel draws which of several noises it gets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import STEP, AdditiveNoise, Image
from nrgan.draws import Draws
from nrgan.errors import UserError


@dataclass(frozen=True)
class Mixture(AdditiveNoise):
    """y = u + n, n per pixel (all its channels) one of several: N(0, s_k²) for all k but the last, U(-s, s) the last.

    Component k is taken with probability `rates[k]`; s_k `levels[k]`/255. NR-GAN (Kaneko & Harada 2020), setting F.
    """

    levels: tuple[float, ...] = (15, 25, 50)
    rates: tuple[float, ...] = (0.7, 0.2, 0.1)

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.rates) or abs(sum(self.rates) - 1) > 1e-9 or min(self.levels) < 0:
            raise UserError(
                f"Mixture: levels={self.levels} (each >= 0) and rates={self.rates} (summing to 1) must pair up"
            )

    def noise(self, u: Image, rng: RandomState) -> Image:
        height, width, channels = u.shape
        order = rng.permutation(height * width)
        r = rng.random_sample(height * width)
        bounds = np.cumsum([0, *self.rates])
        noise = np.zeros((height * width, channels))
        last = len(self.levels) - 1
        for k, s in enumerate(self.levels):
            pixels = order[(r >= bounds[k]) & (r < bounds[k + 1])]
            shape = (len(pixels), channels)
            noise[pixels] = (rng.uniform(-1, 1, shape) if k == last else rng.standard_normal(shape)) * s
        return noise.reshape(u.shape) / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        batch, _, height, width = x.shape
        r = draws.uniform("component", (batch, 1, height, width))
        # the Gaussian components differ in scale only, so one Gaussian draw serves them all
        gaussian = draws.normal("gaussian", tuple(x.shape))
        uniform = draws.uniform("uniform", tuple(x.shape), -1, 1)
        noise = gaussian * (self.levels[0] * STEP)
        for k, bound in enumerate(accumulate(self.rates[:-1]), start=1):
            of_k = uniform if k == len(self.levels) - 1 else gaussian
            noise = torch.where(r < bound, noise, of_k * (self.levels[k] * STEP))
        return noise
