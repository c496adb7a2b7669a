"""What one step of training compares: f(input) with a target whose error has nothing to do with the input's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]


class Pair(NamedTuple):
    """Images are unit range, (B, C, H, W). The loss is w·(f(input) − target)² + 2·f(input)·probe, in the mean.

    Its minimiser is E[x | input], where x is the clean image.
    """

    input: Tensor
    target: Tensor
    probe: Tensor | None = None
    """Noise with the law of the target's own, given x and the input; None where the target's is independent of it."""
    weight: Tensor | None = None
    """w: which values count, (B, 1, H, W); None: all."""

    def loss(self, found: Tensor) -> Tensor:
        """Of found = f(input)."""
        squares = (found - self.target) ** 2
        if self.weight is not None:
            return (squares * self.weight).sum() / (self.weight.sum() * found.shape[1]).clamp(min=1)
        return squares.mean() if self.probe is None else squares.mean() + 2 * (found * self.probe).mean()


def joined(pairs: Sequence[Pair]) -> Pair:
    """Several as one batch; what one of them lacks is nothing there. Weights are not joined."""
    probes = [pair.probe if pair.probe is not None else torch.zeros_like(pair.input) for pair in pairs]
    return Pair(
        torch.cat([pair.input for pair in pairs]),
        torch.cat([pair.target for pair in pairs]),
        torch.cat(probes) if any(pair.probe is not None for pair in pairs) else None,
    )
