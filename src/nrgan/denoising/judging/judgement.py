"""Everything that can be told of a denoiser without clean images, and what cannot be told, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from nrgan.corruptions import AdditiveNoise
from nrgan.denoising.judging.halves import WARNING, Halves, judge_halves
from nrgan.denoising.judging.images import BATCH, answers, check_images, crops, flats, signals_of
from nrgan.denoising.judging.injection import Injection, inject
from nrgan.denoising.judging.null_test import NullTest, null_test
from nrgan.denoising.judging.residual import ResidualCheck, check_residual
from nrgan.denoising.judging.risk import EXCHANGEABLE, Risk, risk
from nrgan.denoising.mapping import Mapping
from nrgan.errors import UserError

_CLIPPED = 0.01
"""Share of values at the ends of the range from which on it is said what that does."""
_SIGNALS = 3
_TILES_SIDE = 128
_FLATS_EACH = 2
_BACKGROUNDS = 4


class Effort(NamedTuple):
    """How much is looked at. The default is about 20 megapixels through f for images of 256x256."""

    images: int = 64
    """Squares cut from the images, at most."""
    side: int = 256
    """Of those, in pixels, at most."""
    batch: int = BATCH


_DEFAULT = Effort()


@dataclass(frozen=True)
class Judgement:
    """Of one denoiser on some images. What is None stands in `withheld`, with the reason."""

    images: int
    """Squares that were looked at."""
    risk: Risk | None
    residual: ResidualCheck | None
    null_test: NullTest | None
    injection: dict[str, dict[str, Injection]]
    """By background ("flat", or "renoised": f's own answers) and by kind of signal."""
    halves: Halves | None
    withheld: dict[str, str]
    """Why a part is not there."""
    notes: tuple[str, ...]
    """What to know before the figures are believed."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        parts = {name: getattr(self, name) for name in ("risk", "residual", "null_test", "halves")}
        injection = {
            where: {name: found.as_json() for name, found in kinds.items()} for where, kinds in self.injection.items()
        }
        return {
            "images": self.images,
            **{name: None if part is None else part.as_json() for name, part in parts.items()},
            "injection": injection,
            "withheld": self.withheld,
            "notes": list(self.notes),
        }


def judge(
    f: Mapping,
    images: Tensor,
    law: AdditiveNoise | None,
    *,
    certain: bool,
    level_error: float | None = None,
    doubts: Sequence[str] = (),
    halves: tuple[Tensor, Tensor] | None = None,
    seed: int = 0,
    effort: Effort = _DEFAULT,
) -> Judgement:
    """Judges f on noisy images that it was not trained on, (B, C, H, W) unit range, not clipped.

    law: of their noise; None where nobody knows it. certain: whether the law is right as far as images can tell;
    doubts: what they could not tell. level_error: relative standard error of its level, None where it was told.
    halves: two takes of the same scenes.

    Where the law is not certain no risk is given: it takes the level to about 1 %. The residual's figures are given all
    the same, as they are what would show that the law is wrong; so are null and injection test, which tell what f does
    with noise of that law, whether or not the images have it.
    """
    check_images(images)
    images, batch = crops(images, effort.images, effort.side), effort.batch
    takes = [crops(take, effort.images, effort.side) for take in halves or ()]
    found = risk(f, images, law, level_error=level_error, seed=seed, batch=batch) if law and certain else None
    withheld = _withheld(law, certain, doubts, halves is not None)
    injection: dict[str, dict[str, Injection]] = {}
    if law:
        try:
            injection = _injected(f, images, law, seed + 3, batch)
        except UserError as error:
            withheld["injection"] = str(error)
    return Judgement(
        images=len(images),
        risk=found,
        residual=check_residual(f, images, law, seed=seed + 1, batch=batch) if law else None,
        null_test=null_test(f, images, law, seed=seed + 2, batch=batch) if law else None,
        injection=injection,
        halves=judge_halves(f, *takes, batch=batch) if takes else None,
        withheld=withheld,
        notes=(*_notes(found, images, law is None or certain), *([WARNING] if takes else [])),
    )


def _withheld(law: AdditiveNoise | None, certain: bool, doubts: Sequence[str], has_halves: bool) -> dict[str, str]:
    """What cannot be told, and why."""
    reasons = {} if has_halves else {"halves": "there are no two takes of the same scenes"}
    if law is None:
        of_law = dict.fromkeys(("risk", "residual", "null_test", "injection"), "no law of the noise is known")
        return reasons | of_law
    if not certain:
        told = "; ".join(doubts) or "the images do not tell it with certainty"
        needs = "an estimate needs its level to about 1 %"
        reasons["risk"] = f"the law of the noise is not certain ({told}), and {needs}"
    return reasons


def _injected(f: Mapping, images: Tensor, law: AdditiveNoise, seed: int, batch: int) -> dict[str, dict[str, Injection]]:
    flat = flats(signals_of(images, _SIGNALS), images, _FLATS_EACH, (_TILES_SIDE, _TILES_SIDE))
    renoised = answers(f, crops(images, _BACKGROUNDS, _TILES_SIDE), batch)
    return {
        "flat": inject(f, flat, law, seed=seed, batch=batch),
        "renoised": inject(f, renoised, law, seed=seed, batch=batch),
    }


def _notes(found: Risk | None, images: Tensor, certain: bool) -> list[str]:
    notes = []
    if not certain:
        notes.append("The law is not certain: null and injection test hold for noise of this law only.")
    if found is not None and found.estimator == EXCHANGEABLE:
        notes.append(
            "The noise is far from Gaussian: the risk is that at twice its variance, which can be told for any law; at "
            "the images' own noise f does better."
        )
    at_ends = float(((images == 0) | (images == 1)).double().mean())
    if found is not None and at_ends > _CLIPPED:
        notes.append(
            f"{at_ends:.0%} of the values lie at the ends of the range: where noise was clipped there, the estimate is "
            "good to about 0.3 dB only."
        )
    return notes
