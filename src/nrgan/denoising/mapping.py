"""What every denoiser is, learned or not: a mapping of images, each pixel from its neighbourhood."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Mapping(Protocol):
    """f: noisy images → clean ones, (B, C, H, W) float32 in unit range of the data (0 black), not clipped."""

    @property
    def radius(self) -> int:
        """Pixels beyond which nothing changes a pixel's answer."""

    @property
    def multiple(self) -> int:
        """Tiles begin at multiples of this; images have any sides."""

    def __call__(self, y: Tensor) -> Tensor:
        """The clean images, as many and as large."""
