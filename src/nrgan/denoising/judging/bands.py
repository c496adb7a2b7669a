"""Octaves of frequency in which errors are told apart, after an orthonormal cosine transform."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from nrgan.denoising.judging.images import Doubles


@dataclass(frozen=True)
class Band:
    """Radial frequencies from `above` on, below `below`, in cycles a pixel."""

    above: float
    below: float


BANDS = (Band(0, 1 / 16), Band(1 / 16, 1 / 8), Band(1 / 8, 1 / 4), Band(1 / 4, math.sqrt(0.5)))
"""The last holds the corners too."""


def dct(x: Tensor) -> Tensor:
    """The orthonormal cosine transform (type 2) of each channel, (B, C, H, W): sums of squares stay as they are."""
    down, across = (_matrix(n, x.device, x.dtype) for n in x.shape[2:])
    return down @ x @ across.T


def band_means(squares: Tensor) -> Doubles:
    """(B, C, H, W) of transformed values → (B, bands): sums over each band, over the number of all values."""
    of_band = _band_of(*squares.shape[2:])
    flat = squares.double().sum(1).flatten(1).cpu().numpy()
    values = squares[0].numel()
    return np.stack([np.bincount(of_band, row, len(BANDS)) for row in flat]) / values


@lru_cache(maxsize=8)
def _matrix(n: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(N, N): √(2/N)·cos(π(j + ½)k/N) at row k, the first over √2."""
    k, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    rows = math.sqrt(2 / n) * np.cos(math.pi * (j + 0.5) * k / n)
    rows[0] /= math.sqrt(2)
    return torch.tensor(rows, device=device, dtype=dtype)


@lru_cache(maxsize=8)
def _band_of(height: int, width: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The band of each transformed value, (H·W,)."""
    down, across = np.arange(height)[:, None] / (2 * height), np.arange(width) / (2 * width)
    radius = np.hypot(down, across).ravel()
    return np.searchsorted([band.above for band in BANDS], radius, side="right") - 1
