"""How strong a noise is: one number for every image, or a range from which each image draws its own."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import RandomState
from torch import Tensor

from nrgan.draws import Draws
from nrgan.errors import UserError


@dataclass(frozen=True)
class Between:
    """A level drawn per image, uniform in [low, high); the bounds are included where the level is a whole number."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise UserError(f"Between(low={self.low}, high={self.high}): needs 0 <= low <= high")


Level = float | Between
"""A fixed level, or a range of levels."""


def draw_level(level: Level, rng: RandomState) -> float:
    """The level of one image. A fixed level takes no draw."""
    return float(rng.uniform(level.low, level.high)) if isinstance(level, Between) else level


def draw_levels(level: Level, batch: int, draws: Draws, name: str = "level") -> float | Tensor:
    """The levels of a batch: the fixed one, or (B, 1, 1, 1) values."""
    if isinstance(level, Between):
        return draws.uniform(name, (batch, 1, 1, 1), level.low, level.high)
    return level


def check_level(owner: object, field: str, level: Level, positive: bool = False) -> None:
    """Raises `UserError` unless the level is a number (or range) that is >= 0, or > 0 where `positive`."""
    low = level.low if isinstance(level, Between) else level
    if low < 0 or (positive and low == 0):
        bound = "> 0" if positive else ">= 0"
        raise UserError(f"{type(owner).__name__}: {field}={level} must be {bound}")
