"""Learn a clean image generator when only noisy images exist.

from nrgan import TrainConfig, train, Generator, SETTINGS

for progress in train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out="outputs")):
    ...
images = Generator.from_pretrained("outputs").sample(100, seed=0)   # (100, 32, 32, 3) uint8
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nrgan.errors import TrainingDiverged, UserError
    from nrgan.models import MODELS
    from nrgan.networks import Discriminator, Generator
    from nrgan.run import train
    from nrgan.settings import SETTINGS
    from nrgan.training.config import TrainConfig
    from nrgan.training.progress import Progress

# loaded when first asked for: the command line's help should not wait for torch
_HOMES = {
    "Discriminator": "nrgan.networks",
    "Generator": "nrgan.networks",
    "MODELS": "nrgan.models",
    "Progress": "nrgan.training.progress",
    "SETTINGS": "nrgan.settings",
    "TrainConfig": "nrgan.training.config",
    "TrainingDiverged": "nrgan.errors",
    "UserError": "nrgan.errors",
    "train": "nrgan.run",
}

__all__ = [
    "MODELS",
    "SETTINGS",
    "Discriminator",
    "Generator",
    "Progress",
    "TrainConfig",
    "TrainingDiverged",
    "UserError",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nrgan' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
