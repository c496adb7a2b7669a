"""What noisy images cannot tell of their noise. A new doubt is one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nrgan.diagnosis.laws import OTHER, UNKNOWN
from nrgan.diagnosis.values import Diagnosis

_FEW = 300
_NARROW = 100
"""A range of signals, of 255, over which even noise that depends on the signal changes little."""
_FAINT = 12
_TELLING = 9.0
"""Difference of chi² from which one law is told from another."""


@dataclass(frozen=True)
class _Doubt:
    """When something cannot be told, and the sentence that says so, with places for what `unknowns` fills in."""

    holds: Callable[[Diagnosis], bool]
    sentence: str


def unknowns(found: Diagnosis) -> list[str]:
    """What the images cannot tell, in words."""
    low, high = _usable_signals(found)
    words = {"found": found, "low": low, "high": high, "likely": " or to ".join(_likely(found))}
    return [doubt.sentence.format_map(words) for doubt in _DOUBTS if doubt.holds(found)]


def _usable_signals(found: Diagnosis) -> tuple[float, float]:
    """The lowest and the highest signal, of 255, at which the level is known; 0 and 0 where there is none."""
    known = [s for s, v in zip(found.signal, found.level_at_signal, strict=True) if v is not None]
    return min(known, default=0.0), max(known, default=0.0)


def _narrow(found: Diagnosis) -> bool:
    low, high = _usable_signals(found)
    return not found.little_noise and not found.depends_on_signal and high - low < _NARROW


def _likely(found: Diagnosis) -> list[str]:
    """What the level may be proportional to: by the law that was chosen, and by those that fit about as well."""
    chosen = found.relation
    if chosen is None or not chosen.law.depends:
        return []
    dependent = [fitted for fitted in found.laws.values() if fitted.law.depends]
    return [fitted.law.proportional_to for fitted in dependent if abs(fitted.chi2 - chosen.chi2) < _TELLING]


_DOUBTS = (
    _Doubt(
        lambda found: found.images < _FEW,
        "{found.images} images are few: the estimates are rough",
    ),
    _Doubt(
        lambda found: found.little_noise,
        "no noise is seen beside the images' own detail; white noise of a level below {found.level_below:.1f} (of 255)"
        " may be there, or noise correlated over several pixels of one below {found.correlated_below:.1f}",
    ),
    _Doubt(
        _narrow,
        "only signals of {low:.0f} to {high:.0f} (of 255) are usable, hardly enough to tell whether the noise depends"
        " on the signal",
    ),
    _Doubt(
        lambda found: found.level_inside is not None and found.level_inside < _FAINT,
        "noise in a part of each image may be fine detail of the images",
    ),
    _Doubt(
        lambda found: len(_likely(found)) > 1,
        "the images do not tell whether the level is proportional to {likely}",
    ),
    _Doubt(
        lambda found: found.dependence == OTHER,
        "no relation of noise to signal that is known here fits the curve; fine detail of the images may be in it",
    ),
    _Doubt(
        lambda found: found.size[2] == 1 and not found.white and not found.little_noise,
        "with one channel, fine detail of the images is not told from noise that is correlated over pixels",
    ),
    _Doubt(
        lambda found: found.size[2] > 1 and not found.independent_channels and not found.little_noise,
        "the channels' noise may be correlated, or fine detail of the images may be in it: the level is a guess",
    ),
    _Doubt(
        lambda found: found.tails == UNKNOWN and not found.little_noise,
        "too few smooth places to tell whether the values are Gaussian",
    ),
)
