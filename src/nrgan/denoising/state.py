"""Everything that a denoiser's training changes: what a checkpoint saves."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.denoising.pairs import Pair
from nrgan.denoising.uncertainty import ErrorNetwork, Judged
from nrgan.denoising.uncertainty import learning_rate as error_rate
from nrgan.networks import compute_in
from nrgan.networks.sampling import place_of
from nrgan.networks.unet import UNet, UNetSizes
from nrgan.training.average import MovingAverage
from nrgan.training.batches import EpochPosition
from nrgan.training.losses import LossHistory
from nrgan.training.saved_state import SavedState

LOSS, ERROR = "loss", "error"
_DECAY = 0.999
_WARMING = 200
"""Steps before which the average is worse than a mean of 3x3 pixels."""
_LAST_RATE = 0.01
"""Of the first learning rate, what is left at the end."""


class Networks(nn.Module):
    """The denoiser, and what tells its expected error, where that is learned too."""

    def __init__(self, sizes: UNetSizes, with_error: bool) -> None:
        super().__init__()
        self.denoiser = UNet(sizes)
        self.error = ErrorNetwork() if with_error else None


@dataclass
class DenoiserState(SavedState):
    """The networks, their average, the optimiser, random state, and how far training is."""

    parts: ClassVar[tuple[str, ...]] = ("networks", "averaged")
    first_updates: ClassVar[dict[str, int]] = {"adam": 1}

    networks: Networks
    averaged: Networks
    average: MovingAverage
    adam: torch.optim.Adam
    rng: torch.Generator
    place: EpochPosition
    losses: LossHistory
    iteration: int = 0
    whole: bool = True

    @property
    def device(self) -> torch.device:
        return place_of(self.networks)[0]

    def guess(self, y: Tensor) -> Tensor:
        """The best clean images so far, without gradient: noise that depends on the signal is drawn there."""
        with torch.no_grad():
            if self.iteration >= _WARMING:
                found: Tensor = self.averaged.denoiser(y)
                return found
            return F.avg_pool2d(F.pad(y, (1, 1, 1, 1), mode="reflect"), 3, 1)

    def updated(self, pair: Pair, rate: float, judged: Judged | None = None) -> None:
        """One step of Adam down the losses of both networks, and of their averages."""
        self.whole = False
        loss = pair.loss(self.networks.denoiser(pair.input))
        of_step = {LOSS: loss.detach()}
        if self.networks.error is not None:
            assert judged is not None, "the errors of what, else?"
            of_error = self.networks.error.loss(judged)
            of_step[ERROR], loss = of_error.detach(), loss + of_error
        for group, own in zip(self.adam.param_groups, (rate, error_rate(rate)), strict=False):
            group["lr"] = own
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        self.iteration += 1
        self.average.decay = min(_DECAY, self.iteration / (self.iteration + 9))  # the first weights are soon forgotten
        self.average.update()
        self.losses.add(self.losses.row(of_step)[None], of_step)
        self.whole = True

    def optimised(self) -> dict[str, nn.Module]:
        return {"adam": self.networks}


def new_state(
    sizes: UNetSizes,
    seed: int,
    log_interval: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    with_error: bool = False,
) -> DenoiserState:
    """The state before the first step; the networks' start depends on the seed alone.

    dtype: of the convolutions. with_error: whether the expected error is learned too.
    """
    networks = Networks(sizes, with_error)
    start = torch.Generator().manual_seed(seed)
    for part in (networks.denoiser, networks.error):
        if part is not None:
            part.initialise(start)
    networks.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(networks).requires_grad_(False).eval()
    compute_in(networks, None if dtype == torch.float32 else dtype)
    fused = device.type in ("cpu", "cuda", "mps")
    return DenoiserState(
        networks=networks,
        averaged=averaged,
        average=MovingAverage(averaged, networks, _DECAY),
        adam=torch.optim.Adam([{"params": list(part.parameters())} for part in networks.children()], fused=fused),
        rng=torch.Generator(device).manual_seed(seed),
        place=EpochPosition(seed),
        losses=LossHistory((LOSS, *([ERROR] if with_error else [])), log_interval, device),
    )


def learning_rate(first: float, iteration: int, iterations: int) -> float:
    """Falling along half a cosine, from the first rate to a hundredth of it."""
    share = min(iteration / max(iterations, 1), 1.0)
    return first * (_LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * share)) / 2)
