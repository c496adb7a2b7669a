"""Plans of trainings on images of bytes, and such images, for tests that open none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nrgan import TrainConfig
from nrgan.data import ImageSpec
from nrgan.frames import ValueRange
from nrgan.training.plan import Plan, resolve


def plan_of(**options: object) -> Plan:
    """Of the options of `TrainConfig`, for images of three channels."""
    config = TrainConfig(**({"setting": "shapes-ag25", "model": "sinrgan1", "out": Path("unused")} | options))
    return resolve(config, ImageSpec(config.resolved_size, 3, ValueRange.of(0, 255, "uint8")))


def changed(plan: Plan, **options: object) -> Plan:
    """The same with other options."""
    return resolve(plan.config.replaced(**options), plan.image, plan.objects)


def noisy_images(count: int = 20, size: int = 16) -> np.ndarray:
    """Values without order, (count, 3, size, size), unit range."""
    return np.random.RandomState(0).rand(count, 3, size, size).astype(np.float32)
