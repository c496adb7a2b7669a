"""A corruption that is no noise: some pixels are lost."""

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from torch import Tensor

from nrgan import Corruption, UserError
from nrgan.draws import Draws


@dataclass(frozen=True)
class LostPixels(Corruption):
    """y = m·x; m is 0 with probability `rate`, else 1, drawn for each pixel and the same for all its channels."""

    rate: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise UserError(f"LostPixels: rate={self.rate} must lie in [0, 1)")

    def _corrupt(self, u: np.ndarray, rng: RandomState) -> np.ndarray:
        kept = rng.random_sample((*u.shape[:2], 1)) >= self.rate
        return u * kept

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        batch, _, height, width = x.shape
        kept = draws.uniform("lost", (batch, 1, height, width)) >= self.rate
        return x * kept


LOST30 = LostPixels(0.3)
