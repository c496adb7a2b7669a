"""What is trained on one side, averaged and kept: the generator of images, and how they are observed."""

from __future__ import annotations

import torch
from torch import nn

from nrgan.draws import FreshDraws
from nrgan.networks import Family, NetworkSizes, sizes_of
from nrgan.networks.sampling import latents, place_of
from nrgan.observation.base import Model, Observation, Observer
from nrgan.settings import Setting

_SHOWN_SEED = 0


class GeneratorPair(nn.Module):
    """The image generator and the observer, whose networks are trained with it."""

    def __init__(self, generator: nn.Module, observer: Observer) -> None:
        super().__init__()
        self.generator = generator
        self.observer = observer

    @classmethod
    def untrained(cls, family: Family, sizes: NetworkSizes, model: Model, setting: Setting) -> GeneratorPair:
        """The generator of these sizes and the observer of a model on a setting; their weights are yet to be drawn."""
        pair = cls(family.generator(sizes), model.observer(setting, family, sizes))
        pair.observer.networks()  # refuses what no snapshot would keep before anything is trained
        return pair

    @torch.no_grad()
    def observe_shown(self, n: int) -> Observation:
        """`n` images with the same latents and draws at every call: what is shown of a training as it goes on."""
        device, _ = place_of(self)
        z = latents(_SHOWN_SEED, range(n), sizes_of(self.generator).latent_size).to(device)
        observation: Observation = self.observer(
            self.generator(z), z, FreshDraws(torch.Generator(device).manual_seed(_SHOWN_SEED))
        )
        return observation
