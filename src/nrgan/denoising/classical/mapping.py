"""From a method's name and a law to a mapping of images."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.data import TrainingData
from nrgan.denoising.classical.rows import CLASSICAL, Row
from nrgan.denoising.classical.stabilised import Stabiliser, stabiliser
from nrgan.errors import unknown
from nrgan.evaluation.noise_level import noise_level
from nrgan.ranges import nhwc

LEAST_LEVEL = 0.01
"""On 0..255: far below rounding to 8 bits."""
_MEASURED = 500
"""Images that a level is estimated of."""


@dataclass(frozen=True)
class Classical:
    """A mapping (`nrgan.denoising.mapping.Mapping`): values stabilised, denoised, and brought back without bias."""

    row: Row
    stabiliser: Stabiliser

    multiple = 1

    @property
    def radius(self) -> int:
        return self.row.radius

    def __call__(self, y: Tensor) -> Tensor:
        """(B, C, H, W) noisy, unit range → clean; not clipped. Computed on the CPU."""
        noisy = nhwc(self.stabiliser.forward(y.detach().cpu().double().numpy()))
        clean = self.stabiliser.inverse(np.stack([self.row(np.ascontiguousarray(image)) for image in noisy]))
        return torch.from_numpy(np.ascontiguousarray(clean.transpose(0, 3, 1, 2))).to(y)


def classical(name: str, law: Fitted) -> Classical:
    """The method of a name, for images with the noise of a law.

    Of the law it takes the level over the signal, as of white noise. Raises `UserError` for a name that is not known,
    or a method that is not installed.
    """
    if name not in CLASSICAL:
        raise unknown("method", name, CLASSICAL)
    CLASSICAL[name].check()
    return Classical(CLASSICAL[name], stabiliser(law))


def classical_without_law(name: str, level: float) -> Classical:
    """The same for white noise of one level on 0..255, such as `level_without_law` of all the images."""
    return classical(name, Fitted(level=(level,)))


def level_without_law(data: TrainingData) -> float:
    """The level of the images' noise on 0..255 as if it were white (`noise_level`), one for all of them.

    Images in which nothing differs from pixel to pixel tell none; `LEAST_LEVEL` where all are such.
    """
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of means of nothing
        levels = [255 * noise_level(image[None]) for image in nhwc(data.noisy(data.evenly(_MEASURED)))]
    told = [level for level in levels if math.isfinite(level)]
    return max(sum(told) / len(told), LEAST_LEVEL) if told else LEAST_LEVEL
