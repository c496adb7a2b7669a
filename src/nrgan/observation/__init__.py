"""What happens to a generated image before the discriminator sees it."""

from nrgan.observation.base import Model, Observation, Observer
from nrgan.observation.clean import Clean
from nrgan.observation.invariances import invert_channels, permute_channels, rotate_quarter_turns
from nrgan.observation.known import Known
from nrgan.observation.learned import Learned
from nrgan.observation.priors import OF_THE_CORRUPTION, constant
from nrgan.observation.views import View

__all__ = [
    "OF_THE_CORRUPTION",
    "Clean",
    "Known",
    "Learned",
    "Model",
    "Observation",
    "Observer",
    "View",
    "constant",
    "invert_channels",
    "permute_channels",
    "rotate_quarter_turns",
]
