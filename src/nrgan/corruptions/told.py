"""Noise that images have already, by a law that is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import Corruption, Image
from nrgan.corruptions.fitted import Fitted
from nrgan.draws import Draws


@dataclass(frozen=True)
class Told(Corruption):
    """y as it came: the images are noisy already, by the law `noise`. That law is simulated, and never added to them.

    Of one's own images, as `Unknown` is; but of what is known, `ambientgan` can learn without learning the noise.
    """

    noise: Corruption = field(default_factory=Fitted)

    already: ClassVar[bool] = True

    @property
    def law(self) -> Corruption:
        return self.noise

    def check_fits(self, height: int, width: int) -> None:
        self.noise.check_fits(height, width)

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        return u

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        return self.noise._simulate(x, draws)
