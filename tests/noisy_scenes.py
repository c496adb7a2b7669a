"""Drawn scenes with the noises of the settings, and what is told of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nrgan.corruptions import Sensor
from nrgan.data import Shapes
from nrgan.data.frozen import corrupt_images
from nrgan.diagnosis import Diagnosis, estimate_noise
from nrgan.settings import SETTINGS

COUNT = 300
Images = npt.NDArray[np.float32]


@lru_cache
def scenes() -> npt.NDArray[np.uint8]:
    return Shapes().draw(range(COUNT))


def noisy(clean: npt.NDArray[np.uint8], key: str, seed: int = 0, clip: bool = True) -> Images:
    """With the noise of a corruption's key; "" is free of noise."""
    corruption = SETTINGS[f"shapes-{key}" if key else "shapes"].corruption
    return corrupt_images(corruption, Sensor(clip), clean, np.arange(len(clean)), seed, len(clean))


@lru_cache
def of_shapes(key: str) -> Diagnosis:
    return estimate_noise(noisy(scenes(), key))
