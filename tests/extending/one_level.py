"""A model with a network of its own: white Gaussian noise, of which only one number is learned."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nrgan import Family, Model, NetworkSizes, Observation, Observer
from nrgan.draws import Draws
from nrgan.settings import Setting


class Level(nn.Module):
    """σ, in signed range, by its logarithm."""

    def __init__(self) -> None:
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(-2.0))


class OneLevelObserver(Observer):
    needs_latent = False  # with `sample` it is a `NoiseSampler`: its noise can be checked and written

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.level = Level()

    def sample(self, x: Tensor, draws: Draws, z: Tensor | None = None) -> Tensor:
        return draws.normal("eps", tuple(x.shape)) * self.level.logarithm.exp()

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        return self.observed(x, self.sample(x, draws), draws=draws)


@dataclass(frozen=True, kw_only=True)
class OneLevel(Model):
    """D sees x + ε·σ, ε ~ N(0, 1)."""

    knowledge: str = "it is white and Gaussian, and has one level in all images"

    def observer(self, setting: Setting, family: Family, sizes: NetworkSizes) -> Observer:
        return OneLevelObserver(setting)
