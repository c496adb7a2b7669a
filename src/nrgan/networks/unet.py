"""The denoiser's network: a U-Net that knows its neighbourhood, and nothing else.

    f(y) = y − net(y)

Fully convolutional, without normalisation, attention or pooling over the image, so that a pixel's answer depends on the
pixels within `radius` of it alone, and an image may be done in tiles. Without additive constants f(a·y) = a·f(y) for
a > 0, so that what was learned at one level of noise serves at others (Mohan et al., ICLR 2020); zero is black.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.errors import UserError
from nrgan.networks.precision import ComputesIn

_FIRST_BRANCH = 0.1
"""Factor of the first weights that end a residual branch: without it, and without normalisation, learning is slow."""


@dataclass(frozen=True)
class UNetSizes:
    """image_channels: of the images. width: channels of the first stage, doubled in each further one.

    stages: resolutions, each half of the one before. blocks: residual blocks of a stage, on the way down and up.
    """

    image_channels: int
    width: int = 32
    stages: int = 2
    blocks: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (("image_channels", 1, 64), ("width", 1, 1024), ("stages", 1, 6), ("blocks", 1, 16)):
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name}={getattr(self, name)}: must be from {least} to {most}")

    @property
    def multiple(self) -> int:
        """Sides that the network takes are multiples of this."""
        return 2 ** (self.stages - 1)

    @property
    def radius(self) -> int:
        """Pixels beyond which nothing changes a pixel's answer."""
        of_stage = [(2 if k == self.stages - 1 else 4) * self.blocks * 2**k for k in range(self.stages)]
        # head and tail, 3x3; a step down and up reaches the other pixels of its square
        return 2 + sum(of_stage) + sum(2**k for k in range(self.stages - 1))


class UNet(nn.Module, ComputesIn):
    """See the module. Takes and gives (B, C, H, W), any sides that exceed a few pixels; not clipped."""

    def __init__(self, sizes: UNetSizes) -> None:
        super().__init__()
        self.sizes = sizes
        widths = [sizes.width * 2**k for k in range(sizes.stages)]
        self.head = _convolution(sizes.image_channels, widths[0])
        self.down_blocks = nn.ModuleList(_blocks(width, sizes.blocks) for width in widths)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, 2, bias=False) for a, b in pairwise(widths))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2, bias=False) for a, b in pairwise(widths))
        self.up_blocks = nn.ModuleList(_blocks(width, sizes.blocks) for width in widths[:-1])
        self.tail = _convolution(widths[0], sizes.image_channels)

    def initialise(self, rng: torch.Generator) -> None:
        """Draws the weights: normal, of the variance 2/fan-in that keeps the scale through ReLUs (He et al. 2015).

        Those of the last convolution are 0, so that training begins at f(y) = y.
        """
        for name, weight in self.named_parameters():
            fan_in = weight[:, 0].numel() if name.startswith("ups.") else weight[0].numel()
            fan_in = fan_in // 4 if name.startswith("ups.") else fan_in  # each pixel comes of one place
            with torch.no_grad():
                weight.normal_(0, (2 / fan_in) ** 0.5, generator=rng)
                if name.endswith("second.weight"):
                    weight.mul_(_FIRST_BRANCH)
        with torch.no_grad():
            self.tail.weight.zero_()

    def forward(self, y: Tensor) -> Tensor:
        with torch.autocast(y.device.type, self.compute_dtype, enabled=self.compute_dtype is not None):
            return y - self._noise(y).to(y.dtype)

    def _noise(self, y: Tensor) -> Tensor:
        h = self.head(_padded(y, self.sizes.multiple))
        passed: list[Tensor] = []
        for blocks, down in zip(self.down_blocks, self.downs, strict=False):
            h = blocks(h)
            passed.append(h)
            h = down(h)
        h = self.down_blocks[-1](h)
        for k in reversed(range(len(passed))):
            h = self.up_blocks[k](self.ups[k](h) + passed[k])
        found: Tensor = self.tail(h)[..., : y.shape[-2], : y.shape[-1]]
        return found


class _Block(nn.Module):
    """h + conv(ReLU(conv(ReLU(h))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(width, width), _convolution(width, width)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(F.relu(self.first(F.relu(h))))


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width) for _ in range(count)))


def _convolution(channels: int, width: int) -> nn.Conv2d:
    # reflection: zeros would tell the network where the image ends, and a tile's end is none
    return nn.Conv2d(channels, width, 3, padding=1, padding_mode="reflect", bias=False)


def _padded(y: Tensor, multiple: int) -> Tensor:
    """With reflected rows and columns at the far ends, so that the sides are multiples."""
    down, across = -y.shape[-2] % multiple, -y.shape[-1] % multiple
    return F.pad(y, (0, across, 0, down), mode="reflect") if down or across else y
