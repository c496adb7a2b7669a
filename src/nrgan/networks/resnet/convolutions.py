"""Convolutions joined with the resampling before or after them.

Nearest ×2 upsampling and 2x2 mean pooling are linear, so a 3x3 convolution next to one is a single 4x4 convolution of
stride 2 whose kernel is the 3x3 kernel summed over the four shifts (2.25 times fewer operations). The parameters stay
the 3x3 kernels of the paper; the folded kernel is made from them at each use.

Every convolution computes in the type of its input: the parameters may be float32 and the activations bfloat16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

RESIDUAL_GAIN = math.sqrt(2)
"""Glorot gain of the 3x3 convolutions inside residual branches; all other layers have gain 1."""

_SHIFTS = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], np.float32)
"""A kernel's three values in one direction, summed over the two shifts by 0 or 1: (3,) → (4,)."""


class Conv(nn.Conv2d):
    """A convolution of odd size that keeps the image's size, and the gain of its Glorot-uniform start."""

    def __init__(self, in_channels: int, out_channels: int, size: int = 3, gain: float = 1.0) -> None:
        super().__init__(in_channels, out_channels, size, padding=size // 2)
        self.gain = gain

    def reset_parameters(self) -> None:
        """Zeros: `initialise` draws the weights, and torch's own start would draw from its global generator."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, bias_scale: Tensor | None = None) -> Tensor:
        """(B, C, H, W) → (B, C', H, W); `bias_scale`, (B,), multiplies the bias of each sample."""
        assert self.bias is not None
        kernel, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        if bias_scale is None:
            return self.convolve(x, kernel, bias)
        return self.convolve(x, kernel, None) + bias_scale.to(x.dtype)[:, None, None, None] * bias[:, None, None]

    def convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        return F.conv2d(x, kernel, bias, padding=self.padding)


class Linear(nn.Linear):
    """A fully connected layer, which starts as `Conv` does."""

    reset_parameters = Conv.reset_parameters


class _FoldedConv(Conv):
    """A 3x3 convolution used as a 4x4 one of stride 2: kernel values (9,) → (16,) by a fixed matrix."""

    fold: Tensor

    def __init__(self, in_channels: int, out_channels: int, size: int = 3, gain: float = 1.0) -> None:
        super().__init__(in_channels, out_channels, size, gain)
        # numpy's, as torch's own of a network without memory (`nrgan.pretrained.sketched`) loads its compiler
        self.register_buffer("fold", torch.tensor(np.kron(_SHIFTS, _SHIFTS)), persistent=False)

    def folded(self, kernel: Tensor) -> Tensor:
        """(O, I, 3, 3) → (O, I, 4, 4)."""
        return (kernel.flatten(2) @ self.fold.to(kernel.dtype)).view(*kernel.shape[:2], 4, 4)


class UpConv(_FoldedConv):
    """conv3x3(up(x)), up nearest ×2: (B, C, H, W) → (B, C', 2H, 2W), as a 4x4 transposed convolution."""

    def convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        kernel = self.folded(kernel).flip(2, 3).transpose(0, 1)
        y: Tensor = _TransposedConvolution.apply(x, kernel)  # type: ignore[no-untyped-call]
        return y if bias is None else y + bias[:, None, None]


class DownConv(_FoldedConv):
    """meanpool(conv3x3(x)), 2x2 means: (B, C, H, W) → (B, C', H/2, W/2), as a 4x4 convolution of stride 2."""

    def convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        return F.conv2d(x, self.folded(kernel) / 4, bias, stride=2, padding=1)


class _TransposedConvolution(torch.autograd.Function):
    """4x4 transposed convolution of stride 2, whose kernel gradient is taken as that of the adjoint convolution.

    The same numbers, but oneDNN's own gradient of a transposed convolution's kernel is five times slower in bfloat16.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, kernel: Tensor) -> Tensor:
        return F.conv_transpose2d(x, kernel, stride=2, padding=1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, kernel = ctx.saved_tensors
        x_gradient = F.conv2d(gradient, kernel, stride=2, padding=1) if ctx.needs_input_grad[0] else None
        kernel_gradient = None
        if ctx.needs_input_grad[1]:
            kernel_gradient = conv2d_weight(gradient, kernel.shape, x, stride=2, padding=1)  # type: ignore[no-untyped-call]
        return x_gradient, kernel_gradient


def upsample(x: Tensor) -> Tensor:
    """Nearest ×2: (B, C, H, W) → (B, C, 2H, 2W)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def mean_pool(x: Tensor) -> Tensor:
    """2x2 means: (B, C, H, W) → (B, C, H/2, W/2)."""
    return F.avg_pool2d(x, 2)
