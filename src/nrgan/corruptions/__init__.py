"""What befalls images: each corruption has its exact law and its differentiable simulator."""

from nrgan.corruptions.additive_gaussian import AdditiveGaussian
from nrgan.corruptions.base import AdditiveNoise, Corruption
from nrgan.corruptions.brown_gaussian import AdditiveBrownGaussian, BrownGaussian
from nrgan.corruptions.combined import MultiplicativeAdditiveGaussian, PoissonGaussian
from nrgan.corruptions.fitted import Fitted
from nrgan.corruptions.gains import PROPORTIONAL, SQUARE_ROOT, SignalGain
from nrgan.corruptions.levels import Between, Level
from nrgan.corruptions.local_gaussian import LocalGaussian
from nrgan.corruptions.mixture import Mixture
from nrgan.corruptions.multiplicative_gaussian import MultiplicativeGaussian
from nrgan.corruptions.none import NoCorruption
from nrgan.corruptions.plain import from_plain, to_plain
from nrgan.corruptions.poisson import Poisson
from nrgan.corruptions.sensor import Sensor
from nrgan.corruptions.told import Told
from nrgan.corruptions.uniform import Uniform
from nrgan.corruptions.unknown import Unknown

__all__ = [
    "PROPORTIONAL",
    "SQUARE_ROOT",
    "AdditiveBrownGaussian",
    "AdditiveGaussian",
    "AdditiveNoise",
    "Between",
    "BrownGaussian",
    "Corruption",
    "Fitted",
    "Level",
    "LocalGaussian",
    "Mixture",
    "MultiplicativeAdditiveGaussian",
    "MultiplicativeGaussian",
    "NoCorruption",
    "Poisson",
    "PoissonGaussian",
    "Sensor",
    "SignalGain",
    "Told",
    "Uniform",
    "Unknown",
    "from_plain",
    "to_plain",
]
