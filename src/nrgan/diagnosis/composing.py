"""Which prior and which invariances hold of a noise that none of the published models describes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nrgan.diagnosis.laws import UNKNOWN
from nrgan.diagnosis.values import Diagnosis
from nrgan.limits import NO_ROW
from nrgan.observation import Composition

_ROWS, _COLUMNS, _ONE_AXIS, _CHANNELS = "row offsets", "column offsets", "one-axis correlation", "shared channels"
STRUCTURES = (_ROWS, _COLUMNS, _ONE_AXIS, _CHANNELS)
"""Findings that a prior has."""


@dataclass(frozen=True)
class _Structure:
    """A finding, and the prior that has it."""

    seen: Callable[[Diagnosis], bool]
    prior: str


def _along_rows(found: Diagnosis) -> bool:
    r = found.autocorrelation
    return r[0][1] > r[1][0]


_STRUCTURES = (
    _Structure(lambda found: found.finding(_ROWS) is not None, "row-stripes"),
    _Structure(lambda found: found.finding(_COLUMNS) is not None, "column-stripes"),
    _Structure(lambda found: found.finding(_ONE_AXIS) is not None and _along_rows(found), "row-correlated"),
    _Structure(lambda found: found.finding(_ONE_AXIS) is not None and not _along_rows(found), "column-correlated"),
    _Structure(lambda found: found.finding(_CHANNELS) is not None, "shared"),
)
"""A new prior is one row."""


def composed(found: Diagnosis, separates: tuple[str, ...]) -> Composition | None:
    """What holds of a noise with stripes, with a correlation along one axis, or shared by channels; None for others.

    One of these alone, and Gaussian, is a prior. Of several together it is learned with what the noise keeps and the
    images break (`separates`); inversion where nothing is known to be broken.
    """
    seen = [structure.prior for structure in _STRUCTURES if structure.seen(found)]
    if not seen:
        return None
    implicit = found.depends_on_signal or found.dependence == UNKNOWN
    if len(seen) == 1 and found.tails in ("gaussian", "unknown") and (found.white or "correlated" in seen[0]):
        return Composition(prior=seen[0], implicit=implicit)
    # what follows the image is not turned or moved without it
    kept = [name for name in separates if name == "invert" or not implicit] or ["invert"]
    return Composition(prior=NO_ROW, invariances=",".join(kept), implicit=implicit)
