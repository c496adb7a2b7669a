"""Ranges of image values, and the only place where they change.

stored   uint8, 0..255
unit     real, [0, 1]: what cameras and corruptions speak of
signed   real, [-1, 1]: what generators make and discriminators see
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Values = TypeVar("Values", Tensor, npt.NDArray[Any])

STORED_LEVELS = 256
"""Number of values an 8-bit sensor tells apart."""


def unit_from_stored(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """uint8 → unit, float64: u = image/255. Any shape."""
    return image / 255.0


def stored_from_unit(x: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """unit → uint8, rounded to nearest, clipped. Any shape."""
    return np.clip(np.rint(np.asarray(x) * 255.0), 0, 255).astype(np.uint8)


def unit_from_signed(x: Values) -> Values:
    """[-1, 1] → [0, 1]: x/2 + ½. Any shape."""
    return x / 2 + 0.5


def signed_from_unit(x: Values) -> Values:
    """[0, 1] → [-1, 1]: 2x − 1. Any shape."""
    return 2 * x - 1


def signed_difference(d: Values) -> Values:
    """A difference of unit values (noise) as a difference of signed values: 2d. Any shape."""
    return 2 * d


def unit_difference(d: Values) -> Values:
    """A difference of signed values (noise) as a difference of unit values: d/2. Any shape."""
    return d / 2


def stored_from_signed(x: Tensor) -> npt.NDArray[np.uint8]:
    """(B, C, H, W) signed tensor → (B, H, W, C) uint8 array on the host, rounded to nearest, clipped."""
    unit = unit_from_signed(x.detach().to("cpu", torch.float32)).permute(0, 2, 3, 1)
    return stored_from_unit(unit.numpy())


def dequantise(x: Tensor, u: Tensor, levels: int | Tensor = STORED_LEVELS) -> Tensor:
    """unit → signed as training feeds it: 2·(x·(L−1)/L − ½) + 2u/L, u uniform in [0, 1), same shape as x.

    levels: L, a number for all channels, or (C, 1, 1) float64 of a number for each.

    Fills the steps between the L values that the sensor tells apart, so that the discriminator cannot tell real images
    by their grid of levels. NR-GAN (Kaneko & Harada 2020), after the reference implementation, for L = 256.
    """
    shrunk, step = (levels - 1) / levels, 2 / levels
    if isinstance(shrunk, Tensor) and isinstance(step, Tensor):  # rounded once, as a Python number is
        shrunk, step = shrunk.to(x.dtype), step.to(x.dtype)
    return 2 * (x * shrunk - 0.5) + u * step


def nearest(x: Tensor, levels: int | Tensor) -> Tensor:
    """unit → unit, (B, C, H, W): the nearest of L evenly spaced values from 0 to 1; the gradient is that of x.

    levels: as `dequantise` has it. The gradient is the straight-through estimate (Bengio, Léonard & Courville 2013).
    """
    steps = levels - 1
    if isinstance(steps, Tensor):
        steps = steps.to(x.dtype)
    return x + (torch.round(x * steps) / steps - x).detach()


def levels_on(levels: int | tuple[int, ...], device: torch.device) -> int | Tensor:
    """Numbers of levels as `dequantise` takes them; made on the device, so that a graph can be captured of it."""
    if isinstance(levels, int):
        return levels
    made = [torch.full((1, 1), float(count), dtype=torch.float64, device=device) for count in levels]
    return torch.stack(made)


def nhwc(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(B, C, H, W) → (B, H, W, C), a view."""
    return images.transpose(0, 2, 3, 1)
