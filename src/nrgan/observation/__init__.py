"""What happens to a generated image before the discriminator sees it."""

from nrgan.observation.base import NOISE_GENERATOR, Model, NoiseSampler, Observation, Observer
from nrgan.observation.clean import Clean
from nrgan.observation.composition import Composition, compose
from nrgan.observation.invariances import (
    INVARIANCES,
    InvarianceRow,
    all_invariances,
    invert_channels,
    permute_channels,
    rotate_quarter_turns,
)
from nrgan.observation.known import Known, KnownNoise
from nrgan.observation.learned import Learned
from nrgan.observation.pair import GeneratorPair
from nrgan.observation.priors import OF_THE_CORRUPTION, PRIORS, Filtered, Gaussian, Independent, PriorRow, constant
from nrgan.observation.views import View

__all__ = [
    "INVARIANCES",
    "NOISE_GENERATOR",
    "OF_THE_CORRUPTION",
    "PRIORS",
    "Clean",
    "Composition",
    "Filtered",
    "Gaussian",
    "GeneratorPair",
    "Independent",
    "InvarianceRow",
    "Known",
    "KnownNoise",
    "Learned",
    "Model",
    "NoiseSampler",
    "Observation",
    "Observer",
    "PriorRow",
    "View",
    "all_invariances",
    "compose",
    "constant",
    "invert_channels",
    "permute_channels",
    "rotate_quarter_turns",
]
