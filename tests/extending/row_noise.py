"""Noise of one's own: each row of pixels is shifted, as some sensors do when they are read out row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from torch import Tensor

from nrgan import AdditiveNoise
from nrgan.draws import Draws


@dataclass(frozen=True)
class RowNoise(AdditiveNoise):
    """y = x + ε·s/255, one ε ~ N(0, 1) for each row of each image; s `level`."""

    level: float = 25

    def noise(self, u: np.ndarray, rng: RandomState) -> np.ndarray:
        rows = rng.standard_normal((u.shape[0], 1, 1)) * self.level / 255
        return np.broadcast_to(rows, u.shape)

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        rows = draws.normal("row", (x.shape[0], 1, x.shape[2], 1)) * self.level / 255
        return rows.expand_as(x)
