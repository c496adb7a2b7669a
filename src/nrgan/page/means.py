"""What a visitor's file is restored by: what is best for it, as far as that can be told without a clean image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nrgan.denoising.choosing import CANDIDATES, LEARNED, NLM, NOTHING, candidate, rank_beside, surely_better
from nrgan.denoising.judging import Ranking
from nrgan.denoising.mapping import Mapping
from nrgan.diagnosis import Diagnosed
from nrgan.diagnosis.unknowns import level_doubts
from nrgan.errors import UserError
from nrgan.frames import FrameSet, ValueRange
from nrgan.page.opened import Opened

BUILT_IN = "the built-in denoiser, which has seen drawn shapes only"
_ADVICE = "nrgan denoise trains one on images like these"
_JUDGED = 64
"""Squares of the image that candidates are compared on, at most."""


@dataclass(frozen=True)
class Means:
    """What a file is restored by, and why by that."""

    mapping: Mapping
    value_range: ValueRange
    words: str


def means_of(opened: Opened, frames: FrameSet, found: Diagnosed | None, why_not: str) -> Means:
    """A denoiser that the visitor has opened, where it is for such images; else what is surely better than nothing.

    The built-in denoiser and non-local means, told the noise that was found, are judged on the file itself. Raises
    `UserError` where nothing is known of the noise, or neither is surely better than the file as it is: it says why.
    found: None where the file tells nothing of its noise, for the reason `why_not`.
    """
    f, unfit = opened.denoiser, _unfit(opened, frames)
    if f is not None and unfit is None and not opened.any_values:
        return Means(f, f.about.value_range, f"the denoiser of {f.about.images}")
    besides = f"{unfit}, and " if unfit else ""
    if found is None:
        raise UserError(f"{besides}nothing is known of the noise: {why_not}")
    if found.diagnosis.little_noise:
        raise UserError(f"{besides}there is little noise, or none, beside the image's own detail")
    if (law := found.advice.law) is None:
        raise UserError(f"{besides}no law here has this noise, so that no answer can be judged")
    if doubts := level_doubts(found.diagnosis):
        raise UserError(f"{besides}the level of the noise is not known well enough to judge an answer: {doubts[0]}")
    few = found.images[:: -(-len(found.images) // _JUDGED)]
    images = torch.from_numpy(np.ascontiguousarray(np.asarray(few, np.float32).transpose(0, 3, 1, 2)))
    learned = f if unfit is None else None
    level_error = found.diagnosis.error / max(found.diagnosis.level, 1e-9)
    ranking = rank_beside(learned, images if learned is None else images.to(learned.device), law, level_error)
    best = surely_better(ranking)
    if best == NOTHING:
        raise UserError(f"{besides}nothing that is here is surely better than the image as it is; {_ADVICE}")
    if best == LEARNED:
        assert learned is not None
        return Means(learned, found.value_range, f"{BUILT_IN}: {_judged(ranking)}; {_ADVICE}")
    beside = f", for {unfit}" if unfit else f" and not by {BUILT_IN}"
    return Means(candidate(NLM, law), found.value_range, f"{CANDIDATES[NLM]}{beside}: {_judged(ranking)}")


def _unfit(opened: Opened, frames: FrameSet) -> str | None:
    """Why the denoiser cannot be used for such images; None where it can."""
    f = opened.denoiser
    if f is None:
        return "no denoiser is open"
    if f.channels != frames.channels:
        return f"the denoiser is of images of {f.channels} channels, and these have {frames.channels}"
    if not opened.any_values and f.about.dtype != frames.dtype:
        return f"the denoiser is of {f.about.dtype} values, and these are {frames.dtype}"
    return None


def _judged(ranking: Ranking) -> str:
    """What the comparison told, in words."""
    best, nothing = ranking.risks[ranking.best].psnr, ranking.risks[NOTHING].psnr
    told = "" if best is None or nothing is None else f" (PSNR {best:.1f} dB, {nothing:.1f} as it was)"
    return f"judged on this file by the noise that was found, without a clean image, it is best here{told}"
