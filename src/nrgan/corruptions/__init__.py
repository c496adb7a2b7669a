"""The true noise processes: each has its exact law and its differentiable simulator."""

from nrgan.corruptions.additive_gaussian import AdditiveGaussian
from nrgan.corruptions.base import Corruption
from nrgan.corruptions.brown_gaussian import AdditiveBrownGaussian, BrownGaussian
from nrgan.corruptions.combined import MultiplicativeAdditiveGaussian, PoissonGaussian
from nrgan.corruptions.gains import SignalGain
from nrgan.corruptions.levels import Between, Level
from nrgan.corruptions.local_gaussian import LocalGaussian
from nrgan.corruptions.mixture import Mixture
from nrgan.corruptions.multiplicative_gaussian import MultiplicativeGaussian
from nrgan.corruptions.none import NoCorruption
from nrgan.corruptions.poisson import Poisson
from nrgan.corruptions.uniform import Uniform
from nrgan.corruptions.unknown import Unknown

__all__ = [
    "AdditiveBrownGaussian",
    "AdditiveGaussian",
    "Between",
    "BrownGaussian",
    "Corruption",
    "Level",
    "LocalGaussian",
    "Mixture",
    "MultiplicativeAdditiveGaussian",
    "MultiplicativeGaussian",
    "NoCorruption",
    "Poisson",
    "PoissonGaussian",
    "SignalGain",
    "Uniform",
    "Unknown",
]
