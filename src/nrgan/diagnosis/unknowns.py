"""What noisy images cannot tell of their noise. A new doubt is one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nrgan.diagnosis.curve import FEWEST_BINS
from nrgan.diagnosis.findings.base import AT_ENDS, Finding
from nrgan.diagnosis.laws import OTHER, UNKNOWN, FittedLaw
from nrgan.diagnosis.values import Diagnosis

_ROUGH = 0.03
"""Relative standard error of the level, from which it is rough."""
_DEPENDS = 1.25
"""Ratio of levels over the signals that occur: noise that may depend on the signal so much is not told to be free of
it."""
_DEVIATIONS = 2.0
_MISFIT = 4.0
"""Squared deviations of the curve from its law, in standard errors, in the mean: what more is no chance."""
_FAINT = 12
_TELLING = 9.0
"""Difference of chi² from which one law is told from another."""
_IN_LAWS = ("row offsets", "column offsets", "one-axis correlation", "shared channels", "few photons", "few levels")
"""Findings that a law has, or that change nothing about it."""


@dataclass(frozen=True)
class _Doubt:
    """When something cannot be told, and the sentence that says so, with places for what `unknowns` fills in."""

    holds: Callable[[Diagnosis], bool]
    sentence: str
    of_level: bool = False
    """Whether the level may be that of something else than noise, or far off."""


def unknowns(found: Diagnosis) -> list[str]:
    """What the images cannot tell, in words."""
    return _said(found, _DOUBTS)


def level_doubts(found: Diagnosis) -> list[str]:
    """Those of `unknowns` for which the level is not to be relied on."""
    return _said(found, [doubt for doubt in _DOUBTS if doubt.of_level])


def _said(found: Diagnosis, doubts: Sequence[_Doubt]) -> list[str]:
    low, high = _usable_signals(found)
    words = {"found": found, "low": low, "high": high, "outside": "; ".join(_outside(found))}
    if found.relation is not None:
        words |= {"law": found.relation.law.name, "misfit": found.relation.misfit}
    if found.quiet is not None:
        words |= {"quiet": found.quiet.fine, "coarse": found.quiet.coarse}
    return [doubt.sentence.format_map(words) for doubt in doubts if doubt.holds(found)]


def _usable_signals(found: Diagnosis) -> tuple[float, float]:
    """The lowest and the highest signal, of 255, at which the level is known; 0 and 0 where there is none."""
    known = [s for s, v in zip(found.signal, found.level_at_signal, strict=True) if v is not None]
    return min(known, default=0.0), max(known, default=0.0)


def _narrow(found: Diagnosis) -> bool:
    """Whether the usable signals leave room for a dependence that matters among those that occur."""
    if found.little_noise or found.depends_on_signal:
        return False
    usable, (low, high) = _usable_signals(found), (signal / 255 for signal in found.signals)
    if usable[0] >= usable[1]:
        return True
    return any(_ratio(fitted, low, high) > _DEPENDS for fitted in found.laws.values() if fitted.law.depends)


def _ratio(fitted: FittedLaw, low: float, high: float) -> float:
    """Of the levels at two signals, as large as the law may have it."""
    most = replace(fitted, c=fitted.c + _DEVIATIONS * fitted.c_error)
    least, greatest = (float(most.variance(np.array([x]))[0]) for x in (low, high))
    return float(np.sqrt(greatest / max(least, 1e-9)))


def likely_laws(found: Diagnosis) -> list[str]:
    """What the level may be proportional to: by the law that was chosen, and by those that fit about as well."""
    chosen = found.relation
    if chosen is None or not chosen.law.depends:
        return []
    dependent = [fitted for fitted in found.laws.values() if fitted.law.depends]
    return [fitted.law.proportional_to for fitted in dependent if abs(fitted.chi2 - chosen.chi2) < _TELLING]


def _misfits(found: Diagnosis) -> bool:
    """Whether the law that was chosen is off its curve by more than errors explain."""
    law, bins = found.relation, sum(level is not None for level in found.level_at_signal)
    return law is not None and law.chi2 > _MISFIT * bins and bins >= FEWEST_BINS and not found.little_noise


def _salt_and_pepper(seen: Finding) -> bool:
    return seen.name == "impulses" and seen.numbers.get("at ends", 0.0) > AT_ENDS


def _outside(found: Diagnosis) -> list[str]:
    """What was seen that is no part of the noise models."""
    return [
        seen.words for seen in found.findings if seen.seen and seen.name not in _IN_LAWS and not _salt_and_pepper(seen)
    ]


def _detail(found: Diagnosis) -> bool:
    """Whether the quietest places are unlike what the noise that was found makes of them."""
    return found.quiet is not None and not found.quiet.level_holds


def _coarse_detail(found: Diagnosis) -> bool:
    quiet = found.quiet
    return quiet is not None and quiet.level_holds and not quiet.correlation_holds and not found.repeated


_DOUBTS = (
    _Doubt(
        lambda found: not found.little_noise and found.error > _ROUGH * found.level,
        "{found.images} images are few: the level is known to {found.error:.2g} only",
        of_level=True,
    ),
    _Doubt(
        lambda found: found.little_noise and not found.repeated,
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
        lambda found: found.dependence == OTHER,
        "no relation of noise to signal that is known here fits the curve; fine detail of the images may be in it",
    ),
    _Doubt(
        _misfits,
        "the curve is not quite that of a {law} law: its levels are off by {misfit:.0%} in the mean",
    ),
    _Doubt(
        lambda found: not found.correlation_told and not found.little_noise,
        "noise that is correlated over pixels is not told from the images' fine detail here",
    ),
    _Doubt(
        lambda found: found.size[2] == 1 and not found.white and not found.little_noise and not found.repeated,
        "with one channel, fine detail of the images is not told from noise that is correlated over pixels",
    ),
    _Doubt(
        _detail,
        "the quietest places have {quiet:.0%} of the level that such noise would have there: some of what was found is"
        " detail of the images, or noise of another kind",
        of_level=True,
    ),
    _Doubt(
        _coarse_detail,
        "coarser differences are {coarse:.1f} times what this noise makes of them, even in the quietest places: noise"
        " that is correlated over pixels may be there too, or detail of the images is everywhere",
    ),
    _Doubt(
        lambda found: found.quiet is None and not found.little_noise and not found.local,
        "too few usable places to check the estimate by what it predicts",
        of_level=True,
    ),
    _Doubt(
        lambda found: (
            found.size[2] > 1 and not found.independent_channels and not found.little_noise and not found.repeated
        ),
        "the channels' noise may be correlated, or fine detail of the images may be in it: the level is a guess",
        of_level=True,
    ),
    _Doubt(
        lambda found: found.tails == UNKNOWN and not found.little_noise,
        "too few smooth places to tell whether the values are Gaussian",
    ),
    _Doubt(lambda found: bool(_outside(found)), "beside the noise of pixels, {outside}: no model here knows all of it"),
)
