"""A model as a row: noise that looks the same when it is turned by 90 degrees, or mirrored."""

import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.observation import InvarianceRow, Learned, rotate_quarter_turns


def mirror(n: Tensor, draws: Draws) -> Tensor:
    """Mirrors each sample's noise, (B, C, H, W), with probability ½."""
    mirrored = draws.integers("mirrored", (len(n), 1, 1, 1), 0, 2) == 1
    return torch.where(mirrored, n.flip(3), n)


MIRROR = InvarianceRow(mirror, "looks alike when it is mirrored")
MIRRORED = Learned(invariances=(rotate_quarter_turns, mirror), knowledge="turned or mirrored, it looks alike")
