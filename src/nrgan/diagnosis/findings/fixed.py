"""What lies at fixed places of the sensor: an offset or a gain of each pixel, hot and dead pixels.

A pattern is in the mean of many frames, and the same in two halves of them; scenes are not, where frames differ.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Doubles
from nrgan.diagnosis.differences import Difference
from nrgan.diagnosis.findings.base import Finding, robust_scale
from nrgan.diagnosis.findings.mosaic import alternation, without_alternation
from nrgan.diagnosis.looked import Looked, residuals
from nrgan.frames import HOT_PIXELS

FEWEST_FRAMES = 12
_SHIFTS = 300
_NEAREST = 3
"""Pixels that a shifted copy lies apart, at least: a pattern is not like itself there, an image may be."""
_STANDARD_ERRORS = 6.0
"""Of shifted copies, beyond which two halves are alike: their distribution has longer tails than a normal one."""
_KEPT = 1.125
"""The variance of `residuals` of white values, over theirs: 1 + 8·(1/8)²."""
_KEPT_OF_LINES = 0.84
"""The same of columns' offsets: (3/4)² + 2·(3/8)²."""
_DRAWN = (256, 256)
_CLIP = 3.0
_HOT = 12.0
"""Robust standard deviations of all pixels' means, beyond which one of both halves is hot or dead."""
_ISOLATED = 0.5
_STRONG = 0.5
"""Of the noise of one frame, what a hot pixel has at least: weaker ones are the pattern's."""
_MOST_HOT = 0.05
_FAINTEST = 0.5
_GAIN = 0.5


def fixed_pattern(looked: Looked) -> Finding:
    """An offset or a gain of each pixel of the sensor."""
    name = "fixed pattern"
    if not _can_tell(looked):
        return Finding(name, False)
    halves = _halves(looked)
    turns, of_turns, between = alternation(*halves)
    a, b = (without_alternation(half) for half in halves)  # shifted by two pixels it is itself, and no chance
    chance = _by_chance(a, b)
    covariance = float((a * b).mean())
    along = max(_of_lines(a, b), _of_lines(a.transpose(1, 0, 2), b.transpose(1, 0, 2)))
    seen = covariance > _STANDARD_ERRORS * chance or along > 0
    rest = max(float(np.sqrt(max(covariance, 0.0) / _KEPT)), along) if seen else 0.0
    strength = float(np.hypot(rest, turns))
    if strength <= looked.faintest:
        return Finding(name, False, 0.0, "of 255", None)
    error = float(np.hypot(rest * chance / max(2 * covariance, 1e-12), of_turns))
    kind = "a gain" if _grows_with_signal(looked, halves[0]) > _GAIN else "an offset"
    words = f"each pixel of the sensor has {kind} of its own ({strength:.2g} of 255 in the mean)"
    if turns > rest:
        words = f"{between} have {kind} of their own ({strength:.2g} of 255)"
    advice = "<mend> fixed-pattern takes it off, best with <dark> and <flat> frames"
    return Finding(name, True, strength, "of 255", error, f"{words}, the same in every frame", advice)


def pattern_energy(looked: Looked, difference: Difference) -> float:
    """The mean energy that the pattern has in a difference: what both halves of frames share of it.

    Told from residuals, in which scenes weigh less; a white pattern has in a difference of residuals a share of what it
    has in the difference itself, which a drawn one tells.
    """
    a, b = (np.asarray(half[None], np.float32) for half in _halves(looked))
    white = np.random.default_rng(0).standard_normal((1, *_DRAWN, 1), np.float32)
    kept = float(np.mean(difference.of(residuals(white)) ** 2) / np.mean(difference.of(white) ** 2))
    return max(float(np.mean(difference.of(a) * difference.of(b), dtype=np.float64)) / kept, 0.0)


def hot_pixels(looked: Looked) -> Finding:
    """Pixels of the sensor that stand out in every frame."""
    name = "hot pixels"
    if not _can_tell(looked):
        return Finding(name, False)
    hot = hot_places(looked)
    count, share = int(hot.sum()), float(hot.mean())
    if not count:
        return Finding(name, False, 0.0, "of pixels", None)
    words = f"{count} pixel{'s' if count > 1 else ''} of the sensor ({share:.2%}) stand{'' if count > 1 else 's'} out"
    error = count**0.5 / hot.size
    advice = f"<mend> {HOT_PIXELS} fills them in"
    return Finding(name, True, share, "of pixels", error, f"{words} in every frame", advice, mend=HOT_PIXELS)


