"""The networks as the paper draws them, resampling and convolution one after the other: for the ablation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.networks.resnet.blocks import DownBlock, UpBlock
from nrgan.networks.resnet.convolutions import DownConv, UpConv, mean_pool, upsample
from nrgan.networks.units import RELU, Units


def _up_convolution(self: UpConv, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(upsample(x), kernel, bias, padding=1)


def _down_convolution(self: DownConv, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    return mean_pool(F.conv2d(x, kernel, bias, padding=1))


def _up_block(self: UpBlock, x: Tensor) -> Tensor:
    residual = self.conv2(self.conv1(x.relu()).relu())
    return torch.add(self.shortcut(upsample(x)), residual, alpha=self.residual_scale)


def _down_block(self: DownBlock, x: Tensor, units: Units = RELU) -> Tensor:
    scale = units.bias_scale
    residual = self.conv2(units(self.conv1(units(x), scale)), scale)
    return torch.add(mean_pool(self.shortcut(x, scale)), residual, alpha=self.residual_scale)


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Within it, 3x3 convolutions run at the high resolution, before or after resampling."""
    with patch.object(UpConv, "convolve", _up_convolution), patch.object(DownConv, "convolve", _down_convolution):
        yield


@contextmanager
def plain_shortcuts() -> Iterator[None]:
    """Within it, the 1x1 convolutions of shortcuts run at the high resolution."""
    with patch.object(UpBlock, "forward", _up_block), patch.object(DownBlock, "forward", _down_block):
        yield
