"""Which prior and which invariances hold of a noise that none of the published models describes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nrgan.diagnosis.laws import UNKNOWN
from nrgan.diagnosis.values import Diagnosis
from nrgan.observation import Composition

_ROWS, _COLUMNS, _ONE_AXIS, _CHANNELS = "row offsets", "column offsets", "one-axis correlation", "shared channels"
STRUCTURES = (_ROWS, _COLUMNS, _ONE_AXIS, _CHANNELS)
"""Findings that a prior has."""


@dataclass(frozen=True)
class _Structure:
    """A finding, with the prior that has it, and the invariances that such noise keeps where no signal is in it.

    In short trainings the invariances came nearer to such noise than the priors (`benchmarks/composed.py`).
    """

    seen: Callable[[Diagnosis], bool]
    prior: str
    invariances: str


_ALONE = 0.15
"""Correlation along the other axis, up to which noise is correlated along one alone."""


def _along(found: Diagnosis, across: bool) -> bool:
    """Whether noise is correlated along that axis, and along it alone."""
    r = found.autocorrelation
    along, other = (r[0][1], r[1][0]) if across else (r[1][0], r[0][1])
    return found.finding(_ONE_AXIS) is not None and along > other and abs(other) < _ALONE


_STRUCTURES = (
    _Structure(lambda found: found.finding(_ROWS) is not None, "row-stripes", "shuffle-rows,shuffle-columns,invert"),
    _Structure(
        lambda found: found.finding(_COLUMNS) is not None, "column-stripes", "shuffle-rows,shuffle-columns,invert"
    ),
    _Structure(
        lambda found: _along(found, across=True),
        "row-correlated",
        "shuffle-rows,half-turns,invert-channels,permute-channels",
    ),
    _Structure(
        lambda found: _along(found, across=False),
        "column-correlated",
        "shuffle-columns,half-turns,invert-channels,permute-channels",
    ),
    _Structure(lambda found: found.finding(_CHANNELS) is not None and found.white, "shared", "shuffle-pixels,invert"),
)
"""A new prior is one row."""


def composed(found: Diagnosis, separates: tuple[str, ...]) -> Composition | None:
    """What holds of a noise with stripes, with a correlation along one axis, or shared by channels; None for others.

    One of these alone is learned by what such noise keeps; where its level follows the signal, which shuffling would
    lose, by its prior. Of several together what the images break too is left (`separates`); inversion where nothing is
    known to be broken.
    """
    if not any(found.finding(name) is not None for name in STRUCTURES):
        return None
    seen = [structure for structure in _STRUCTURES if structure.seen(found)]
    implicit = found.depends_on_signal or found.dependence == UNKNOWN
    if len(seen) == 1 and not implicit:
        return Composition(invariances=seen[0].invariances)
    if len(seen) == 1 and found.tails in ("gaussian", "unknown"):
        return Composition(prior=seen[0].prior, implicit=True)
    # what follows the image is not turned or moved without it
    kept = [name for name in separates if name == "invert" or not implicit] or ["invert"]
    return Composition(invariances=",".join(kept), implicit=implicit)