def hot_places(looked: Looked) -> npt.NDArray[np.bool_]:
    """Which places stand out in both halves of frames, (H − 2, W − 2, C); none where that cannot be told."""
    if not _can_tell(looked):
        return np.zeros((*looked.inner.shape[1:],), bool)
    a, b = looked.residual_halves
    less = np.minimum(np.abs(a), np.abs(b))
    scale = max(robust_scale(a), robust_scale(b), 1e-6)
    least = max(2 * looked.step, _STRONG * float(np.median(looked.level)), _FAINTEST)
    hot = (less > _HOT * scale) & (less > least) & (np.sign(a) == np.sign(b)) & _alone(less)
    return hot if hot.mean() < _MOST_HOT else np.zeros_like(hot)


def _can_tell(looked: Looked) -> bool:
    return looked.differ and len(looked.frames) >= FEWEST_FRAMES and min(looked.frames.shape[1:3]) >= 16


def _halves(looked: Looked) -> tuple[Doubles, Doubles]:
    """Mean residuals of every place over both halves of frames, (H − 2, W − 2, C) each; 0 at hot pixels."""
    # the means around hot pixels are wrong too
    half, hot = len(looked.frames) // 2, _with_neighbours(hot_places(looked))
    means = []
    for part in (looked.frames[:half], looked.frames[half:]):
        residual = residuals(part)
        scale = np.median(np.abs(residual), axis=(1, 2, 3), keepdims=True) / 0.6745
        mean = np.clip(residual, -_CLIP * scale, _CLIP * scale).mean(0, dtype=np.float64)
        means.append(np.where(hot, 0.0, mean - mean.mean((0, 1))))
    return means[0], means[1]


def _with_neighbours(places: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    h, w = places.shape[:2]
    padded = np.pad(places, ((1, 1), (1, 1), (0, 0)))
    return np.asarray(np.any([padded[i : i + h, j : j + w] for i in range(3) for j in range(3)], axis=0))


def _by_chance(a: Doubles, b: Doubles) -> float:
    """The standard deviation of the mean product of a with shifted copies of b."""
    rng = np.random.default_rng(0)
    h, w = a.shape[:2]
    products = []
    for _ in range(_SHIFTS):
        down, across = int(rng.integers(_NEAREST, h - _NEAREST + 1)), int(rng.integers(_NEAREST, w - _NEAREST + 1))
        products.append(float((a * np.roll(b, (down, across), (0, 1))).mean()))
    return float(np.sqrt(np.mean(np.square(products)))) + 1e-12


def _alone(out: Doubles) -> npt.NDArray[np.bool_]:
    """Pixels beside which none stands out about as much."""
    padded = np.pad(out, ((1, 1), (1, 1), (0, 0)))
    h, w = out.shape[:2]
    around = [padded[i : i + h, j : j + w] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    return np.asarray(np.max(around, axis=0) < _ISOLATED * out)


def _of_lines(a: Doubles, b: Doubles) -> float:
    """The level of what whole columns have in common in both halves; 0 where it is no more than chance."""
    lines = a.mean(0), b.mean(0)
    covariance = float((lines[0] * lines[1]).mean())
    width = len(lines[0])
    shifted = [(lines[0] * np.roll(lines[1], k, 0)).mean() for k in range(_NEAREST, width - _NEAREST + 1)]
    chance = float(np.sqrt(np.mean(np.square(shifted)))) + 1e-12
    return float(np.sqrt(covariance / _KEPT_OF_LINES)) if covariance > _STANDARD_ERRORS * chance else 0.0


def _grows_with_signal(looked: Looked, pattern: Doubles) -> float:
    """How the pattern grows with the signal: 0 for an offset, 1 where it is proportional to it."""
    second = looked.frames[len(looked.frames) // 2 :]
    signal = looked.around[len(looked.frames) // 2 :].astype(np.float64)
    signal -= looked.zero if looked.zero <= float(signal.min()) else float(signal.min())
    mean = float(signal.mean())
    apart = signal - mean
    weighted = pattern * apart
    return float((residuals(second) * weighted).sum() / max((pattern * weighted * apart).sum(), 1e-12) * mean)
