"""Frames of two kinds in one set: of two cameras, or of two settings of one."""

from __future__ import annotations

import math

import numpy as np

from nrgan.diagnosis.cells import Doubles
from nrgan.diagnosis.findings.base import Finding
from nrgan.diagnosis.looked import Looked

_FEWEST = 20
_LEAST_SHARE = 0.1
_APART = 4.0
"""Gap between two groups over the spread within them: in one group, however it is distributed, there is none."""
_MATTERS = 1.25
"""Ratio of two groups' levels that makes them two."""
_DARK = 0.01
"""Quantile of a frame's values that is its dark."""


def mixed_frames(looked: Looked) -> Finding:
    """Levels, or darks, of frames fall into two groups with nothing between them."""
    name = "mixed frames"
    if len(looked.frames) < _FEWEST:
        return Finding(name, False)
    level = np.maximum(looked.level.mean(1), looked.faintest + 1e-6)
    dark = np.quantile(looked.frames.reshape(len(looked.frames), -1), _DARK, axis=1).astype(np.float64)
    scale, rounding = float(np.median(level)) * _APART, max(looked.step, 0.0) / math.sqrt(12)
    for values, within, what in ((np.log(level), 0.0, "level"), (dark / scale, rounding / scale, "dark")):
        upper = _two_groups(values, within)
        if upper is not None and float(np.ptp([values[~upper].mean(), values[upper].mean()])) > np.log(_MATTERS):
            return _said(name, level if what == "level" else dark, upper, "noise" if what == "level" else "dark values")
    return Finding(name, False, 0.0, "of frames", None)


def _two_groups(values: Doubles, least_within: float) -> np.ndarray | None:
    """Which values are above a gap that parts them; None where there is none.

    least_within: the spread that values have by rounding, also where all of a group are rounded to the same one.
    """
    order = np.sort(values)
    least = max(int(_LEAST_SHARE * len(order)), 3)
    gaps = np.diff(order)[least - 1 : len(order) - least]
    if not len(gaps):
        return None
    split = int(gaps.argmax()) + least
    below, above = order[:split], order[split:]
    within = max(float(below.std()), float(above.std()), least_within, 1e-9)
    return None if order[split] - order[split - 1] < _APART * within else values >= order[split]


def _said(name: str, values: Doubles, upper: np.ndarray, what: str) -> Finding:
    groups = [(int(chosen.sum()), float(np.median(values[chosen]))) for chosen in (~upper, upper)]
    (few, low), (many, high) = groups
    words = f"the frames are of two kinds, {few} with {what} of {low:.3g} and {many} with {high:.3g} of 255"
    advice = "are they of two cameras, or of two settings? Diagnose and train each alone"
    return Finding(name, True, float(upper.mean()), "of frames", None, words, advice)
