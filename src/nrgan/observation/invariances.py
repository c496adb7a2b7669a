"""Transformations T that leave noise alike, as a distribution, and images not: what tells one from the other.

Each takes noise (B, C, H, W) and draws afresh for every sample. NR-GAN (Kaneko & Harada 2020), SI-NR-GAN-II.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.errors import UserError

Invariance = Callable[[Tensor, Draws], Tensor]


def rotate_quarter_turns(n: Tensor, draws: Draws) -> Tensor:
    """Rotates by 0, 90, 180 or 270 degrees. Raises `UserError` where the images are not square."""
    if n.shape[2] != n.shape[3]:
        raise UserError(f"images of {n.shape[2]}x{n.shape[3]} pixels: only square ones can be turned by 90 degrees")
    turns = draws.integers("rotation_quarter_turns", (len(n),), 0, 4).view(-1, 1, 1, 1)
    turned = n.transpose(2, 3)
    odd = torch.where(turns == 1, turned.flip(3), turned.flip(2))
    even = torch.where(turns == 0, n, n.flip(2, 3))
    return torch.where(turns % 2 == 1, odd, even)


def permute_channels(n: Tensor, draws: Draws) -> Tensor:
    """Puts the channels into random order; the identity for one channel."""
    order = draws.permutations("channel_permutation", n.shape[0], n.shape[1])
    return n[torch.arange(len(n), device=n.device)[:, None], order]


def invert_channels(n: Tensor, draws: Draws) -> Tensor:
    """Changes the sign of each channel with probability ½."""
    inverted = draws.integers("channel_inversion", (n.shape[0], n.shape[1]), 0, 2)
    return n * (1 - 2 * inverted)[:, :, None, None]
