"""The rectifiers of a network as an argument, so that a pass can be repeated with its gates held fixed.

A network of convolutions, means and ReLUs is linear in its input as long as no gate changes: at the gates of a pass on
x, its derivative along v is a plain forward pass of v, without biases.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Units:
    """ReLUs."""

    bias_scale: Tensor | None = None
    """(B,) what the biases of each sample are multiplied with; None: 1."""

    def __call__(self, h: Tensor) -> Tensor:
        return h.relu()


RELU = Units()


class RecordedUnits(Units):
    """ReLUs that keep their outputs: a gate is open where the output is positive."""

    def __init__(self) -> None:
        self.outputs: list[Tensor] = []

    def __call__(self, h: Tensor) -> Tensor:
        output = h.relu()
        self.outputs.append(output.detach())
        return output


class FixedGates(Units):
    """The gates of a recorded pass, whatever the input; the biases of each sample times `bias_scale`, (B,)."""

    def __init__(self, recorded: RecordedUnits, bias_scale: Tensor) -> None:
        self.remaining = iter(recorded.outputs)
        self.bias_scale = bias_scale

    def __call__(self, h: Tensor) -> Tensor:
        # h where the recorded output is positive, else 0: the ReLU's own gradient formula, in one operation
        return torch.ops.aten.threshold_backward(h, next(self.remaining), 0)
