"""Noise made by a second generator: NR-GAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.errors import UserError
from nrgan.networks import Generator
from nrgan.objectives import diversity
from nrgan.observation.base import Model, Observation, Observer, Sizes
from nrgan.observation.invariances import Invariance
from nrgan.observation.priors import OF_THE_CORRUPTION, Gain, Prior, resolve
from nrgan.observation.views import View
from nrgan.settings import SETTINGS, Setting


@dataclass(frozen=True)
class Learned(Model):
    """D sees x + n, n from a noise generator Gₙ; what is told of the noise keeps it apart from the image.

    `prior`: the law n = ε·σ·g(x), Gₙ making σ. `invariances`: transformations applied to n. `implicit`: Gₙ sees the
    image's latent beside its own, so that the noise may depend on the signal. NR-GAN (Kaneko & Harada 2020).
    """

    compares_pairs: ClassVar[bool] = True

    prior: Prior = None
    invariances: tuple[Invariance, ...] = ()
    implicit: bool = False

    def check(self, name: str, setting: Setting) -> None:
        if self.prior == OF_THE_CORRUPTION and not setting.signal_dependent:
            if not setting.corruption.known:
                raise UserError(
                    f"{name} needs to know how the noise depends on the signal, and that of {setting.name} is not"
                    " described; use sdnrgan2, which learns it"
                )
            fitting = [s.name for s in SETTINGS.values() if s.source == setting.source and s.signal_dependent]
            raise UserError(
                f"{name} needs a setting that states how the noise depends on the signal, and {setting.name} does not;"
                f" use {name} with one of {', '.join(fitting)}, or {setting.name} with any other model"
            )

    def observer(self, setting: Setting, view: View, sizes: Sizes, diversity_weight: float) -> Observer:
        own = sizes.latent_size
        noise_sizes = replace(sizes, latent_size=own + own if self.implicit else own)
        prior = resolve(self.prior, setting)
        return _LearnedObserver(view, Generator(**asdict(noise_sizes)), prior, self.invariances, diversity_weight)


class _LearnedObserver(Observer):
    def __init__(
        self,
        view: View,
        noise_generator: Generator,
        prior: Gain | None,
        invariances: Sequence[Invariance],
        diversity_weight: float,
    ) -> None:
        super().__init__(view)
        self.noise_generator = noise_generator
        self.prior = prior
        self.invariances = invariances
        self.diversity_weight = diversity_weight

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        latent_size = self.noise_generator.latent_size
        z_noise = draws.normal("z_noise", (len(z), latent_size))
        if latent_size > z.shape[1]:  # implicit: the first entries are the image's own latent
            z_noise = torch.cat((z, z_noise[:, z.shape[1] :]), dim=1)
        n = self.noise_generator(z_noise)
        if self.prior is not None:
            # detached: the signal scales the noise, the gradient must not
            n = draws.normal("eps", tuple(x.shape)) * n * self.prior(x.detach())
        penalty = self.diversity_weight * diversity(n, z_noise) if self.diversity_weight else None
        for invariance in self.invariances:
            n = invariance(n, draws)
        return self.observed(x, n, penalty)
