"""How D looks at images, real and generated alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.settings import ViewName


def plain(y: Tensor) -> Tensor:
    """The image itself."""
    return y


def blurred(y: Tensor) -> Tensor:
    """(B, C, H, W) → (B, 2C, H, W): a vertical and a horizontal [1, 2, 1]/4 blur, zero border, side by side."""
    vertical = F.pad(y, (0, 0, 1, 1))
    vertical = (vertical[:, :, :-2] + 2 * vertical[:, :, 1:-1] + vertical[:, :, 2:]) / 4
    horizontal = F.pad(y, (1, 1, 0, 0))
    horizontal = (horizontal[..., :-2] + 2 * horizontal[..., 1:-1] + horizontal[..., 2:]) / 4
    return torch.cat((vertical, horizontal), dim=1)


# view → (function, channels out per channel in)
_VIEWS: dict[ViewName, tuple[Callable[[Tensor], Tensor], int]] = {
    "plain": (plain, 1),
    "blurred": (blurred, 2),
}


@dataclass(frozen=True)
class View:
    """Shows the image, or its blurs (NR-GAN, settings M to P)."""

    name: ViewName = "plain"

    def __call__(self, y: Tensor) -> Tensor:
        return _VIEWS[self.name][0](y)

    def channels(self, image_channels: int) -> int:
        """The channels that D sees."""
        return _VIEWS[self.name][1] * image_channels
