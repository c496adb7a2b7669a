"""How training starts."""

from __future__ import annotations

import torch
from torch import nn

from nrgan.networks.resnet.convolutions import Conv


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Glorot-uniform weights (Glorot & Bengio 2010) with each layer's gain, zero biases; draws from `generator`."""
    for module in network.modules():
        if isinstance(module, (Conv, nn.Linear)):
            if module.weight.is_meta:  # a sketch: there is nothing to draw
                continue
            gain = module.gain if isinstance(module, Conv) else 1.0
            nn.init.xavier_uniform_(module.weight, gain=gain, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
