"""The discriminator: image → logit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.networks.precision import ComputesIn
from nrgan.networks.resnet.blocks import DownBlock, FirstBlock, PlainBlock
from nrgan.networks.resnet.convolutions import Linear
from nrgan.networks.resnet.initialise import initialise
from nrgan.networks.resnet.sizes import up_blocks
from nrgan.networks.units import RELU, Units


class Discriminator(nn.Module, ComputesIn):
    """y, signed range, (B, image_channels, H, W) → logits (B,): above 0, more likely real.

    Down-blocks, one fewer than the generator's up-blocks (`up_blocks`) of `image_size` pixels; two plain blocks, ReLU,
    mean over the image, linear; no normalisation. At 32 pixels, two down-blocks: NR-GAN (Kaneko & Harada 2020),
    appendix, after the reference implementation. Every new one has the same weights; `initialise` draws others. Raises
    `UserError` for a size that it is not made for.
    """

    piecewise_linear = True
    """Samples of a batch do not meet, and all units are ReLUs: what the tangent form of R1 needs."""

    def __init__(
        self,
        image_channels: int = 3,
        channels: int = 128,
        residual_scale: float = 0.1,
        image_size: int = 32,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            FirstBlock(image_channels, channels, residual_scale),
            *(DownBlock(channels, residual_scale) for _ in range(up_blocks(image_size) - 2)),
            PlainBlock(channels, residual_scale),
            PlainBlock(channels, residual_scale),
        )
        self.finish = Linear(channels, 1)
        initialise(self, torch.Generator().manual_seed(0))

    def forward(self, y: Tensor, units: Units = RELU) -> Tensor:
        h = self.cast(y).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            h = block(h, units)
        # the mean and what follows in the parameters' type: logits are a sum of many values
        features = units(h).mean(dim=(2, 3), dtype=self.finish.weight.dtype)
        bias = self.finish.bias if units.bias_scale is None else self.finish.bias * units.bias_scale
        return F.linear(features, self.finish.weight).squeeze(1) + bias
