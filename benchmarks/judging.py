"""What a diagnosis said of a drawn set, beside what is true of it.

`told` alone knows where a diagnosis keeps what; it reads older ones too, which tell less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drawn_truth import COMPOSED, FITTED, NONE_FITS, Truth
from nrgan.data import open_data
from nrgan.diagnosis import Diagnosed
from nrgan.ranges import STORED_LEVELS

_OF_LEVEL, _OF_SLOPE, _OF_CORRELATION = 0.05, 0.1, 0.1
"""How far from the truth is right; the first two of the truth, the last in correlation."""
_SLOPE_OF_NONE = 0.2
"""Share of the variance that may be told to grow over the signals where it does not."""
_BINS = 16
"""Of a noise curve over the range: it is told at a signal no farther from one than a bin."""
_SCALE = STORED_LEVELS - 1
_KINDS = {
    "composed": COMPOSED,
    "learned": COMPOSED,
    "fitted": FITTED,
    "ambientgan": FITTED,
    "none": NONE_FITS,
    "none fits": NONE_FITS,
    "": NONE_FITS,
}
"""What a recommendation may be called, where it is no published model."""


@dataclass(frozen=True)
class Told:
    """What a diagnosis said, in the values of the files."""

    model: str
    certain: bool
    little_noise: bool
    span: float
    """Of the range that was chosen, file values: as much as 255 on the diagnosis' own scale."""
    level: float
    """Over all signals."""
    values: tuple[float, ...]
    levels: tuple[float, ...]
    """The noise curve where it is told."""
    slope: float | None
    across: float | None
    down: float | None
    findings: Mapping[str, bool] = field(default_factory=dict)
    strengths: Mapping[str, float | None] = field(default_factory=dict)

    def level_at(self, signal: float) -> float | None:
        """Straight in variance between values, and on to a bin beyond them: those told are means over bins.

        None where the curve does not reach.
        """
        if not self.values or np.min(np.abs(np.subtract(self.values, signal))) > self.span / _BINS:
            return None
        variance = np.square(self.levels)
        last = len(self.values) - 1
        i = int(np.clip(np.searchsorted(self.values, signal) - 1, 0, max(last - 1, 0)))
        j = min(i + 1, last)
        share = (signal - self.values[i]) / (self.values[j] - self.values[i]) if j > i else 0.0
        return float(np.sqrt(max(variance[i] + share * (variance[j] - variance[i]), 0.0)))


def told(done: Diagnosed) -> Told:
    """What a diagnosis of files said."""
    found = done.diagnosis
    low, span = _range(done)
    native = getattr(found, "native", None)
    if native is not None:
        curve, slope = list(zip(native.value, native.level, strict=True)), _mean_of_told(native.gain)
    else:
        told_levels = zip(found.signal, found.level_at_signal, strict=True)
        curve = [(low + s * span / _SCALE, None if v is None else v * span / _SCALE) for s, v in told_levels]
        slope = _slope_of_laws(found, span)
    known = sorted((float(s), float(v)) for s, v in curve if _is_told(s) and _is_told(v))
    seen, correlated = getattr(found, "findings", ()), getattr(found, "correlation_told", True)
    return Told(
        model=recommended(done.advice),
        certain=bool(found.certain),
        little_noise=bool(found.little_noise),
        span=span,
        level=found.level * span / _SCALE,
        values=tuple(s for s, _ in known),
        levels=tuple(v for _, v in known),
        slope=slope,
        across=float(found.autocorrelation[0][1]) if correlated else None,
        down=float(found.autocorrelation[1][0]) if correlated else None,
        findings={finding.name: bool(finding.seen) for finding in seen}
        | {"repeats": bool(getattr(found, "repeated", False))},
        strengths={f.name: float(f.strength) if _is_told(f.strength) else None for f in seen},
    )


def recommended(advice: Any) -> str:
    """A published model's name, or what stands for one: a composition, the fitted noise, or that none fits."""
    chosen = getattr(advice, "chosen", None)
    if isinstance(chosen, str) and chosen.lower() in _KINDS:
        return _KINDS[chosen.lower()]
    model = advice.model
    if chosen == "published" and isinstance(getattr(advice, "published", None), str):
        model = advice.published
    name = "" if model is None else str(model)
    return _KINDS.get(name.lower(), name)


