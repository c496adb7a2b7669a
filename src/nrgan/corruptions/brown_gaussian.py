"""Spatially correlated Gaussian noise: white noise blurred."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.additive_gaussian import AdditiveGaussian
from nrgan.corruptions.base import AdditiveNoise, Image, Seeded
from nrgan.corruptions.levels import Level, check_level
from nrgan.draws import Draws
from nrgan.errors import UserError


@lru_cache
def gaussian_kernel(size: int) -> npt.NDArray[np.float64]:
    """The 1-D Gaussian blur kernel of an odd size, summing to 1, as OpenCV makes it when no width is given.

    Up to 7 these are fixed binomial-like rows ([1, 4, 6, 4, 1]/16 for 5); above, sampled with
    σ = 0.3·((size − 1)/2 − 1) + 0.8.
    """
    fixed = {1: [1], 3: [1, 2, 1], 5: [1, 4, 6, 4, 1], 7: [2, 7, 14, 18, 14, 7, 2]}
    if size in fixed:
        row = np.array(fixed[size], dtype=np.float64)
    else:
        sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8
        row = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * sigma**2))
    return row / row.sum()


@dataclass(frozen=True)
class BrownGaussian(AdditiveNoise):
    """y = u + (k ∗ e)/‖k‖, e = ε·s/255 white; k a Gaussian blur of `kernel_size` by `kernel_size` pixels, zero border.

    The division keeps the variance s². s `level`. NR-GAN (Kaneko & Harada 2020), setting G.
    """

    level: Level = 25
    kernel_size: int = 5

    def __post_init__(self) -> None:
        check_level(self, "level", self.level)
        if self.kernel_size % 2 == 0 or self.kernel_size < 1:
            raise UserError(f"{type(self).__name__}: kernel_size={self.kernel_size} must be odd")

    @property
    def _row(self) -> npt.NDArray[np.float64]:
        """The 1-D factor of k/‖k‖."""
        row = gaussian_kernel(self.kernel_size)
        return row / math.sqrt(float((row**2).sum()))

    def noise(self, u: Image, rng: RandomState) -> Image:
        return self._of_white(AdditiveGaussian(self.level).noise(u, rng))

    def corrupt_many(self, images: Image, seeded: Seeded) -> Image:
        white = AdditiveGaussian(self.level)
        e = np.stack([white.noise(image, seeded(k)) for k, image in enumerate(images)])
        return images + self._of_white(e)

    def _of_white(self, e: Image) -> Image:
        """The noise made from white noise e, (…, H, W, C)."""
        return self._blurred(e)

    def _blurred(self, e: Image) -> Image:
        """Separable blur of (…, H, W, C) by k/‖k‖, zero border."""
        margin = self.kernel_size // 2
        for axis in (-3, -2):
            pad = [(0, 0)] * e.ndim
            pad[axis] = (margin, margin)
            padded = np.moveaxis(np.pad(e, pad), axis, 0)
            n = e.shape[axis]
            blurred = sum(w * padded[i : i + n] for i, w in enumerate(self._row))
            e = np.moveaxis(np.asarray(blurred), 0, axis)
        return e

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        return self._blurred_batch(AdditiveGaussian(self.level)._simulate_noise(x, draws))

    def _blurred_batch(self, e: Tensor) -> Tensor:
        """The same blur of (B, C, H, W), with weights that stay on the host: a step must not wait for a copy."""
        margin = self.kernel_size // 2
        for axis, pad in ((2, (0, 0, margin, margin)), (3, (margin, margin, 0, 0))):
            padded, n = F.pad(e, pad), e.shape[axis]
            shifted = [w * padded.narrow(axis, i, n) for i, w in enumerate(self._row.tolist())]
            e = torch.stack(shifted).sum(0)
        return e


@dataclass(frozen=True)
class AdditiveBrownGaussian(BrownGaussian):
    """y = u + e + (k ∗ e)/‖k‖: the blurred noise and the very white noise it was made from. Setting H."""

    def _of_white(self, e: Image) -> Image:
        return e + self._blurred(e)

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        e = AdditiveGaussian(self.level)._simulate_noise(x, draws)
        return e + self._blurred_batch(e)
