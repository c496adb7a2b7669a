"""The discriminator: image → logit."""

from __future__ import annotations

from torch import Tensor, nn

from nrgan.networks.blocks import DownBlock, FirstBlock, PlainBlock


class Discriminator(nn.Module):
    """y, signed range, (B, image_channels, H, W) → logits (B,): above 0, more likely real.

    Two down-blocks, two plain blocks, ReLU, mean over the image, linear; no normalisation, so samples of a batch do
    not meet, and piecewise linear. NR-GAN (Kaneko & Harada 2020), appendix; after the reference implementation.
    """

    def __init__(self, image_channels: int = 3, channels: int = 128, residual_scale: float = 0.1) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            FirstBlock(image_channels, channels, residual_scale),
            DownBlock(channels, residual_scale),
            PlainBlock(channels, residual_scale),
            PlainBlock(channels, residual_scale),
        )
        self.finish = nn.Linear(channels, 1)

    def forward(self, y: Tensor) -> Tensor:
        h = self.blocks(y).relu().mean(dim=(2, 3))
        return self.finish(h).squeeze(1)
