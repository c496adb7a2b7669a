"""The paper's residual networks, with a generator of images that are smooth where nothing makes them sharp.

Nearest upsampling draws squares, and a border of zeros is seen in every layer: both stay in generated images as faint
lines and as wrong corners, well below the noise that they are observed in, where no discriminator minds them. Images of
an instrument have no such lines: a lens, or a detector's pixel, has blurred them. That both bind a generator to the
grid of pixels is known of clean images too (Karras et al. 2021, "Alias-free generative adversarial networks").
"""

from __future__ import annotations

from dataclasses import asdict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.networks.family import NetworkSizes
from nrgan.networks.resnet import Generator, ResNet
from nrgan.networks.resnet.convolutions import RESIDUAL_GAIN, Conv


class EdgeConv(Conv):
    """A 3x3 convolution of an image that goes on beyond its border as it ends there."""

    def convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, bias)


class BilinearBlock(nn.Module):
    """up(conv1(x)) + α·conv3x3(ReLU(conv3x3(up(ReLU(x))))), up bilinear ×2: (B, C, H, W) → (B, C, 2H, 2W)."""

    def __init__(self, channels: int, residual_scale: float) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        # not the names of `resnet.UpBlock`, whose weights have the same shapes and mean something else
        self.straight = Conv(channels, channels, size=1)
        self.first = EdgeConv(channels, channels, gain=RESIDUAL_GAIN)
        self.second = EdgeConv(channels, channels, gain=RESIDUAL_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.second(self.first(upsample(x.relu())).relu())
        return torch.add(upsample(self.straight(x)), residual, alpha=self.residual_scale)


class BilinearGenerator(Generator):
    """`Generator` with bilinear upsampling for nearest, and convolutions that repeat the border for those of zeros."""

    up_block = BilinearBlock
    convolution = EdgeConv


class ResNetBilinear(ResNet):
    """`ResNet` with such a generator of images. Noise has no smooth places: it is made, and told apart, as there."""

    def generator(self, sizes: NetworkSizes) -> nn.Module:
        return BilinearGenerator(**asdict(sizes))

    def noise_generator(self, sizes: NetworkSizes) -> nn.Module:
        return Generator(**asdict(sizes))


def upsample(x: Tensor) -> Tensor:
    """Bilinear ×2: (B, C, H, W) → (B, C, 2H, 2W), each value of three quarters of the nearest one along an axis."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