def _range(done: Diagnosed) -> tuple[float, float]:
    """The least value of the range that was chosen, and how far it reaches; the first channel's."""
    chosen = getattr(done, "value_range", None)
    if chosen is None:
        chosen = open_data(done.choice, any_size=True).value_range
    low, high = chosen.limits[0]
    return float(low), float(high - low)


def _is_told(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _mean_of_told(values: Any) -> float | None:
    """Of a number, or of numbers a channel; None where none is told."""
    numbers = [float(v) for v in (values if isinstance(values, (list, tuple)) else [values]) if _is_told(v)]
    return float(np.mean(numbers)) if numbers else None


def _slope_of_laws(found: Any, span: float) -> float | None:
    """Where the law that was named is that of counts, or that of no dependence."""
    if found.dependence == "square-root":
        return float(found.relation.c) * span / _SCALE**2
    return 0.0 if found.dependence == "constant" else None


@dataclass(frozen=True)
class Judged:
    """What was right and what was wrong; errors are relative, save those of correlation."""

    model: str
    model_is_right: bool
    levels: tuple[float | None, ...]
    """Error at each signal; None where nothing is told."""
    slope: float | None
    correlation: float | None
    wrong: tuple[str, ...]
    """In words."""
    certain: bool

    @property
    def right(self) -> bool:
        return not self.wrong

    @property
    def verdict(self) -> str:
        if self.right:
            return "right"
        return "wrong and certain" if self.certain else "not right, not certain"


def judge(said: Told, truth: Truth) -> Judged:
    """A set is judged right where its model is, and all else that was told; what is not told is not wrong."""
    levels, slope = _levels(said, truth), _slope(said, truth)
    correlation = _correlation(said, truth)
    wrong = [] if said.model in truth.models else [f"model {said.model}"]
    wrong += [f"missed {name}" for name in sorted(truth.present) if said.findings.get(name) is False]
    wrong += [f"false {name}" for name in sorted(truth.absent) if said.findings.get(name)]
    if said.little_noise != truth.little_noise:
        wrong.append("little noise" if said.little_noise else "noise where there is none")
    off = [error for error in levels if error is not None and abs(error) > _OF_LEVEL]
    if off:
        wrong.append(f"level {100 * max(off, key=abs):+.0f}%")
    if slope is not None and abs(slope) > (_OF_SLOPE if truth.slope else _SLOPE_OF_NONE):
        wrong.append(f"slope {100 * slope:+.0f}%" if truth.slope else "slope where there is none")
    if correlation is not None and abs(correlation) > _OF_CORRELATION:
        wrong.append(f"correlation {correlation:+.2f}")
    if said.certain and not truth.may_be_certain:
        wrong.append("certain of what is outside of the models")
    return Judged(said.model, said.model in truth.models, levels, slope, correlation, tuple(wrong), said.certain)


def _levels(said: Told, truth: Truth) -> tuple[float | None, ...]:
    """Of the noise of pixels, or of all noise, whichever is nearer: both are fair to tell where lines have offsets."""
    nothing = (None,) * len(truth.signals)
    if truth.little_noise or said.little_noise:
        return nothing
    at = [said.level_at(signal) for signal in truth.signals]
    choices = [
        tuple(None if v is None else v / true - 1 for v, true in zip(at, levels, strict=True))
        for levels in (truth.pixels, truth.level)
    ]
    return min(choices, key=lambda errors: max((abs(e) for e in errors if e is not None), default=0.0))


def _slope(said: Told, truth: Truth) -> float | None:
    """Relative; where there is none, the share of the variance by which the told one grows over the signals."""
    if said.slope is None or truth.slope is None or truth.little_noise or said.little_noise:
        return None
    if truth.slope:
        return said.slope / truth.slope - 1
    return said.slope * (truth.signals[-1] - truth.signals[0]) / float(np.mean(np.square(truth.pixels)))


def _correlation(said: Told, truth: Truth) -> float | None:
    """The larger error of both axes, of the noise of pixels or of all noise, whichever is nearer."""
    if said.across is None or said.down is None or truth.little_noise or said.little_noise:
        return None
    choices = ((truth.across, truth.down), (truth.across_with_offsets, truth.down_with_offsets))
    errors = [max((said.across - a, said.down - d), key=abs) for a, d in choices]
    return min(errors, key=abs)
