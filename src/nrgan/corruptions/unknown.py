"""Noise that nobody has described: that of the user's own images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.base import Corruption, Image
from nrgan.draws import Draws
from nrgan.errors import UserError


@dataclass(frozen=True)
class Unknown(Corruption):
    """y as it came: the images are noisy already, by a law that is to be learned. It cannot be simulated."""

    known: ClassVar[bool] = False
    already: ClassVar[bool] = True

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        return u

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        raise UserError("the noise of these images is not known, so that it cannot be simulated")
