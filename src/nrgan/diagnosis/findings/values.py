"""What the values themselves are like: few steps, few photons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nrgan.diagnosis.cells import cell_means, mixed_difference, mixed_mean
from nrgan.diagnosis.findings.base import Finding
from nrgan.diagnosis.looked import Looked

_FEW = 40
"""Steps between the values that occur, of which fewer are few."""
_COARSE = 0.6
"""Level over step, below which rounding is a good part of the noise."""
FEW_PHOTONS = 12.0
"""Mean count, below which noise is far from Gaussian. Where counts are stored with gaps, a discriminator sees those."""
_LIKE_COUNTS = 0.12
"""Deviation of variance over mean from 1, in steps, up to which values are counts."""
_MOST_STEPS = 400
_GROUPS = 20
"""Groups of cells, by their mean."""
_FEWEST_EVENTS = 100.0
_FEWEST_EMPTY, _AS_MANY = 10.0, 2.0
"""Pixels without any event that are expected, and times that there may be more or fewer."""


def few_levels(looked: Looked) -> Finding:
    """Values that are rounded so coarsely that the rounding shows."""
    name = "few levels"
    steps = _steps(looked)
    if steps is None:
        return Finding(name, False)
    level = float(np.median(looked.level))
    if steps > _FEW or counts(looked) is not None:
        return Finding(name, False, float(steps), "steps", None)
    coarse = level < _COARSE * looked.step
    words = f"only {steps} different values occur" + (", more apart than the noise" if coarse else "")
    advice = "rounding is part of the noise, and a discriminator sees it: take files from before it, if there are any"
    return Finding(name, True, float(steps), "steps", None, words, advice)


def few_photons(looked: Looked) -> Finding:
    """Whole numbers of events: a few in each pixel, or stored with gaps between them.

    `numbers` have the law: the events that full signal counts, and the signal at which none is.
    """
    name = "few photons"
    found = counts(looked)
    if found is None or not (found.mean <= FEW_PHOTONS or looked.gaps):
        return Finding(name, False)
    mean, zero = found
    words = f"the values are counts of events, {mean:.2g} in a pixel in the mean"
    if mean > FEW_PHOTONS:
        words += f", stored {looked.step:.3g} of 255 apart"
    advice = "Gaussian models are wrong here; counts are known exactly"
    law = {"events": float(255 / looked.step), "dark": float(zero / 255)}
    return Finding(name, True, mean, "events", None, words, advice, law)


class Counts(NamedTuple):
    """Of pixels whose values are whole numbers of events. zero: where none is, 0..255."""

    mean: float
    zero: float


def counts(looked: Looked) -> Counts | None:
    """The mean count of a pixel, and where none is; None where the values are not whole numbers of events.

    Of counts the variance is the mean, in steps above the value of none: in dark places and in bright ones. That value
    is 0 in the files, or the lowest that occurs, where that occurs as often as no event would.
    """
    steps = _steps(looked)
    if steps is None or steps > _MOST_STEPS:
        return None
    lowest = float(looked.frames.min())
    if (mean := _mean_count(looked, looked.zero)) is not None:
        return Counts(mean, looked.zero)
    if abs(lowest - looked.zero) < looked.step / 2 or (mean := _mean_count(looked, lowest, empty=True)) is None:
        return None
    return Counts(mean, lowest)


def _mean_count(looked: Looked, zero: float, empty: bool = False) -> float | None:
    """Of counts from `zero` on; None where they are none. empty: also where pixels without any are not as many."""
    n = (looked.frames - np.float32(zero)) / np.float32(looked.step)
    mean = cell_means(mixed_mean(n, 1)).ravel()
    variance = cell_means(mixed_difference(n, 1) ** 2).ravel()
    order = np.argsort(mean)
    ratios = []
    for group in np.array_split(order, min(_GROUPS, len(order))):
        events = float(mean[group].mean(dtype=np.float64))
        if events * len(group) > _FEWEST_EVENTS:
            ratios.append(float(variance[group].mean(dtype=np.float64)) / events)
    if len(ratios) < _GROUPS // 4 or abs(float(np.median(ratios)) - 1) > _LIKE_COUNTS:
        return None
    if empty:
        expected, there = float(np.exp(-mean).mean(dtype=np.float64)), float((n < 0.5).mean())
        if expected * n.size < _FEWEST_EMPTY or not 1 / _AS_MANY < there / expected < _AS_MANY:
            return None
    return float(n.mean(dtype=np.float64))


def _steps(looked: Looked) -> int | None:
    """How many steps lie between the lowest and the highest value; None where values are not counted."""
    if looked.step <= 0:
        return None
    return round(float(looked.frames.max() - looked.frames.min()) / looked.step)
