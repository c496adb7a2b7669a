"""The moving average of the generators, which is what is shown, measured and kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MovingAverage:
    """averaged ← decay·averaged + (1 − decay)·network for every parameter; persistent buffers are copied."""

    def __init__(self, averaged: nn.Module, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._averaged: list[Tensor] = list(averaged.parameters())
        self._own: list[Tensor] = list(network.parameters())
        self._buffers = list(zip(_buffers(averaged), _buffers(network), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """One step of the average."""
        torch._foreach_lerp_(self._averaged, self._own, 1 - self.decay)
        for averaged, own in self._buffers:
            averaged.copy_(own)


def _buffers(network: nn.Module) -> list[Tensor]:
    """What is saved with the weights and is no parameter."""
    parameters = {name for name, _ in network.named_parameters()}
    return [value for name, value in network.state_dict(keep_vars=True).items() if name not in parameters]
