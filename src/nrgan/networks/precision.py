"""The type in which a network's convolutions compute; parameters, averages and losses stay in their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ComputesIn:
    """A network whose convolutions compute in `compute_dtype`; None: in the type of its parameters."""

    compute_dtype: torch.dtype | None = None

    def cast(self, h: Tensor) -> Tensor:
        """h as the convolutions take it."""
        return h if self.compute_dtype is None else h.to(self.compute_dtype)


def compute_in(network: nn.Module, dtype: torch.dtype | None) -> None:
    """Lets every network inside `network` compute in `dtype`."""
    for module in network.modules():
        if isinstance(module, ComputesIn):
            module.compute_dtype = dtype
