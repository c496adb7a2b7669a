"""The value an observation gives, and what every model is: a way to observe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from nrgan.draws import Draws
from nrgan.networks import Family, NetworkSizes
from nrgan.observation.views import View
from nrgan.settings import Setting


class Observation(NamedTuple):
    """A generated image, observed. Images are signed range, (B, C, H, W); `y` may have the view's more channels."""

    y: Tensor
    """What D sees."""
    penalty: Tensor | None
    """What the observation adds to the generators' loss, before its weight; or None."""
    parts: Mapping[str, Tensor]
    """What there is to look at, by name. `clean`: the generated image itself; `noisy`: the image as it reaches the
    sensor; `noise`: what was added to it, where the observation adds something; and whatever else the model makes."""


@runtime_checkable
class NoiseSampler(Protocol):
    """Draws noise for images, whether its law is known, fitted or learned."""

    needs_latent: bool
    """Whether the noise depends on the latent that the image was generated from: real images have none."""

    def sample(self, x: Tensor, draws: Draws, z: Tensor | None = None) -> Tensor:
        """Noise n for images x, both signed range, (B, C, H, W), so that x + n is what reaches the sensor.

        z: the images' latents, (B, latent size), where the sampler needs them; else they are not looked at.
        """


class Observer(nn.Module, ABC):
    """Observes generated images. Its parameters, if any, are trained with the generator's."""

    penalty_name: ClassVar[str | None] = None
    """What the penalty is called among the losses; None where there is none."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.sensor, self.view = setting.sensor, View(setting.view)

    @abstractmethod
    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        """Observes x = G(z): x signed (B, C, H, W), z (B, latent size)."""

    def networks(self) -> dict[str, nn.Module]:
        """What is trained along with the generator, whatever its class, by the name of its attribute.

        That is what snapshots keep, so parameters and persistent buffers belong to modules inside the observer. Raises
        `TypeError` where the observer itself has some.
        """
        networks = {name: child for name, child in self.named_children() if child.state_dict()}
        if alone := [name for name in self.state_dict() if name.partition(".")[0] not in networks]:
            raise TypeError(f"{type(self).__name__}: put {', '.join(alone)} into a module of its own, to be kept")
        return networks

    def seen(self, y: Tensor, draws: Draws | None = None) -> Tensor:
        """Images as D sees them, real and generated alike: stored by the sensor, then through the view.

        draws: of generated ones, which are rounded to the values of a sensor that has few, and spread over the steps
        between them, as real ones are when they come here; those have no draws. Without, generated ones are not
        rounded.
        """
        return self.view(self.sensor(y if draws is None else self.sensor.dequantised(y, draws)))

    def observed(
        self, x: Tensor, noise: Tensor | None = None, penalty: Tensor | None = None, draws: Draws | None = None
    ) -> Observation:
        """The observation of x with that noise; `draws` as `seen` has them."""
        if noise is None:
            return Observation(self.seen(x, draws), penalty, {"clean": x, "noisy": x})
        noisy = x + noise
        return Observation(self.seen(noisy, draws), penalty, {"clean": x, "noise": noise, "noisy": noisy})


NOISE_GENERATOR = "noise_generator"
"""Name of the network that makes the noise, where an observer learns it."""


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """One row of the models: builds its observer for a setting."""

    knowledge: str = ""
    """What must be known of the noise, for the tables."""

    def unfit(self, setting: Setting) -> str | None:
        """Why it cannot be trained on the setting, to be said after the model's name; None where it can."""
        return None

    @staticmethod
    def ignores_told(setting: Setting) -> str | None:
        """What `unfit` says, for a model that knows no law, of noise that is told: it would be told for nothing."""
        return f"does not use what is told of the noise of {setting.name} (leave <noise> out)" if setting.told else None

    @property
    def compares_pairs(self) -> bool:
        """Whether the penalty compares each image of a batch with the one half a batch further on."""
        return False

    @abstractmethod
    def observer(self, setting: Setting, family: Family, sizes: NetworkSizes) -> Observer:
        """The observer of this model for a generator of these sizes; its networks are the family's, not yet drawn."""
