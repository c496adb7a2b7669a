"""Signal-dependent noise with additive Gaussian noise on top."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.additive_gaussian import AdditiveGaussian
from nrgan.corruptions.base import AdditiveNoise, Image
from nrgan.corruptions.gains import PROPORTIONAL, SQUARE_ROOT, SignalGain
from nrgan.corruptions.multiplicative_gaussian import MultiplicativeGaussian
from nrgan.corruptions.poisson import Poisson
from nrgan.draws import Draws


def _summed_noise(first: AdditiveNoise, second: AdditiveNoise, x: Tensor, draws: Draws) -> Tensor:
    """Both noises of the same clean x, from draws of their own."""
    n = first._simulate_noise(x, draws.within("first"))
    return n + second._simulate_noise(x, draws.within("second"))


@dataclass(frozen=True)
class MultiplicativeAdditiveGaussian(AdditiveNoise):
    """y = u + ε₁·(s₁/255)·u + ε₂·s₂/255, drawn in this order. NR-GAN (Kaneko & Harada 2020), settings K and L."""

    multiplicative: MultiplicativeGaussian = field(default_factory=MultiplicativeGaussian)
    additive: AdditiveGaussian = field(default_factory=AdditiveGaussian)

    signal_gain: ClassVar[SignalGain | None] = PROPORTIONAL

    def noise(self, u: Image, rng: RandomState) -> Image:
        # summed before the image is added: the order fixes the last bit
        n = self.multiplicative.noise(u, rng)
        return n + self.additive.noise(u, rng)

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        return _summed_noise(self.multiplicative, self.additive, x, draws)


@dataclass(frozen=True)
class PoissonGaussian(AdditiveNoise):
    """y = Pois(λu)/λ + ε·s/255, drawn in this order. NR-GAN (Kaneko & Harada 2020), settings O and P."""

    poisson: Poisson = field(default_factory=Poisson)
    additive: AdditiveGaussian = field(default_factory=AdditiveGaussian)

    signal_gain: ClassVar[SignalGain | None] = SQUARE_ROOT
    simulator_is_exact: ClassVar[bool] = False

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        y = self.poisson._corrupt(u, rng)
        return y + self.additive.noise(u, rng)

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        return _summed_noise(self.poisson, self.additive, x, draws)
