"""How the values of a set of images are distributed: what a value range is chosen by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.data.own.pixels import Pixels

SAMPLE = 1_000_000
"""About how many values of real-valued images are kept; of integers, all are counted."""


@dataclass(frozen=True)
class Values:
    """Distinct or sampled values of one image and how many pixels' values each stands for."""

    values: npt.NDArray[Any]
    weights: npt.NDArray[np.float64]
    low: float
    high: float


def values_of(image: Pixels, index: int, images: int) -> Values:
    """The values of image `index` of so many; of real ones an even share of `SAMPLE`, the same in every run."""
    flat = image.reshape(-1)
    low, high = float(flat.min()), float(flat.max())
    if image.dtype.kind == "u":
        counts = np.bincount(flat)
        levels = np.flatnonzero(counts)
        return Values(levels.astype(image.dtype), counts[levels].astype(np.float64), low, high)
    share = math.ceil(SAMPLE / images)
    if len(flat) > share:
        flat = flat[np.random.Generator(np.random.Philox(key=[1, index])).integers(0, len(flat), share)]
    return Values(flat.copy(), np.full(len(flat), image.size / len(flat)), low, high)


@dataclass(frozen=True, eq=False)
class Statistics:
    """The distribution of all values of a set.

    low, high: exactly the least and the greatest value. values: (K,) ascending. weights: (K,) how many values of the
    set each stands for. Exact for uint8 and uint16; for float32 a sample, in which every image has the same number of
    values and each counts by its image's size.
    """

    low: float
    high: float
    values: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    def quantile(self, share: float) -> float:
        """The least value that at least this share (0 to 1) of the values does not exceed."""
        if share <= 0:
            return self.low
        if share >= 1:
            return self.high
        reached = np.cumsum(self.weights)
        index = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
        return float(self.values[min(index, len(self.values) - 1)])

    def share_below(self, value: float) -> float:
        """The share (0 to 1) of the values that are less."""
        return float(self.weights[: np.searchsorted(self.values, value, "left")].sum() / self.weights.sum())

    def share_above(self, value: float) -> float:
        """The share (0 to 1) of the values that are greater."""
        return float(self.weights[np.searchsorted(self.values, value, "right") :].sum() / self.weights.sum())


class Tally:
    """Adds up the values of images of one type."""

    def __init__(self, dtype: str) -> None:
        self.counts = np.zeros(1 << 16, np.float64) if dtype != "float32" else None
        self.values: list[npt.NDArray[Any]] = []
        self.weights: list[npt.NDArray[np.float64]] = []
        self.low, self.high = math.inf, -math.inf

    def add(self, seen: Values) -> None:
        self.low, self.high = min(self.low, seen.low), max(self.high, seen.high)
        if self.counts is not None:
            self.counts[seen.values] += seen.weights
        else:
            self.values.append(seen.values)
            self.weights.append(seen.weights)

    def statistics(self) -> Statistics:
        if self.counts is not None:
            levels = np.flatnonzero(self.counts)
            return Statistics(self.low, self.high, levels.astype(np.float64), self.counts[levels])
        values, weights = np.concatenate(self.values).astype(np.float64), np.concatenate(self.weights)
        order = np.argsort(values, kind="stable")
        return Statistics(self.low, self.high, values[order], weights[order])
