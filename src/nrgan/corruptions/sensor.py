"""What a sensor does to what reaches it: y = sensor(A(x))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.limits import Levels
from nrgan.ranges import dequantise, levels_on, nearest, signed_from_unit, unit_from_signed


@dataclass(frozen=True)
class Sensor:
    """Clips values to its range, [0, 1] in unit range, as cameras do (`clip`); or keeps them as they are.

    levels: how many values it tells apart, where they are so few that rounding to them matters: counts of photons.
    """

    clip: bool = True
    levels: Levels = None

    def __call__(self, y: Tensor) -> Tensor:
        """Of signed values, any shape; not rounded."""
        return y.clamp(-1, 1) if self.clip else y

    def stored(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Of unit values, any shape; a new array or the same one. Not rounded."""
        return np.clip(y, 0.0, 1.0) if self.clip else y

    def rounded(self, y: Tensor) -> Tensor:
        """Simulated values as they are stored, signed (B, C, H, W): the nearest of few `levels`, else y itself."""
        if self.levels is None:
            return y
        return signed_from_unit(nearest(unit_from_signed(self(y)), levels_on(self.levels, y.device)))

    def dequantised(self, y: Tensor, draws: Draws) -> Tensor:
        """Simulated values as training sees stored ones, signed: `rounded` to few `levels`, and spread as those are.

        The gradient is that of y. Of many levels, y itself.
        """
        if self.levels is None:
            return y
        y = y.to(torch.promote_types(y.dtype, torch.float32))  # half precision has as few values of its own
        unit, u = unit_from_signed(self.rounded(y)), draws.uniform("dequantisation", tuple(y.shape))
        return dequantise(unit, u, levels_on(self.levels, y.device))
