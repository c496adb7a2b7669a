"""What a sensor does to what reaches it: y = sensor(A(x))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class Sensor:
    """Clips values to its range, [0, 1] in unit range, as cameras do (`clip`); or keeps them as they are."""

    clip: bool = True

    def __call__(self, y: Tensor) -> Tensor:
        """Of signed values, any shape."""
        return y.clamp(-1, 1) if self.clip else y

    def stored(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Of unit values, any shape; a new array or the same one."""
        return np.clip(y, 0.0, 1.0) if self.clip else y
