"""Noise made by a second generator: NR-GAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nrgan.draws import Draws
from nrgan.networks import Family, NetworkSizes, sizes_of
from nrgan.objectives import diversity
from nrgan.observation.base import Model, Observation, Observer
from nrgan.observation.invariances import Invariance
from nrgan.observation.priors import OF_THE_CORRUPTION, Gaussian, Prior, resolve
from nrgan.settings import SETTINGS, Setting


@dataclass(frozen=True)
class Learned(Model):
    """D sees x + n, n from a noise generator Gₙ; what is told of the noise keeps it apart from the image.

    `prior`: the law n = ε·σ·g(x), Gₙ making σ; a gain g alone, or a `Gaussian` of several parts. `invariances`:
    transformations applied to n, in this order. `implicit`: Gₙ sees the image's latent beside its own, so that the
    noise may depend on the signal. NR-GAN (Kaneko & Harada 2020).
    """

    prior: Prior = None
    invariances: tuple[Invariance, ...] = ()
    implicit: bool = False

    def unfit(self, setting: Setting) -> str | None:
        if (reason := self.ignores_told(setting)) is not None:
            return reason
        if self.prior != OF_THE_CORRUPTION or setting.signal_dependent:
            return None
        if not setting.corruption.known:
            return f"needs to know how the noise depends on the signal, and that of {setting.name} is not described"
        stating = [s.name for s in SETTINGS.values() if s.source == setting.source and s.signal_dependent]
        return (
            f"needs a setting that states how the noise depends on the signal, as {', '.join(stating)} do and "
            f"{setting.name} does not"
        )

    @property
    def compares_pairs(self) -> bool:
        return True

    def observer(self, setting: Setting, family: Family, sizes: NetworkSizes) -> Observer:
        own = sizes.latent_size
        prior = resolve(self.prior, setting)
        noise_sizes = replace(
            sizes,
            latent_size=own + own if self.implicit else own,
            image_channels=sizes.image_channels * (prior.maps if prior is not None else 1),
        )
        return _LearnedNoise(setting, family.noise_generator(noise_sizes), prior, self.invariances, self.implicit)


class _LearnedNoise(Observer):
    """Noise from a generator, T(g(x)·Σₖ εₖ·Gₙ(z)ₖ) with a prior and T(Gₙ(z)) without; a `NoiseSampler`."""

    penalty_name = "diversity"

    def __init__(
        self,
        setting: Setting,
        noise_generator: nn.Module,
        prior: Gaussian | None,
        invariances: Sequence[Invariance],
        implicit: bool,
    ) -> None:
        super().__init__(setting)
        self.noise_generator = noise_generator
        self.prior = prior
        self.invariances = invariances
        self.needs_latent = implicit

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        n, z_noise = self._made(x, draws, z)
        penalty = diversity(n, z_noise)
        return self.observed(x, self._transformed(n, draws), penalty, draws)

    def sample(self, x: Tensor, draws: Draws, z: Tensor | None = None) -> Tensor:
        """See `NoiseSampler`. Raises `ValueError` where the images' latents are needed and not given."""
        return self._transformed(self._made(x, draws, z)[0], draws)

    def _made(self, x: Tensor, draws: Draws, z: Tensor | None) -> tuple[Tensor, Tensor]:
        """The noise before it is transformed, and the latents that it comes from."""
        z_noise = draws.normal("z_noise", (len(x), sizes_of(self.noise_generator).latent_size))
        if self.needs_latent:  # the first entries are the image's own latent
            if z is None:
                raise ValueError("this noise depends on the latents of generated images: give z")
            z_noise = torch.cat((z, z_noise[:, z.shape[1] :]), dim=1)
        n = self.noise_generator(z_noise)
        if self.prior is not None:
            n = self.prior.noise(n, x, draws)
        return n, z_noise

    def _transformed(self, n: Tensor, draws: Draws) -> Tensor:
        for invariance in self.invariances:
            n = invariance(n, draws)
        return n
