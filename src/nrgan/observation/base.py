"""The value an observation gives, and what every model is: a way to observe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from nrgan.draws import Draws
from nrgan.networks import Generator
from nrgan.observation.views import View
from nrgan.settings import Setting


class Observation(NamedTuple):
    """A generated image, observed. Images are signed range, (B, C, H, W); `y` may have the view's more channels."""

    y: Tensor
    """What D sees."""
    penalty: Tensor | None
    """What the observation adds to the generator's loss, or None."""
    clean: Tensor
    noise: Tensor | None
    """The noise that was added, or None where the observation adds none."""
    noisy: Tensor
    """clean + noise, before it is clamped."""


class Observer(nn.Module, ABC):
    """Observes generated images. Its parameters, if any, are trained with the generator's."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view

    @abstractmethod
    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        """Observes x = G(z): x signed (B, C, H, W), z (B, latent size)."""

    def networks(self) -> dict[str, Generator]:
        """The networks that are trained along with the generator, by the name of their attribute."""
        return {name: child for name, child in self.named_children() if isinstance(child, Generator)}

    def observed(self, x: Tensor, noise: Tensor | None = None, penalty: Tensor | None = None) -> Observation:
        """The observation of x with that noise."""
        noisy = x if noise is None else x + noise
        return Observation(self.view(noisy), penalty, x, noise, noisy)


NOISE_GENERATOR = "noise_generator"
"""Name of the network that makes the noise, where an observer learns it."""


@dataclass(frozen=True)
class Sizes:
    """What an observer must know of the generator to match it."""

    latent_size: int
    image_size: int
    image_channels: int
    channels: int
    residual_scale: float


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """One row of the models: builds its observer for a setting."""

    compares_pairs: ClassVar[bool] = False
    """Whether the penalty compares each image with the one half a batch further on."""

    knowledge: str = ""
    """What must be known of the noise, for the tables."""

    def check(self, name: str, setting: Setting) -> None:  # noqa: B027 (most models fit every setting)
        """Raises `UserError` where the model (called `name`) cannot be trained on the setting."""

    @abstractmethod
    def observer(self, setting: Setting, view: View, sizes: Sizes, diversity_weight: float) -> Observer:
        """The observer of this model, with parameters not yet initialised."""
