"""No corruption."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import AdditiveNoise, Image
from nrgan.draws import Draws


@dataclass(frozen=True)
class NoCorruption(AdditiveNoise):
    """y = u. What `ambientgan` simulates on noise-free data, where it is the same as `gan`."""

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        return u

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        return torch.zeros_like(x)
