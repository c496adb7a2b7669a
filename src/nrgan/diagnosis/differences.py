"""What noise is measured in: differences that suppress the image, or what repeats of one scene leave.

Each keeps the level of white noise: its response, the variance that it gives over that of the noise, is 1 there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nrgan.diagnosis.cells import Array, Doubles, mixed_difference, mixed_mean


class Difference(Protocol):
    """A filter, and the signal where it was applied."""

    def of(self, z: Array) -> Array:
        """Applied to (N, H, W, K): (N, H − d, W − d, K)."""

    def signal(self, y: Array) -> Array:
        """The signal there, from (N, H, W, C)."""

    def response(self, r: Doubles) -> float:
        """The variance of what it gives of noise with autocorrelation r, [dy][dx], over that of the noise."""


@dataclass(frozen=True)
class Mixed:
    """Differences of differences of pixels `spacing` apart (see `mixed_difference`)."""

    spacing: int = 1

    def of(self, z: Array) -> Array:
        return mixed_difference(z, self.spacing)

    def signal(self, y: Array) -> Array:
        return mixed_mean(y, self.spacing)

    def response(self, r: Doubles) -> float:
        d = self.spacing
        return float(1 - r[0, d] - r[d, 0] + r[d, d]) if d < len(r) else 1.0


_SECOND = np.array([1.0, -2.0, 1.0])


@dataclass(frozen=True)
class Fine:
    """Second differences both ways, ([1, −2, 1] ⊗ [1, −2, 1])/6: of a smooth image they leave less than first ones.

    Immerkær, Fast Noise Variance Estimation (1996).
    """

    def of(self, z: Array) -> Array:
        return second_differences(second_differences(z, 2), 1) / np.float32(6)

    def signal(self, y: Array) -> Array:
        return y[:, 1:-1, 1:-1]

    def response(self, r: Doubles) -> float:
        w = np.outer(_SECOND, _SECOND) / 6
        places = list(np.ndindex(3, 3))
        return float(sum(w[a] * w[b] * r[abs(a[0] - b[0]), abs(a[1] - b[1])] for a in places for b in places))


@dataclass(frozen=True)
class Along:
    """Second differences along one axis, [1, −2, 1]/√6: noise that is correlated along the other keeps its level."""

    axis: int
    """1: down the rows; 2: across."""

    def of(self, z: Array) -> Array:
        return second_differences(z, self.axis) / np.float32(np.sqrt(6))

    def signal(self, y: Array) -> Array:
        return y[:, 1:-1] if self.axis == 1 else y[:, :, 1:-1]

    def response(self, r: Doubles) -> float:
        near, next_but_one = (r[1, 0], r[2, 0]) if self.axis == 1 else (r[0, 1], r[0, 2])
        return float(1 - 4 / 3 * near + 1 / 3 * next_but_one)


@dataclass(frozen=True)
class Repeated:
    """What is noise alone already: differences of two frames of one scene, over √2."""

    def of(self, z: Array) -> Array:
        return z

    def signal(self, y: Array) -> Array:
        return y

    def response(self, r: Doubles) -> float:
        return 1.0


def first_differences(z: Array, axis: int) -> Array:
    """z(p) − z(p + 1) along an axis."""
    n = z.shape[axis]
    return np.asarray(z.take(range(n - 1), axis) - z.take(range(1, n), axis), np.float32)


def second_differences(z: Array, axis: int) -> Array:
    """z(p) − 2·z(p + 1) + z(p + 2) along an axis."""
    return first_differences(first_differences(z, axis), axis)
