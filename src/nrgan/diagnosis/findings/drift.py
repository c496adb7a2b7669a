"""Levels that drift from frame to frame: of the noise, and of the light."""

from __future__ import annotations

import math

import numpy as np

from nrgan.diagnosis.cells import Doubles
from nrgan.diagnosis.findings.base import CHANCE, Finding
from nrgan.diagnosis.looked import Looked

_FEWEST = 20
_FAINTEST = 0.1
_SHUFFLES = 4000
_LEAST = 0.1
"""Relative change of the level over the set, below which it does not matter."""


def drift(looked: Looked) -> Finding:
    """The level of the noise follows the order of the frames."""
    name = "drift"
    if len(looked.frames) < _FEWEST:
        return Finding(name, False)
    level = looked.level.mean(1)
    if float(np.median(level)) <= max(looked.step / 2, _FAINTEST):
        return Finding(name, False)
    slow = _smooth(level)
    change = float((slow.max() - slow.min()) / np.median(level))
    seen = change > _LEAST and _by_chance(level) < CHANCE
    if not seen:
        return Finding(name, False, 0.0, "of the level", None)
    words = f"the level of the noise drifts over the frames, from {slow[0]:.3g} to {slow[-1]:.3g} of 255"
    if abs(slow[-1] - slow[0]) < change * np.median(level) / 2:
        words = f"the level of the noise drifts over the frames, between {slow.min():.3g} and {slow.max():.3g} of 255"
    advice = "train on parts of alike level (<frames>), or with a model whose level varies from image to image"
    return Finding(name, True, change, "of the level", float(np.std(level - slow) / level.mean()), words, advice)


def _smooth(level: Doubles) -> Doubles:
    """A running median over a fifth of the frames."""
    half = max(len(level) // 10, 2)
    return np.array([np.median(level[max(k - half, 0) : k + half + 1]) for k in range(len(level))])


def _by_chance(level: Doubles) -> float:
    """How often shuffled levels are as even from one frame to the next (von Neumann's ratio of ranks)."""
    ranks = np.argsort(np.argsort(level)).astype(np.float64)
    rng = np.random.default_rng(0)
    seen = np.square(np.diff(ranks)).sum()
    shuffled = [np.square(np.diff(rng.permutation(ranks))).sum() for _ in range(_SHUFFLES)]
    # a normal tail, for some chances are rarer than shuffles
    mean, deviation = float(np.mean(shuffled)), float(np.std(shuffled))
    return math.erfc((mean - seen) / max(deviation, 1e-9) / math.sqrt(2)) / 2
