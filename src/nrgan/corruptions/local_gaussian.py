"""Gaussian noise inside one rectangle of each image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import STEP, AdditiveNoise, Image
from nrgan.corruptions.levels import Between, Level, check_level, draw_level, draw_levels
from nrgan.draws import Draws
from nrgan.errors import UserError


@dataclass(frozen=True)
class LocalGaussian(AdditiveNoise):
    """y = u + m·ε·s/255, m = 1 inside a rectangle placed uniformly inside the image, 0 outside.

    s `level`; the rectangle's width and height `patch` in pixels: a fixed square, or both drawn per image from a
    range (bounds included). NR-GAN (Kaneko & Harada 2020), settings C and D.
    """

    level: Level = 25
    patch: int | Between = 16

    def __post_init__(self) -> None:
        check_level(self, "level", self.level)
        check_level(self, "patch", self.patch, positive=True)

    @property
    def _patch_bounds(self) -> tuple[int, int]:
        p = self.patch
        return (int(p.low), int(p.high)) if isinstance(p, Between) else (p, p)

    def check_fits(self, height: int, width: int) -> None:
        largest = self._patch_bounds[1]
        if largest > min(height, width):
            raise UserError(
                f"LocalGaussian: a patch of {largest} pixels does not fit into a {height}x{width} image; "
                f"use images of at least {largest} pixels"
            )

    def noise(self, u: Image, rng: RandomState) -> Image:
        low, high = self._patch_bounds
        w, h = (rng.randint(low, high + 1), rng.randint(low, high + 1)) if high > low else (low, low)
        x0 = rng.randint(0, u.shape[1] - w + 1)
        y0 = rng.randint(0, u.shape[0] - h + 1)
        s = draw_level(self.level, rng)
        e = rng.standard_normal(u.shape) * s
        noise = np.zeros_like(e)
        noise[y0 : y0 + h, x0 : x0 + w] = e[y0 : y0 + h, x0 : x0 + w]
        return noise / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        batch, _, height, width = x.shape
        low, high = self._patch_bounds
        w = draws.integers("patch_width", (batch,), low, high + 1)
        h = draws.integers("patch_height", (batch,), low, high + 1)
        # floor(u·n) is uniform in 0..n-1; the clamp keeps rounding of u·n up to n inside
        x0 = torch.minimum((draws.uniform("patch_left", (batch,)) * (width - w + 1)).long(), width - w)
        y0 = torch.minimum((draws.uniform("patch_top", (batch,)) * (height - h + 1)).long(), height - h)
        columns = _inside(torch.arange(width, device=x.device), x0, w)
        rows = _inside(torch.arange(height, device=x.device), y0, h)
        mask = rows[:, None, :, None] & columns[:, None, None, :]
        s = draw_levels(self.level, batch, draws)
        return draws.normal("eps", tuple(x.shape)) * (s * STEP) * mask


def _inside(positions: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """(B, N) bool: which of N positions lie in [start, start + length) of each image."""
    return (positions >= start[:, None]) & (positions < (start + length)[:, None])
