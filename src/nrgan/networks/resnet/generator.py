"""The generator: latent → image. The noise generator is one too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nrgan.networks.family import NetworkSizes
from nrgan.networks.precision import ComputesIn
from nrgan.networks.resnet.blocks import UpBlock
from nrgan.networks.resnet.convolutions import Conv, Linear
from nrgan.networks.resnet.initialise import initialise
from nrgan.networks.resnet.sizes import check_channels, up_blocks
from nrgan.networks.sampling import sample
from nrgan.pretrained import Pretrained


class Generator(
    nn.Module,
    ComputesIn,
    Pretrained,
    library_name="nrgan",
    tags=["gan", "nr-gan", "image-generation", "noise"],
):
    """z ~ N(0, I), (B, latent_size) → image, signed range, (B, image_channels, image_size, image_size).

    Linear to an (image_size/2ᵏ)² map, k residual up-blocks, ReLU, 3x3 convolution, tanh; no normalisation. k follows
    from the size (`up_blocks`): 3 at 32 pixels, which is NR-GAN (Kaneko & Harada 2020), appendix, after the reference
    implementation. Every new one has the same weights; `initialise` draws others. Raises `UserError` for a size or a
    number of channels that it is not made for.
    """

    up_block: Callable[[int, float], nn.Module] = UpBlock
    """Of the channels and the residual scale."""
    convolution: Callable[[int, int], nn.Module] = Conv
    """The last one, 3x3: of the channels before and after it."""

    def __init__(
        self,
        latent_size: int = 128,
        image_size: int = 32,
        image_channels: int = 3,
        channels: int = 128,
        residual_scale: float = 0.1,
    ) -> None:
        super().__init__()
        self.sizes = NetworkSizes(latent_size, image_size, image_channels, channels, residual_scale)
        check_channels(image_channels)
        doublings = up_blocks(image_size)
        self.start_size = image_size // 2**doublings
        self.start = Linear(latent_size, channels * self.start_size**2)
        self.blocks = nn.Sequential(*(self.up_block(channels, residual_scale) for _ in range(doublings)))
        self.finish = self.convolution(channels, image_channels)
        initialise(self, torch.Generator().manual_seed(0))

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z).view(-1, self.sizes.channels, self.start_size, self.start_size)
        h = self.blocks(self.cast(h).contiguous(memory_format=torch.channels_last))
        return self.finish(h.relu()).to(z.dtype).tanh()

    def sample(self, n: int, seed: int = 0, first: int = 0) -> npt.NDArray[np.uint8]:
        """`n` images, (n, H, W, C) uint8: numbers `first` … `first + n − 1` of the endless series of a seed.

        Image i depends on (seed, i) alone, so that any one of them can be made again.
        """
        return sample(self, n, seed, first)
