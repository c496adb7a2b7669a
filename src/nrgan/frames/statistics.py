"""How the values of a set of images are distributed: what a value range is chosen by."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.frames.frame import Pixels
from nrgan.frames.outliers import SharpPixels

SAMPLE = 1_000_000
"""About how many values of real-valued images are kept; of integers, all are counted."""


@dataclass(frozen=True)
class Values:
    """Distinct or sampled values of one image.

    values, channels, weights: (K,) each value, the channel that has it, and how many values of that channel it stands
    for. low, high: exactly the least and the greatest value of each channel.
    """

    values: npt.NDArray[Any]
    channels: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float64]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def constant(self) -> bool:
        """Whether the image is of a single value."""
        return min(self.low) == max(self.high)


@dataclass(frozen=True)
class Share:
    """Part `part` of image `index`, of so many images in so many parts each: how much of a sample it may have."""

    index: int
    images: int
    part: int = 0
    parts: int = 1


def values_of(image: Pixels, share: Share, missing: npt.NDArray[np.bool_] | None = None) -> Values | None:
    """The values of an image (H, W, C) or a part of it; of real ones an even share of `SAMPLE`, the same in every run.

    missing: (H, W), pixels that have none. None where no pixel has one.
    """
    pixels = image.reshape(-1, image.shape[2]) if missing is None else image[~missing]
    if not len(pixels):
        return None
    flat, channels = pixels.reshape(-1), image.shape[2]
    planes = [flat[channel::channels] for channel in range(channels)]
    return _counted(planes) if image.dtype.kind in "ui" else _sampled(flat, planes, share)


def _counted(planes: list[npt.NDArray[Any]]) -> Values:
    least = lowest(planes[0].dtype.name)
    counts = [np.bincount(plane if not least else plane.astype(np.int32) - least) for plane in planes]
    levels = [np.flatnonzero(of_channel) for of_channel in counts]
    return Values(
        values=np.concatenate(levels) + least,
        channels=np.repeat(np.arange(len(planes), dtype=np.uint8), [len(found) for found in levels]),
        weights=np.concatenate([c[found] for c, found in zip(counts, levels, strict=True)]).astype(np.float64),
        low=tuple(float(found[0] + least) for found in levels),
        high=tuple(float(found[-1] + least) for found in levels),
    )


def lowest(dtype: str) -> int:
    """The least value that an integer type holds."""
    return int(np.iinfo(dtype).min)


def _sampled(flat: npt.NDArray[Any], planes: list[npt.NDArray[Any]], share: Share) -> Values:
    most = math.ceil(SAMPLE / share.images / share.parts)
    if len(flat) > most:
        rng = np.random.Generator(np.random.Philox(key=[1 + share.part, share.index]))
        chosen = rng.integers(0, len(flat), most)
    else:
        chosen = np.arange(len(flat))
    return Values(
        values=flat[chosen],
        channels=(chosen % len(planes)).astype(np.uint8),
        weights=np.full(len(chosen), len(flat) / len(chosen)),
        low=tuple(float(plane.min()) for plane in planes),
        high=tuple(float(plane.max()) for plane in planes),
    )


@dataclass(frozen=True, eq=False)
class Statistics:
    """The distribution of all values of a set.

    low, high: exactly the least and the greatest value. values: (K,) ascending. weights: (K,) how many values of the
    set each stands for. by_channel: the same of each channel alone; empty where there is one channel. sharp: single
    pixels that stand out; None where nobody looked for them (in 8 bits).

    Exact for integers; for float32 a sample, in which every image has the same number of values and each
    counts by its image's size.
    """

    low: float
    high: float
    values: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    by_channel: tuple[Statistics, ...] = ()
    sharp: SharpPixels | None = None

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
    """Adds up the values of images of one type and number of channels."""

    def __init__(self, channels: int, dtype: str) -> None:
        real = dtype == "float32"
        self.least = 0 if real else lowest(dtype)
        self.counts = None if real else np.zeros((channels, np.iinfo(dtype).max - self.least + 1))
        self.sampled: list[Values] = []
        self.low, self.high = [math.inf] * channels, [-math.inf] * channels

    def add(self, seen: Values) -> None:
        self.low = [min(ends) for ends in zip(self.low, seen.low, strict=True)]
        self.high = [max(ends) for ends in zip(self.high, seen.high, strict=True)]
        if self.counts is not None:
            # by one index and not by two, which takes a third of the time
            places = seen.channels.astype(np.int64) * self.counts.shape[1] + (seen.values.astype(np.int64) - self.least)
            self.counts.reshape(-1)[places] += seen.weights
        else:
            self.sampled.append(seen)

    def statistics(self, sharp: SharpPixels | None = None) -> Statistics:
        """Of all that was added."""
        low, high, several = min(self.low), max(self.high), len(self.low) > 1
        if self.counts is not None:
            parts = [
                _of_counts(least, most, counts, self.least)
                for least, most, counts in zip(self.low, self.high, self.counts, strict=True)
            ]
            return replace(
                _of_counts(low, high, self.counts.sum(axis=0), self.least, tuple(parts) if several else ()), sharp=sharp
            )
        values = np.concatenate([seen.values for seen in self.sampled]).astype(np.float64)
        order = np.argsort(values, kind="stable")
        values, weights, channels = (
            values[order],
            np.concatenate([seen.weights for seen in self.sampled])[order],
            np.concatenate([seen.channels for seen in self.sampled])[order],
        )
        by_channel = (
            Statistics(least, most, values[channels == channel], weights[channels == channel])
            for channel, (least, most) in enumerate(zip(self.low, self.high, strict=True))
        )
        return Statistics(low, high, values, weights, tuple(by_channel) if several else (), sharp)


def _of_counts(
    low: float, high: float, counts: npt.NDArray[np.float64], least: int, by_channel: tuple[Statistics, ...] = ()
) -> Statistics:
    """From how often each whole number from `least` on occurs."""
    levels = np.flatnonzero(counts)
    return Statistics(low, high, (levels + least).astype(np.float64), counts[levels], by_channel)
