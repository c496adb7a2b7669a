"""What was learned beside what needs no learning, on images that training did not see; and how large its errors are."""

from __future__ import annotations

from collections.abc import Mapping as Documents
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.classical import classical
from nrgan.denoising.judging import Gap, Ranking, gap, rank, risk, risk_of_pairs
from nrgan.denoising.mapping import Mapping
from nrgan.denoising.material import Material, unseen
from nrgan.denoising.uncertainty import ErrorNetwork

LEARNED, NLM, NOTHING = "learned", "nlm", "nothing"
CANDIDATES = {NLM: "non-local means", NOTHING: "nothing, so that the files stay as they are"}
"""What is not learned, in words."""
_MUCH = 0.3
"""Decibels of a gap, from which on it is said."""
_SHOWN = 64
"""Images that candidates are compared on, at most."""


class _Nothing:
    """f(y) = y."""

    radius = 0
    multiple = 1

    def __call__(self, y: Tensor) -> Tensor:
        return y


def some_held_out(material: Material, device: torch.device, count: int = _SHOWN) -> Tensor:
    """Images that training did not see, evenly spread, (K, C, H, W); of few images, some that it saw."""
    noisy = material.data.noisy(unseen(material.data, count))
    return torch.from_numpy(np.ascontiguousarray(noisy)).to(device)


def candidate(name: str, law: Fitted) -> Mapping:
    """What is not learned, by name; told the law."""
    return _Nothing() if name == NOTHING else classical(name, law)


def compared(f: Mapping, material: Material, device: torch.device) -> Ranking | None:
    """The learned denoiser, non-local means and the images as they are, by their risk; None where no law is known."""
    law = material.noise.law
    if law is None:
        return None
    return rank_beside(f, some_held_out(material, device), law, material.noise.level_error)


def rank_beside(learned: Mapping | None, images: Tensor, law: Fitted, level_error: float | None) -> Ranking:
    """A learned denoiser, if any, beside what is not learned, by risk on noisy images that it has not seen.

    level_error: relative standard error of the law's level; None where the law was told.
    """
    candidates = {name: candidate(name, law) for name in CANDIDATES}
    if learned is not None:
        candidates[LEARNED] = learned
    return rank(candidates, images, law, level_error=level_error)


def chosen_of(ranking: Ranking | None) -> str:
    """The name of the best candidate where it is clearly better, else of the learned one."""
    return ranking.best if ranking is not None and ranking.clear else LEARNED


def surely_better(ranking: Ranking) -> str:
    """The name of the best, where its risk lies below that of the images as they are wherever the level may be."""
    best = ranking.best
    return best if ranking.risks[best].high < ranking.risks[NOTHING].low else NOTHING


@torch.no_grad()
def error_scale(f: Mapping, network: ErrorNetwork, material: Material, device: torch.device) -> float | None:
    """What the learned squared errors are to be multiplied with: as near to 1 as their mean over images allows.

    The mean must lie where the risk of held-out images does, given the uncertainty of the level; of generated pairs,
    where no law is known, it is the truth. None where nothing is told.
    """
    law = material.noise.law
    if law is not None:
        images = some_held_out(material, device)
        found = risk(f, images, law, level_error=material.noise.level_error, estimator="probe")
        low, high = found.low, found.high
    else:
        assert material.generated is not None
        clean, images = material.generated(_SHOWN, torch.Generator(device).manual_seed(0))
        low = high = float(((f(images) - clean) ** 2).mean())
    told = float(network(images, f(images)).mean())
    if told <= 0 or high <= 0:
        return None
    return min(max(told, low), high) / told


def domain_gap(f: Mapping, material: Material, device: torch.device) -> Gap | None:
    """How much harder real images are than generated ones; None where there are no such, or no law is known."""
    law, generated = material.noise.law, material.generated
    if law is None or generated is None:
        return None
    real = risk(f, some_held_out(material, device), law, level_error=material.noise.level_error, estimator="probe")
    clean, noisy = generated(_SHOWN, torch.Generator(device).manual_seed(1))
    return gap(real, risk_of_pairs(f, noisy, clean))


def said_of(ranking: Ranking | None, found: Gap | None) -> dict[str, Any]:
    """What the denoiser's folder keeps of the comparisons."""
    of_gap = {} if found is None else {"gap": found.as_json()}
    return of_gap if ranking is None else {"chosen": chosen_of(ranking), **ranking.as_json(), **of_gap}


def words_of_gap(chosen: Documents[str, Any]) -> str | None:
    """What there is to say of a gap that was kept; None where there is none, or where it is small."""
    decibels = chosen.get("gap", {}).get("decibels")
    if decibels is None or decibels <= _MUCH:
        return None
    return (
        f"real images are {decibels:.1f} dB harder for this denoiser than generated ones: the run does not know all of "
        "them, or its noise is not theirs; train it longer, or denoise the images without it"
    )
