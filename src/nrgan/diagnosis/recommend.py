"""Which model fits a noise, by what each must know of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nrgan.diagnosis.laws import UNKNOWN
from nrgan.diagnosis.values import Diagnosis

_FAR_FROM_GAUSSIAN = 1.5
"""Excess kurtosis from which noise that depends on the signal is not treated as Gaussian: counts and unresolved
changes of level raise it a little, where the noise is Gaussian enough for `sdnrgan2`."""
_FAR_FROM_GAUSSIAN_LIGHT = -0.4
_SHARED = "no model here describes noise that channels share: each takes the noise of one to say nothing of another's"


@dataclass(frozen=True)
class Recommendation:
    """The model to train, and why."""

    model: str
    reason: str
    alternatives: list[str] = field(default_factory=list)
    """Models that fit as well, or that assume less, with a word on each."""
    uncertain: list[str] = field(default_factory=list)
    """What the images could not tell."""


def document(found: Diagnosis, advice: Recommendation) -> dict[str, Any]:
    """Both as one plain value, for `json`: {"diagnosis": …, "recommendation": …}."""
    return {"diagnosis": found.as_json(), "recommendation": asdict(advice)}


def recommend(found: Diagnosis) -> Recommendation:
    """The model that knows most about the noise and nothing wrong (see the table of models in NR-GAN)."""
    if found.little_noise:
        return Recommendation(
            "gan",
            "little noise beside the images' own contrast: its level is below "
            f"{found.level_below:.1f} of 255, and what is seen may be their fine detail",
            ["sinrgan2: should the images be noisy all the same"],
            found.unknowns,
        )
    advice = _signal_dependent(found) if found.depends_on_signal else _signal_independent(found)
    return advice if found.independent_channels else replace(advice, uncertain=[*advice.uncertain, _SHARED])


def _signal_independent(found: Diagnosis) -> Recommendation:
    wrong = []
    if not found.white:
        wrong.append("it is correlated between neighbouring pixels")
    if not found.independent_channels:
        wrong.append("it is correlated between channels, or may be")
    if found.tails in ("light", "heavy"):
        wrong.append(f"its tails are {found.tails}, unlike a Gaussian's")
    if found.tails == "unknown":
        wrong.append("the images cannot tell whether it is Gaussian")
    how = "the noise does not depend on the signal" + _where(found)
    if found.dependence == UNKNOWN:
        how = "no dependence of the noise on the signal is seen" + _where(found)
    weaker = "sdnrgan3: should the noise depend on the signal after all; it assumes least, and separates least"
    if wrong:
        return Recommendation(
            "sinrgan2", f"{how}; sinrgan1 does not fit, for {' and '.join(wrong)}", [weaker], found.unknowns
        )
    if found.dependence == UNKNOWN:
        # it is right either way: where there is no relation, it learns that
        return Recommendation(
            "sdnrgan2",
            "the images cannot tell whether the noise depends on the signal, and this model learns that; the noise is"
            " white and Gaussian",
            ["sinrgan1: if you know that it does not depend on the signal", weaker],
            found.unknowns,
        )
    return Recommendation(
        "sinrgan1",
        f"{how}, and is white and Gaussian",
        ["sinrgan2: does not assume that the noise is Gaussian", weaker],
        found.unknowns,
    )


def _signal_dependent(found: Diagnosis) -> Recommendation:
    relation = found.relation.law.words if found.relation else "its level depends on the signal in a way of its own"
    how = f"the noise depends on the signal: {relation}{_where(found)}"
    general = "sdnrgan3: assumes only that noise is as often positive as negative"
    kurtosis = found.excess_kurtosis or 0.0
    if not found.white:
        return Recommendation(
            "sdnrgan3", f"{how}, and it is correlated between pixels", ["sdnrgan2: takes it for white"], found.unknowns
        )
    if kurtosis > _FAR_FROM_GAUSSIAN or kurtosis < _FAR_FROM_GAUSSIAN_LIGHT:
        return Recommendation(
            "sdnrgan3",
            f"{how}, and it is far from Gaussian (excess kurtosis {kurtosis:.1f})",
            ["sdnrgan2: takes it for Gaussian"],
            found.unknowns,
        )
    known = "" if found.relation is None else "sdnrgan1: where a setting states this very relation"
    return Recommendation(
        "sdnrgan2", f"{how}; it is white and about Gaussian", [a for a in (known, general) if a], found.unknowns
    )


def _where(found: Diagnosis) -> str:
    parts = []
    if found.varies_by_image:
        parts.append("its level varies from image to image")
    if found.local:
        parts.append("it lies in a part of each image only")
    return f" ({', '.join(parts)})" if parts else ""
