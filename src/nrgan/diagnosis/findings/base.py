"""What one check says of a set of frames, and how chance would say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Doubles

CHANCE = 5e-5
"""How often a check may see what is not there: a dozen of them together, on images that are no textbook's, then stay
below one in a hundred."""
STANDARD_ERRORS = 4.0
"""The same for a normal variable, in its standard errors."""
AT_ENDS = 0.9
"""Share of impulses that are black or white, from which on all are."""
_RESAMPLES = 400


@dataclass(frozen=True)
class Finding:
    """One kind of noise: whether it is there, how strong, and what to do.

    strength: in `unit`; None where it is not told. error: its standard error, over resampled frames and places.
    words: what was seen, a clause; advice: what to do about it, or "".
    """

    name: str
    seen: bool
    strength: float | None = None
    unit: str = ""
    error: float | None = None
    words: str = ""
    advice: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What else is told of it, by name."""
    mend: str = ""
    """The repair that takes it off and leaves the rest of the noise as it is."""


def bootstrap(values: npt.NDArray[np.floating[Any]], seed: int = 0) -> float:
    """The standard error of a mean of independent values, over resampled ones; infinite for fewer than two."""
    if len(values) < 2:
        return float("inf")
    weights = np.random.default_rng(seed).multinomial(len(values), np.full(len(values), 1 / len(values)), _RESAMPLES)
    return float(np.std(weights @ values.astype(np.float64) / len(values)))


def robust_scale(values: npt.NDArray[np.floating[Any]]) -> float:
    """A standard deviation, from the median of absolute values."""
    return float(np.median(np.abs(values))) / 0.6745 if values.size else 0.0


def in_blocks(values: Doubles, used: npt.NDArray[np.bool_], rows: int) -> Doubles:
    """Means over blocks of so many rows of (F, H), the units that are resampled; of those that use half their rows."""
    blocks = max(values.shape[1] // rows, 1)
    rows = min(rows, values.shape[1])
    parts, chosen = (v[:, : blocks * rows].reshape(len(v) * blocks, rows) for v in (values, used))
    count = chosen.sum(1)
    told = 2 * count >= rows
    return np.asarray((parts * chosen).sum(1)[told] / count[told], np.float64)
