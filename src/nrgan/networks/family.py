"""What a family of networks must offer: a generator, a discriminator, and how their weights start.

Nothing outside a family reaches into its layers. A generator is any module with

    sizes: NetworkSizes          what it was made for
    forward(z) → x               z ~ N(0, I), (B, sizes.latent_size) → signed range, (B, image_channels, H, W)

and a discriminator any module with

    forward(y) → logits          y signed range, (B, channels, H, W) → (B,): above 0, more likely real

Samples of a batch should not meet inside (no batch statistics), or a batch in parts is not the batch. Persistent
buffers are saved with the weights and copied into the moving average. A module that computes in a type of its own may
be a `ComputesIn`; a discriminator that is piecewise linear may say so and take `units` (see `resnet.Discriminator`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from nrgan.errors import UserError

_LARGEST = 2**20


@dataclass(frozen=True)
class NetworkSizes:
    """What a generator is made for, and how large it is."""

    latent_size: int = 128
    image_size: int = 32
    image_channels: int = 3
    channels: int = 128
    """Its width."""
    residual_scale: float = 0.1
    """Factor of residual branches; a family without them takes no notice."""

    def __post_init__(self) -> None:
        """Raises `UserError` for what is no whole number above 0, or for a scale that is no finite number."""
        for name in ("latent_size", "image_size", "image_channels", "channels"):
            if type(value := getattr(self, name)) is not int or not 1 <= value <= _LARGEST:
                raise UserError(f"<{name}> {value!r}: must be a whole number from 1 to {_LARGEST:,}")
        if type(scale := self.residual_scale) not in (int, float) or not math.isfinite(scale):
            raise UserError(f"<residual_scale> {scale!r}: must be a number")


def sizes_of(generator: nn.Module) -> NetworkSizes:
    """What a generator was made for; raises `TypeError` for a module that is no generator."""
    sizes = getattr(generator, "sizes", None)
    if not isinstance(sizes, NetworkSizes):
        raise TypeError(f"{type(generator).__name__}: a generator has its NetworkSizes as `sizes`")
    return sizes


class Family(ABC):
    """One row of the networks."""

    def check(self, image_size: int) -> None:  # noqa: B027 (most are made for any size)
        """Raises `UserError` for a side of images that the family is not made for."""

    @abstractmethod
    def generator(self, sizes: NetworkSizes) -> nn.Module:
        """A generator of images of these sizes. Raises `UserError` for sizes that it cannot have."""

    def noise_generator(self, sizes: NetworkSizes) -> nn.Module:
        """One of noise of these sizes, if not the same."""
        return self.generator(sizes)

    @abstractmethod
    def discriminator(self, sizes: NetworkSizes) -> nn.Module:
        """A discriminator of images of `image_size` with `image_channels` channels, as D sees them, `channels` wide."""

    @abstractmethod
    def initialise(self, network: nn.Module, rng: torch.Generator) -> None:
        """Draws the weights of all of the family's layers inside `network` from `rng`, and from nothing else."""
