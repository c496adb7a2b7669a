"""The residual networks of the paper. NR-GAN (Kaneko & Harada 2020), appendix, after the reference implementation."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import nn

from nrgan.networks.family import Family, NetworkSizes
from nrgan.networks.resnet.discriminator import Discriminator
from nrgan.networks.resnet.generator import Generator
from nrgan.networks.resnet.initialise import initialise
from nrgan.networks.resnet.sizes import up_blocks

__all__ = ["Discriminator", "Generator", "ResNet", "initialise"]


class ResNet(Family):
    """Residual blocks without normalisation, as deep as the images are large."""

    def check(self, image_size: int) -> None:
        up_blocks(image_size)

    def generator(self, sizes: NetworkSizes) -> nn.Module:
        return Generator(**asdict(sizes))

    def discriminator(self, sizes: NetworkSizes) -> Discriminator:
        return Discriminator(sizes.image_channels, sizes.channels, sizes.residual_scale, sizes.image_size)

    def initialise(self, network: nn.Module, rng: torch.Generator) -> None:
        initialise(network, rng)
