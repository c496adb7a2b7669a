"""Which model fits a noise, by what each must know of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from nrgan.corruptions import Fitted, to_plain
from nrgan.diagnosis.composing import STRUCTURES, composed
from nrgan.diagnosis.law import law_of
from nrgan.diagnosis.laws import UNKNOWN
from nrgan.diagnosis.unknowns import unknowns
from nrgan.diagnosis.values import Diagnosis
from nrgan.models import FOR_TOLD_NOISE, LEARNED
from nrgan.observation import Composition

_FAR_FROM_GAUSSIAN = 1.5
"""Excess kurtosis from which noise that depends on the signal is not treated as Gaussian: counts and unresolved
changes of level raise it a little, where the noise is Gaussian enough for `sdnrgan2`."""
_FAR_FROM_GAUSSIAN_LIGHT = -0.4
_UNLIKE = 0.75
"""Level in the quietest places, over that of the noise which was found, below which it is something else."""
PUBLISHED, COMPOSED, FITTED, NONE = "published", "composed", "fitted", "none"
"""Kinds of recommendation."""


@dataclass(frozen=True)
class Recommendation:
    """The model to train, and why."""

    chosen: str
    """Which kind it is: published, composed, fitted (the law that was found, held), or none: no model here fits."""
    model: str
    """What is trained: the name of a published model, `learned` for a composed one, `ambientgan` for a fitted law; of
    none the one that is nearest."""
    published: str
    """The published model that knows most about the noise and nothing wrong, or is nearest to that."""
    composed: Composition | None
    """The prior and the invariances of a noise that no published model describes."""
    law: Fitted | None
    """The law, where the noise has one that can be drawn from."""
    reason: str
    alternatives: list[str] = field(default_factory=list)
    """Models that fit as well, or that assume less, with a word on each."""
    uncertain: list[str] = field(default_factory=list)
    """What the images could not tell."""
    to_do: list[str] = field(default_factory=list)
    """What to do about what was found beside the noise of pixels."""
    mends: tuple[str, ...] = ()
    """Repairs of what was found, which the commands that are printed ask for."""
    certain_once_mended: bool = False
    """Whether these repairs are all that the law, which was chosen, wants of the noise."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        of_composition = None if self.composed is None else asdict(self.composed)
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return plain | {"composed": of_composition, "law": None if self.law is None else to_plain(self.law)}


@dataclass(frozen=True)
class _Published:
    """A published model, and what speaks for it."""

    model: str
    reason: str
    alternatives: list[str]


def document(found: Diagnosis, advice: Recommendation) -> dict[str, Any]:
    """Both as one plain value, for `json`: {"diagnosis": …, "recommendation": …}."""
    return {"diagnosis": found.as_json(), "recommendation": advice.as_json()}


def recommend(found: Diagnosis, separates: tuple[str, ...] = ()) -> Recommendation:
    """The model that knows most about the noise and nothing wrong.

    separates: invariances that the noise keeps and the images break (`symmetries.separating`). Where the diagnosis is
    certain and the noise has a law, that law is held. Else a published model, or what is composed where the noise has
    what none of them describes.
    """
    published = _published(found)
    mends, once_mended = _repairs(found), _certain_once_mended(found)
    law, composition = law_of(found), composed(found, separates)
    chosen, model, reason = _choice(found, published, law, composition, mends if once_mended else ())
    return Recommendation(
        chosen=chosen,
        model=model,
        published=published.model,
        composed=composition,
        law=law,
        reason=reason,
        alternatives=[
            *([f"{published.model}: {published.reason}"] if chosen not in (PUBLISHED, NONE) else []),
            *published.alternatives,
        ],
        uncertain=found.unknowns,
        to_do=[f"{seen.words}: {seen.advice}" for seen in found.findings if seen.seen and seen.advice],
        mends=mends,
        certain_once_mended=once_mended and chosen == FITTED,
    )


def _repairs(found: Diagnosis) -> tuple[str, ...]:
    """Repairs of what was found."""
    return tuple(seen.mend for seen in found.findings if seen.seen and seen.mend)


