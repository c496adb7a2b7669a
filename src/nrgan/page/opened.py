"""What the page shows: a generator, a denoiser, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from nrgan.denoising.denoiser import Denoiser, is_denoiser
from nrgan.errors import UserError
from nrgan.page import builtin
from nrgan.page.pictures import Viewer
from nrgan.runs import TrainedModel


@dataclass(frozen=True)
class Opened:
    """Networks that all visitors share and nobody changes."""

    title: str
    model: TrainedModel | None
    denoiser: Denoiser | None
    any_values: bool = False
    """Whether the denoiser is for values of any range and type, having seen noise of many levels."""

    @cached_property
    def viewer(self) -> Viewer:
        """Shows the generator, which there must be."""
        assert self.model is not None
        return Viewer(self.model)


def open_networks(paths: Sequence[Path], device: torch.device) -> Opened:
    """The run (or snapshot) and the denoiser that are named, one of each at most; the built-in ones if none is.

    Raises `UserError` where one is not to be had.
    """
    if not paths:
        model, denoiser = TrainedModel.load(builtin.GENERATOR), Denoiser.load(builtin.DENOISER)
        return Opened(builtin.TITLE, model.to(device), denoiser.to(device), any_values=True)
    denoisers = [path for path in paths if is_denoiser(path)]
    runs = [path for path in paths if path not in denoisers]
    for kind, found in (("denoisers", denoisers), ("runs", runs)):
        if len(found) > 1:
            raise UserError(f"{' and '.join(map(str, found))}: are two {kind}, and the page shows one; leave one out")
    return Opened(
        title=" and ".join(path.resolve().name for path in paths),
        model=TrainedModel.load(runs[0]).to(device) if runs else None,
        denoiser=Denoiser.load(denoisers[0]).to(device) if denoisers else None,
    )
