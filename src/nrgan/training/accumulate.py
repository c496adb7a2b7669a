"""An update in parts: the gradients of the whole batch, in the memory of a part of it, or on several devices.

Losses are means over images, so the batch's gradient is the mean of those of its parts, each weighted by its images.
Each rank has a share of the batch, and computes it in `accumulate` parts, one after the other. Where images are
compared in pairs (the diversity term), a pair is never parted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nrgan.draws import Draws, PartDraws, Share
from nrgan.errors import UserError
from nrgan.objectives import Losses
from nrgan.ranks import ALONE, Ranks
from nrgan.training.config.groups import ScheduleOptions


def check_accumulate(schedule: ScheduleOptions, in_pairs: bool) -> None:
    """Raises `UserError` where `accumulate` does not split batches into equal parts, `in_pairs` with their pairs."""
    parts = schedule.accumulate
    if parts == 1:
        return
    if schedule.batch_size % parts:
        raise UserError(f"<accumulate> {parts}: <batch_size> {schedule.batch_size} must be a multiple of {parts}")
    multiple, why = (2 * parts, ", for the pairs of the diversity term") if in_pairs else (parts, "")
    if (batch := schedule.generator_batch) % multiple:
        raise UserError(f"<accumulate> {parts}: <generator_batch_size> {batch} must be a multiple of {multiple}{why}")


def check_ranks(schedule: ScheduleOptions, ranks: int, in_pairs: bool, compares_real: bool) -> None:
    """Raises `UserError` where so many ranks do not each have an image of every batch, or `in_pairs` a pair.

    compares_real: whether each generated image is compared with the real one of its place: then shares must be alike.
    """
    parts = ranks * schedule.accumulate
    said = f"in {parts} parts" if schedule.accumulate > 1 else f"on {ranks} ranks"
    if ranks == 1:
        return
    if parts > schedule.batch_size:
        raise UserError(f"<batch_size> {schedule.batch_size}: has no image for each {said}; take fewer")
    batch = schedule.generator_batch
    if in_pairs and (batch % 2 or parts > batch // 2):
        raise UserError(f"<generator_batch_size> {batch}: has no pair of images for each {said}; take a multiple of 2")
    if in_pairs and compares_real and batch % (2 * parts):
        raise UserError(f"<generator_batch_size> {batch}: {said}, it must be a multiple of {2 * parts}")


class Part(NamedTuple):
    """One of the parts of a batch that this rank computes."""

    share: Share
    """Of this rank's images."""
    weight: float
    """Of the whole batch."""
    draws: Draws

    @property
    def size(self) -> int:
        """How many images it has."""
        return self.share.size

    def of(self, own: Tensor) -> Tensor:
        """The part's images of this rank's, (B', …) → (size, …)."""
        return self.share.of(own)


def own_share(images: int, ranks: Ranks, in_pairs: bool = False) -> Share:
    """This rank's share of a batch."""
    return Share(images, ranks.number, ranks.count, in_pairs and ranks.count > 1)


def own_draws(share: Share, draws: Draws) -> Draws:
    """This rank's draws, of those of the whole batch."""
    return draws if share.parts == 1 else PartDraws(draws, share)


def parts_of(images: int, parts: int, draws: Draws, ranks: Ranks = ALONE, in_pairs: bool = False) -> Iterator[Part]:
    """The parts in which this rank computes its share of a batch; one part of one rank is the batch with its draws.

    Raises `ValueError` where a part would have no image.
    """
    rank = own_share(images, ranks, in_pairs)
    draws = own_draws(rank, draws)
    whole: dict[str, Tensor] = {}
    for p in range(parts):
        share = Share(rank.size, p, parts, in_pairs and parts > 1)
        yield Part(share, rank.weight * share.weight, draws if parts == 1 else PartDraws(draws, share, whole))


class AccumulatedUpdate:
    """One Adam step of a network on the mean of its parts' gradients, those of all ranks."""

    def __init__(self, network: nn.Module, ranks: Ranks = ALONE) -> None:
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._ranks = ranks
        self._gradients: list[Tensor] = []
        self._losses: dict[str, Tensor] = {}

    def add(self, losses: Losses, to_minimise: Tensor, weight: float = 1.0) -> None:
        """Takes in a part, and frees the graph of `to_minimise`. Gradients of other networks are never computed."""
        weighted = to_minimise if weight == 1.0 else weight * to_minimise
        gradients = torch.autograd.grad(weighted, self._parameters)
        detached = {name: loss.detach() if weight == 1.0 else weight * loss.detach() for name, loss in losses.items()}
        if self._gradients:
            self._gradients = list(torch._foreach_add(self._gradients, gradients))
            self._losses = {name: self._losses[name] + loss for name, loss in detached.items()}
        else:
            self._gradients, self._losses = list(gradients), detached

    def apply(self, adam: torch.optim.Adam) -> Losses:
        """Updates the network, and gives the losses of the batch."""
        reduced = self._ranks.summed([*self._gradients, *self._losses.values()])
        for parameter, gradient in zip(self._parameters, reduced, strict=False):
            # Adam's fused form takes the values in memory order, whatever the strides
            parameter.grad = gradient.contiguous()
        adam.step()
        return dict(zip(self._losses, reduced[len(self._parameters) :], strict=True))
