"""Transformations T that leave noise alike, as a distribution, and images not: what tells one from the other.

Each takes noise (B, C, H, W), of any range, draws afresh for every sample, and gives noise of the same shape. Down is
along axis 2, from row to row; across is along axis 3, from column to column. The first three are those of NR-GAN
(Kaneko & Harada 2020), SI-NR-GAN-II; the others are the same idea for noise that has an axis, is stationary, or whose
channels belong together. What T keeps, a noise generator is free to make: take every T that the noise allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.errors import UserError, unknown
from nrgan.plugins import find_row, with_plugins

Invariance = Callable[[Tensor, Draws], Tensor]
_DOWN, _ACROSS = 2, 3


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


def invert(n: Tensor, draws: Draws) -> Tensor:
    """Changes the sign of all channels together with probability ½."""
    return n * (1 - 2 * draws.integers("inversion", (len(n), 1, 1, 1), 0, 2))


def rotate_half_turns(n: Tensor, draws: Draws) -> Tensor:
    """Rotates by 0 or 180 degrees."""
    return _where(draws, "half_turn", n, n.flip(_DOWN, _ACROSS))


def flip_across(n: Tensor, draws: Draws) -> Tensor:
    """Exchanges left and right with probability ½."""
    return _where(draws, "flip_across", n, n.flip(_ACROSS))


def flip_down(n: Tensor, draws: Draws) -> Tensor:
    """Exchanges top and bottom with probability ½."""
    return _where(draws, "flip_down", n, n.flip(_DOWN))


def flip(n: Tensor, draws: Draws) -> Tensor:
    """Exchanges left and right with probability ½, and independently top and bottom."""
    within = draws.within("flips")
    return flip_down(flip_across(n, within), within)


def shift_across(n: Tensor, draws: Draws) -> Tensor:
    """Shifts by whole pixels across, each shift as likely; what leaves at one side comes back at the other."""
    return _at(n, _ACROSS, _shifted(draws, "shift_across", n, _ACROSS))


def shift_down(n: Tensor, draws: Draws) -> Tensor:
    """Shifts by whole pixels down, each shift as likely; what leaves at the bottom comes back at the top."""
    return _at(n, _DOWN, _shifted(draws, "shift_down", n, _DOWN))


def shift(n: Tensor, draws: Draws) -> Tensor:
    """Shifts by whole pixels down and across, around the borders.

    The border meets its opposite inside the image: exact for white noise; correlated noise gets a seam, one pixel long
    in as many as the correlation reaches.
    """
    within = draws.within("shifts")
    return shift_down(shift_across(n, within), within)


def shuffle_rows(n: Tensor, draws: Draws) -> Tensor:
    """Puts the rows into random order, those of all channels alike."""
    return _at(n, _DOWN, draws.permutations("row_order", len(n), n.shape[_DOWN]))


def shuffle_columns(n: Tensor, draws: Draws) -> Tensor:
    """Puts the columns into random order, those of all channels alike."""
    return _at(n, _ACROSS, draws.permutations("column_order", len(n), n.shape[_ACROSS]))


def shuffle_pixels(n: Tensor, draws: Draws) -> Tensor:
    """Puts the pixels into random order, those of all channels alike."""
    order = draws.permutations("pixel_order", len(n), n.shape[_DOWN] * n.shape[_ACROSS])
    return n.flatten(2).gather(2, order[:, None].expand(-1, n.shape[1], -1)).view_as(n)


def _where(draws: Draws, name: str, n: Tensor, changed: Tensor) -> Tensor:
    return torch.where(draws.integers(name, (len(n), 1, 1, 1), 0, 2) == 1, changed, n)


def _shifted(draws: Draws, name: str, n: Tensor, axis: int) -> Tensor:
    """(B, length) places that a shifted axis takes its values from."""
    length = n.shape[axis]
    by = draws.integers(name, (len(n), 1), 0, length)
    return (torch.arange(length, device=n.device) - by) % length


def _at(n: Tensor, axis: int, places: Tensor) -> Tensor:
    """n with its values along an axis taken from the places (B, length of the axis) of each sample."""
    shape = [1] * n.ndim
    shape[0], shape[axis] = places.shape
    return n.gather(axis, places.view(shape).expand(n.shape))


@dataclass(frozen=True)
class InvarianceRow:
    """An invariance that can be named."""

    transform: Invariance
    holds: str
    """What must be true of the noise, to be said after "it"."""


INVARIANCES: dict[str, InvarianceRow] = {
    "quarter-turns": InvarianceRow(rotate_quarter_turns, "looks alike when it is turned by 90 degrees"),
    "half-turns": InvarianceRow(rotate_half_turns, "looks alike when it is turned by 180 degrees"),
    "flips": InvarianceRow(flip, "looks alike when it is mirrored, left to right or top to bottom"),
    "flip-across": InvarianceRow(flip_across, "looks alike when left and right are exchanged"),
    "flip-down": InvarianceRow(flip_down, "looks alike when top and bottom are exchanged"),
    "shifts": InvarianceRow(shift, "is the same everywhere in the image"),
    "shift-across": InvarianceRow(shift_across, "is the same in all columns"),
    "shift-down": InvarianceRow(shift_down, "is the same in all rows"),
    "shuffle-rows": InvarianceRow(shuffle_rows, "is as likely with its rows in any other order"),
    "shuffle-columns": InvarianceRow(shuffle_columns, "is as likely with its columns in any other order"),
    "shuffle-pixels": InvarianceRow(shuffle_pixels, "is as likely with its pixels in any other order: it is white"),
    "permute-channels": InvarianceRow(permute_channels, "looks alike when channels are exchanged"),
    "invert": InvarianceRow(invert, "is as often positive as negative"),
    "invert-channels": InvarianceRow(invert_channels, "is as often positive as negative, in each channel by itself"),
}
"""What the command line calls invariances."""
_GROUP = "nrgan.invariances"


def find_invariance(name: str) -> InvarianceRow:
    """The invariance of a name; raises `UserError` where there is none."""
    row = find_row(_GROUP, INVARIANCES, name, _is_invariance)
    if row is None:
        raise unknown("invariance", name, all_invariances())
    return row


def all_invariances() -> Mapping[str, InvarianceRow]:
    """Our rows, and those of installed packages."""
    return with_plugins(_GROUP, INVARIANCES, _is_invariance)


def _is_invariance(row: object) -> bool:
    return isinstance(row, InvarianceRow)
