"""Counts read off standard normal draws: N = F⁻¹(Φ(w); m), F the Poisson distribution of mean m.

So counts of different pixels or channels are related as their normal draws are, and each is Poisson by itself.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtr, pdtr
from torch import Tensor

Doubles = npt.NDArray[np.float64]
Values = TypeVar("Values", Tensor, npt.NDArray[np.float64])

_FEW = 8.0
"""Mean counts up to which the distribution is summed term by term."""
_TERMS = 28
"""Of those: more counts than that have a probability of 10⁻⁸ at a mean of 8."""


def counts(w: Doubles, mean: Doubles) -> Doubles:
    """The counts of means m >= 0 at draws w, any shape, exactly: the smallest N with F(N; m) >= Φ(w)."""
    u, n = ndtr(w), np.floor(_expanded(w, np.maximum(mean, 1))).clip(0)
    while (too_few := pdtr(n, mean) < u).any():
        n += too_few
    while (too_many := (n > 0) & (pdtr(n - 1, mean) >= u)).any():
        n -= too_many
    return n


def _expanded(w: Values, m: Values) -> Values:
    """Giles' expansion of the inverse, Q̃_N2 (ACM TOMS 42, 2016), whose floor is the count but for rounding.

    From a mean of 8 on, fewer than one in a thousand is another one than it should be, by 1.
    """
    w2, root = w * w, m**0.5
    skewed = m + root * w + (1 / 3 + w2 / 6) - w * (1 / 36 + w2 / 72) / root
    return skewed + (w2 * (7 / 810 + w2 / 270) - 8 / 405) / m


def counts_batch(w: Tensor, mean: Tensor) -> Tensor:
    """The same of tensors, for a step: no draw of torch's own Poisson, which waits and is no function of w.

    Means up to 8: by the sum of the distribution. Above: by the expansion.
    """
    few = mean.clamp(max=_FEW)
    term = torch.exp(-few)
    above, signs = torch.special.ndtr(w) - term, torch.zeros_like(w)
    for k in range(1, _TERMS + 1):  # in place, as hundreds of passes over memory cost more than the arithmetic
        signs.add_(above.sign())
        term.mul_(few).mul_(1 / k)
        above.sub_(term)
    count = ((signs + _TERMS) / 2).floor()
    return torch.where(mean <= _FEW, count, _expanded(w, mean.clamp(min=_FEW)).floor().clamp(min=0))