def _certain_once_mended(found: Diagnosis) -> bool:
    """Whether the diagnosis would be certain after the repairs, and is not before."""
    rest = replace(found, findings=tuple(seen for seen in found.findings if not (seen.seen and seen.mend)))
    return not found.certain and bool(_repairs(found)) and not unknowns(rest)


def _choice(
    found: Diagnosis,
    published: _Published,
    law: Fitted | None,
    composition: Composition | None,
    mends: tuple[str, ...],
) -> tuple[str, str, str]:
    """Which kind, the model's name, and why."""
    if (blocks := found.finding("compression blocks")) is not None:
        return NONE, published.model, f"no model here knows this noise: {blocks.words}; this one is the nearest"
    if found.quiet is not None and found.quiet.fine < _UNLIKE and not found.little_noise and not found.white:
        return NONE, published.model, "what is seen is no noise that models here know, or much of it is detail"
    counted = found.finding("few photons")
    if law is not None and counted is not None:
        return FITTED, FOR_TOLD_NOISE, f"{counted.words}, and that law is known: it is held (<noise>)"
    if law is not None and (found.certain or mends):
        once = f"once they are mended (<mend> {','.join(mends)}), " if mends else ""
        return (
            FITTED,
            FOR_TOLD_NOISE,
            f"{once}the noise is told with certainty, and its law is held (<noise>); {_told(found)}",
        )
    if composition is not None:
        seen = "; ".join(f.words for f in found.findings if f.seen and f.name in STRUCTURES)
        return COMPOSED, LEARNED, f"{seen}: no published model has that"
    return PUBLISHED, published.model, published.reason


def _told(found: Diagnosis) -> str:
    relation = found.relation
    if relation is not None and relation.law.depends:
        return relation.law.words
    return f"level {found.level:.1f} of 255, {'white' if found.white else 'correlated'}"


def _published(found: Diagnosis) -> _Published:
    """The published model that knows most about the noise and nothing wrong (see the table of models in NR-GAN)."""
    if found.little_noise:
        return _Published(
            "gan",
            "little noise beside the images' own contrast: its level is below "
            f"{found.level_below:.1f} of 255, and what is seen may be their fine detail",
            ["sinrgan2: should the images be noisy all the same"],
        )
    return _signal_dependent(found) if found.depends_on_signal else _signal_independent(found)


def _signal_independent(found: Diagnosis) -> _Published:
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
        return _Published("sinrgan2", f"{how}; sinrgan1 does not fit, for {' and '.join(wrong)}", [weaker])
    if found.dependence == UNKNOWN:
        # it is right either way: where there is no relation, it learns that
        return _Published(
            "sdnrgan2",
            "the images cannot tell whether the noise depends on the signal, and this model learns that; the noise is"
            " white and Gaussian",
            ["sinrgan1: if you know that it does not depend on the signal", weaker],
        )
    return _Published(
        "sinrgan1",
        f"{how}, and is white and Gaussian",
        ["sinrgan2: does not assume that the noise is Gaussian", weaker],
    )


def _signal_dependent(found: Diagnosis) -> _Published:
    relation = found.relation.law.words if found.relation else "its level depends on the signal in a way of its own"
    how = f"the noise depends on the signal: {relation}{_where(found)}"
    general = "sdnrgan3: assumes only that noise is as often positive as negative"
    kurtosis = found.excess_kurtosis or 0.0
    if not found.white:
        return _Published("sdnrgan3", f"{how}, and it is correlated between pixels", ["sdnrgan2: takes it for white"])
    if kurtosis > _FAR_FROM_GAUSSIAN or kurtosis < _FAR_FROM_GAUSSIAN_LIGHT:
        return _Published(
            "sdnrgan3",
            f"{how}, and it is far from Gaussian (excess kurtosis {kurtosis:.1f})",
            ["sdnrgan2: takes it for Gaussian"],
        )
    known = "" if found.relation is None else "sdnrgan1: where a setting states this very relation"
    return _Published("sdnrgan2", f"{how}; it is white and about Gaussian", [a for a in (known, general) if a])


def _where(found: Diagnosis) -> str:
    parts = []
    if found.varies_by_image:
        parts.append("its level varies from image to image")
    if found.local:
        parts.append("it lies in a part of each image only")
    return f" ({', '.join(parts)})" if parts else ""
