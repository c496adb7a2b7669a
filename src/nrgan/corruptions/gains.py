"""Known relations between signal and noise level: the standard deviation is proportional to g(x), x unit range."""

from __future__ import annotations

from torch import Tensor


def proportional(x: Tensor) -> Tensor:
    """g(x) = x: multiplicative noise."""
    return x


def square_root(x: Tensor) -> Tensor:
    """g(x) = √x: counting (Poisson) noise."""
    return x.sqrt()
