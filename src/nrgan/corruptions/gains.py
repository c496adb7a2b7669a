"""Known relations between signal and noise level."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class SignalGain(NamedTuple):
    """The noise's standard deviation is proportional to g(x), x the unit-range signal; same shapes."""

    name: str
    g: Callable[[Tensor], Tensor]


PROPORTIONAL = SignalGain("proportional", lambda x: x)
"""g(x) = x: multiplicative noise."""

SQUARE_ROOT = SignalGain("square root", lambda x: x.sqrt())
"""g(x) = √x: counting (Poisson) noise."""
