"""What happens to a generated image before the discriminator sees it."""

from nrgan.observation.base import NOISE_GENERATOR, Model, NoiseSampler, Observation, Observer
from nrgan.observation.clean import Clean
from nrgan.observation.invariances import invert_channels, permute_channels, rotate_quarter_turns
from nrgan.observation.known import Known, KnownNoise
from nrgan.observation.learned import Learned
from nrgan.observation.pair import GeneratorPair
from nrgan.observation.priors import OF_THE_CORRUPTION, constant
from nrgan.observation.views import View

__all__ = [
    "NOISE_GENERATOR",
    "OF_THE_CORRUPTION",
    "Clean",
    "GeneratorPair",
    "Known",
    "KnownNoise",
    "Learned",
    "Model",
    "NoiseSampler",
    "Observation",
    "Observer",
    "View",
    "constant",
    "invert_channels",
    "permute_channels",
    "rotate_quarter_turns",
]
