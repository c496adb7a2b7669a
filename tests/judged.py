"""Denoisers whose risk, answers and faults are known, and drawn clean images, to judge by."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.judging.bands import dct

SIDE = 64
SMOOTHED = tuple(tuple(float(np.exp(-(y * y + x * x) / 4)) for x in range(5)) for y in range(5))
"""Autocorrelation of white noise after a Gaussian of 1 pixel."""
WHITE = Fitted(level=(25.0,))
CORRELATED = Fitted(level=(25.0,), correlation=SMOOTHED)
COUNTED = Fitted(signal=(0.5,), level=(255 * (0.5 / 30) ** 0.5,), events=30.0)
"""30 events in full signal, and nothing else."""


def scenes(count: int, side: int = SIDE, channels: int = 1, seed: int = 0) -> Tensor:
    """Smooth clean images, (N, C, side, side), unit range."""
    coarse = torch.randn(count, channels, side // 8 + 2, side // 8 + 2, generator=seeded(seed))
    smooth = F.interpolate(coarse, size=(side + 16, side + 16), mode="bicubic")[:, :, 8:-8, 8:-8]
    return (0.5 + 0.16 * smooth).clamp(0.08, 0.95)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


_ORTHONORMAL = np.sqrt(2 / 8) * np.cos(np.pi * (np.arange(8) + 0.5) * np.arange(8)[:, None] / 8)
_ORTHONORMAL[0] /= np.sqrt(2)
_BACK = torch.tensor(_ORTHONORMAL.T, dtype=torch.float32)


class Unchanged:
    """f(y) = y."""

    radius, multiple = 0, 1

    def __call__(self, y: Tensor) -> Tensor:
        return y


class Blur:
    """A Gaussian of 1 pixel."""

    radius, multiple = 4, 1

    def __init__(self) -> None:
        kernel = torch.exp(-(torch.arange(-4.0, 5.0) ** 2) / 2)
        self.kernel = kernel / kernel.sum()

    def __call__(self, y: Tensor) -> Tensor:
        z = F.pad(y, (4,) * 4, mode="reflect").flatten(0, 1)[:, None]
        z = F.conv2d(F.conv2d(z, self.kernel.view(1, 1, -1, 1)), self.kernel.view(1, 1, 1, -1))
        return z.view_as(y)


class Threshold:
    """Cosine transforms of 8x8 blocks, values below a threshold wiped out, the others shrunk by it (unless hard)."""

    radius, multiple = 7, 8

    def __init__(self, threshold: float, hard: bool = False) -> None:
        self.threshold, self.hard = threshold, hard

    def __call__(self, y: Tensor) -> Tensor:
        blocks = F.unfold(y.flatten(0, 1)[:, None], 8, stride=8).transpose(1, 2).reshape(-1, 1, 8, 8)
        values = dct(blocks)
        kept = values * (values.abs() > self.threshold)
        if not self.hard:
            kept -= values.sign() * self.threshold * (kept != 0)
        kept[..., 0, 0] = values[..., 0, 0]
        flat = (_BACK @ kept @ _BACK.T).reshape(len(y) * y.shape[1], -1, 64).transpose(1, 2)
        return F.fold(flat, y.shape[2:], 8, stride=8).view_as(y)


class Median:
    """Of 3x3 pixels."""

    radius, multiple = 1, 1

    def __call__(self, y: Tensor) -> Tensor:
        around = F.pad(y, (1,) * 4, mode="reflect").unfold(2, 3, 1).unfold(3, 3, 1)
        return around.flatten(-2).median(-1).values
