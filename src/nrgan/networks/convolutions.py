"""Convolutions joined with the resampling before or after them.

Nearest ×2 upsampling and 2x2 mean pooling are linear, so a 3x3 convolution next to one is a single 4x4 convolution of
stride 2 whose kernel is the 3x3 kernel summed over the four shifts (2.25 times fewer operations). The parameters stay
the 3x3 kernels of the paper; the folded kernel is made from them at each use.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

RESIDUAL_GAIN = math.sqrt(2)
"""Glorot gain of the 3x3 convolutions inside residual branches; all other layers have gain 1."""


class Conv(nn.Conv2d):
    """A convolution of odd size that keeps the image's size, and the gain of its Glorot-uniform start."""

    def __init__(self, in_channels: int, out_channels: int, size: int = 3, gain: float = 1.0) -> None:
        super().__init__(in_channels, out_channels, size, padding=size // 2)
        self.gain = gain


class UpConv(Conv):
    """conv3x3(up(x)), up nearest ×2: (B, C, H, W) → (B, C', 2H, 2W), as a 4x4 transposed convolution."""

    def forward(self, x: Tensor) -> Tensor:
        kernel = fold(self.weight).flip(2, 3).transpose(0, 1)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class DownConv(Conv):
    """meanpool(conv3x3(x)), 2x2 means: (B, C, H, W) → (B, C', H/2, W/2), as a 4x4 convolution of stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, fold(self.weight) / 4, self.bias, stride=2, padding=1)


def fold(kernel: Tensor) -> Tensor:
    """(O, I, 3, 3) → (O, I, 4, 4): the kernel summed over the four shifts by 0 or 1 in each direction."""
    k = F.pad(kernel, (1, 1, 1, 1))
    return k[..., 1:, 1:] + k[..., :-1, 1:] + k[..., 1:, :-1] + k[..., :-1, :-1]


def upsample(x: Tensor) -> Tensor:
    """Nearest ×2: (B, C, H, W) → (B, C, 2H, 2W)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def mean_pool(x: Tensor) -> Tensor:
    """2x2 means: (B, C, H, W) → (B, C, H/2, W/2)."""
    return F.avg_pool2d(x, 2)
