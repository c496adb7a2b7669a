"""An objective: the hinge loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from nrgan import Objective
from nrgan.objectives import Losses


@dataclass(frozen=True)
class Hinge(Objective):
    """G: −E D(fake); D: E max(0, 1 − D(real)) + E max(0, 1 + D(fake)) + λ·E‖∇D(real)‖². Lim & Ye 2017."""

    names: ClassVar[tuple[str, ...]] = ("generator", "real", "fake", "r1")

    def generator_losses(self, fake: Tensor, real: Tensor | None) -> Losses:
        return {"generator": -fake.mean()}

    def discriminator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        return {"real": F.relu(1 - real).mean(), "fake": F.relu(1 + fake).mean()}
