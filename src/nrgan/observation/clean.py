"""No observation: the plain GAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nrgan.draws import Draws
from nrgan.networks import Family, NetworkSizes
from nrgan.observation.base import Model, Observation, Observer
from nrgan.settings import Setting


@dataclass(frozen=True)
class Clean(Model):
    """D sees the generated image itself, so G learns to copy the noise of the data. Goodfellow et al. 2014."""

    def unfit(self, setting: Setting) -> str | None:
        return self.ignores_told(setting)

    def observer(self, setting: Setting, family: Family, sizes: NetworkSizes) -> Observer:
        return _CleanObserver(setting)


class _CleanObserver(Observer):
    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        return self.observed(x, draws=draws)
