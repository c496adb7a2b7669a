"""Which images the networks are made for, and how deep the networks are for them."""

from __future__ import annotations

from nrgan.errors import UserError
from nrgan.limits import LARGEST_SIDE, MOST_CHANNELS, MOST_MAPS, SIDE_STEP, SMALLEST_NETWORK_SIDE

_FEWEST_UP_BLOCKS = 3
_SMALLEST_MAP = 4
"""The side at which more up-blocks stop to pay; the published networks start from it."""


def up_blocks(image_size: int) -> int:
    """Doublings between the generator's first map and the image, of `image_size` S pixels a side.

    k = max {k ≥ 3 : 2ᵏ divides S and S/2ᵏ ≥ 4}, or 3 where there is none: 3 up to 32 pixels as published (NR-GAN,
    Kaneko & Harada 2020), 4 at 64, 5 at 128, 6 at 256; 4 at 96, from a map of 6. Raises `UserError` for a size that
    the networks are not made for.
    """
    if image_size % SIDE_STEP or not SMALLEST_NETWORK_SIDE <= image_size <= LARGEST_SIDE:
        sides = f"a multiple of {SIDE_STEP}, from {SMALLEST_NETWORK_SIDE} to {LARGEST_SIDE}"
        raise UserError(f"<image_size> {image_size}: must be {sides}")
    k = _FEWEST_UP_BLOCKS
    while image_size % 2 ** (k + 1) == 0 and image_size // 2 ** (k + 1) >= _SMALLEST_MAP:
        k += 1
    return k


def check_channels(image_channels: int) -> None:
    """Raises `UserError` for more channels than the networks are made for, or none."""
    if not 1 <= image_channels <= MOST_CHANNELS * MOST_MAPS:
        most = f"images have from 1 to {MOST_CHANNELS}, and noise at most {MOST_MAPS} maps for each"
        raise UserError(f"{image_channels} channels: {most}")
