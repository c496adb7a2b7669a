"""Residual blocks. out = shortcut(x) + α·residual(x), α `residual_scale`.

The 1x1 shortcut convolutions run at the lower of the two resolutions, where they cost a quarter: a 1x1 convolution
commutes with nearest upsampling and with mean pooling.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nrgan.networks.resnet.convolutions import RESIDUAL_GAIN, Conv, DownConv, UpConv, mean_pool, upsample
from nrgan.networks.units import RELU, Units


class UpBlock(nn.Module):
    """up(conv1(x)) + α·conv2(ReLU(conv3x3(up(ReLU(x))))): (B, C, H, W) → (B, C, 2H, 2W)."""

    def __init__(self, channels: int, residual_scale: float) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.shortcut = Conv(channels, channels, size=1)
        self.conv1 = UpConv(channels, channels, gain=RESIDUAL_GAIN)
        self.conv2 = Conv(channels, channels, gain=RESIDUAL_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(self.conv1(x.relu()).relu())
        return torch.add(upsample(self.shortcut(x)), residual, alpha=self.residual_scale)


class FirstBlock(nn.Module):
    """conv1(pool(y)) + α·pool(conv3x3(ReLU(conv3x3(y)))), on the raw image: (B, C', H, W) → (B, C, H/2, W/2)."""

    def __init__(self, image_channels: int, channels: int, residual_scale: float) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.shortcut = Conv(image_channels, channels, size=1)
        self.conv1 = Conv(image_channels, channels, gain=RESIDUAL_GAIN)
        self.conv2 = DownConv(channels, channels, gain=RESIDUAL_GAIN)

    def forward(self, y: Tensor, units: Units = RELU) -> Tensor:
        scale = units.bias_scale
        residual = self.conv2(units(self.conv1(y, scale)), scale)
        return torch.add(self.shortcut(mean_pool(y), scale), residual, alpha=self.residual_scale)


class DownBlock(nn.Module):
    """conv1(pool(x)) + α·pool(conv3x3(ReLU(conv3x3(ReLU(x))))): (B, C, H, W) → (B, C, H/2, W/2)."""

    def __init__(self, channels: int, residual_scale: float) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.shortcut = Conv(channels, channels, size=1)
        self.conv1 = Conv(channels, channels, gain=RESIDUAL_GAIN)
        self.conv2 = DownConv(channels, channels, gain=RESIDUAL_GAIN)

    def forward(self, x: Tensor, units: Units = RELU) -> Tensor:
        scale = units.bias_scale
        residual = self.conv2(units(self.conv1(units(x), scale)), scale)
        return torch.add(self.shortcut(mean_pool(x), scale), residual, alpha=self.residual_scale)


class PlainBlock(nn.Module):
    """x + α·conv3x3(ReLU(conv3x3(ReLU(x)))): (B, C, H, W) → the same."""

    def __init__(self, channels: int, residual_scale: float) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1 = Conv(channels, channels, gain=RESIDUAL_GAIN)
        self.conv2 = Conv(channels, channels, gain=RESIDUAL_GAIN)

    def forward(self, x: Tensor, units: Units = RELU) -> Tensor:
        scale = units.bias_scale
        residual = self.conv2(units(self.conv1(units(x), scale)), scale)
        return torch.add(x, residual, alpha=self.residual_scale)
