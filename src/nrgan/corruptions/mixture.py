"""Each pixel draws which of several noises it gets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import STEP, AdditiveNoise, Image, Seeded
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
        return self._noise_many(u[None], lambda _: rng)[0]

    def corrupt_many(self, images: Image, seeded: Seeded) -> Image:
        return images + self._noise_many(images, seeded)

    def _noise_many(self, images: Image, seeded: Seeded) -> Image:
        """Draws image by image, then puts all values in their places at once."""
        count, height, width, channels = images.shape
        pixels = height * width
        bounds = np.cumsum([0, *self.rates])
        order, r = np.empty((count, pixels), np.int64), np.empty((count, pixels))
        values = np.zeros((count, pixels, channels))  # in the order of the components
        for k in range(count):
            rng = seeded(k)
            order[k], r[k] = rng.permutation(pixels), rng.random_sample(pixels)
            # one draw for all Gaussian components: a legacy generator gives the same values in one call or in several
            n = np.count_nonzero(r[k] < bounds[-2])
            m = np.count_nonzero(r[k] < bounds[-1])
            values[k, :n] = rng.standard_normal((n, channels))
            values[k, n:m] = rng.uniform(-1, 1, (m - n, channels))
        component = np.searchsorted(bounds[1:], r.ravel(), side="right").astype(np.uint8).reshape(r.shape)
        by_component = component.argsort(axis=1, kind="stable")
        values *= np.array([*self.levels, 0])[np.take_along_axis(component, by_component, axis=1)][:, :, None]
        noise = np.empty_like(values)
        np.put_along_axis(noise, np.take_along_axis(order, by_component, axis=1)[:, :, None], values, axis=1)
        return noise.reshape(images.shape) / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        batch, _, height, width = x.shape
        r = draws.uniform("component", (batch, 1, height, width))
        # the Gaussian components differ in scale only, so one Gaussian draw serves them all
        gaussian = draws.normal("gaussian", tuple(x.shape))
        uniform = draws.uniform("uniform", tuple(x.shape), -1, 1)
        *gaussian_levels, uniform_level = self.levels
        noises = [*(gaussian * (level * STEP) for level in gaussian_levels), uniform * (uniform_level * STEP)]
        noise = noises[0]
        for of_k, bound in zip(noises[1:], accumulate(self.rates[:-1]), strict=True):
            noise = torch.where(r < bound, noise, of_k)
        return noise
