"""A family of networks: two fully connected layers each."""

from math import prod

import torch
from torch import nn

from nrgan import Family, NetworkSizes


class MLP(Family):
    """Two fully connected layers, `channels` wide."""

    def generator(self, sizes: NetworkSizes) -> nn.Module:
        shape = (sizes.image_channels, sizes.image_size, sizes.image_size)
        first, last = Layer(sizes.latent_size, sizes.channels), Layer(sizes.channels, prod(shape))
        network = nn.Sequential(first, nn.ReLU(), last, nn.Tanh(), nn.Unflatten(1, shape))
        network.sizes = sizes
        return network

    def discriminator(self, sizes: NetworkSizes) -> nn.Module:
        first = Layer(sizes.image_channels * sizes.image_size**2, sizes.channels)
        return nn.Sequential(nn.Flatten(), first, nn.ReLU(), Layer(sizes.channels, 1), nn.Flatten(0))

    def initialise(self, network: nn.Module, rng: torch.Generator) -> None:
        for layer in network.modules():
            if isinstance(layer, Layer):
                nn.init.xavier_uniform_(layer.weight, generator=rng)
                nn.init.zeros_(layer.bias)


class Layer(nn.Linear):
    def reset_parameters(self) -> None:  # torch's own would draw from its global generator
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


SMALL = MLP()
