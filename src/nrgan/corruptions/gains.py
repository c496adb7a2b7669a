"""Known relations between signal and noise level."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class SignalGain(NamedTuple):
    """The noise's standard deviation is proportional to g(x), x the unit-range signal; same shapes."""

    name: str
    g: Callable[[Tensor], Tensor]
    """A function with a name, so that what holds it travels to other processes."""


def _itself(x: Tensor) -> Tensor:
    return x


PROPORTIONAL = SignalGain("proportional", _itself)
"""g(x) = x: multiplicative noise."""

SQUARE_ROOT = SignalGain("square root", torch.sqrt)
"""g(x) = √x: counting (Poisson) noise."""
