"""An update in parts: the gradients of the whole batch, in the memory of a part of it.

Losses are means over images, so the batch's gradient is the mean of those of K equal parts. Part p has the images p,
p + K, p + 2K, …, whose order keeps the pairs of the diversity term: where 2K divides B, image i and its partner i + B/2
fall into the same part, half a part from one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nrgan.draws import Draws, PartDraws
from nrgan.errors import UserError
from nrgan.objectives import Losses
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


class Part(NamedTuple):
    """One of the parts of a batch: how many images, which ones, and their draws."""

    size: int
    images: slice
    draws: Draws

    def of(self, batch: Tensor) -> Tensor:
        """The part's images of a batch, (B, …) → (size, …)."""
        return batch[self.images]


def parts_of(batch_size: int, parts: int, draws: Draws) -> Iterator[Part]:
    """The equal parts of a batch, one after the other; one part is the batch with `draws` themselves.

    Raises `ValueError` where `parts` does not divide the batch.
    """
    if parts == 1:
        yield Part(batch_size, slice(None), draws)
        return
    if batch_size % parts:
        raise ValueError(f"a batch of {batch_size} in {parts} equal parts")
    size = batch_size // parts
    whole: dict[str, Tensor] = {}
    for p in range(parts):
        yield Part(size, slice(p, None, parts), PartDraws(draws, p, parts, size, whole))


class AccumulatedUpdate:
    """One Adam step of a network on the mean of its parts' gradients."""

    def __init__(self, network: nn.Module) -> None:
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._gradients: list[Tensor] = []
        self._losses: dict[str, Tensor] = {}
        self._parts = 0

    def add(self, losses: Losses, to_minimise: Tensor) -> None:
        """Takes in a part, and frees the graph of `to_minimise`. Gradients of other networks are never computed."""
        gradients = torch.autograd.grad(to_minimise, self._parameters)
        detached = {name: loss.detach() for name, loss in losses.items()}
        if self._parts:
            self._gradients = list(torch._foreach_add(self._gradients, gradients))
            self._losses = {name: self._losses[name] + loss for name, loss in detached.items()}
        else:
            self._gradients, self._losses = list(gradients), detached
        self._parts += 1

    def apply(self, adam: torch.optim.Adam) -> Losses:
        """Updates the network, and gives the losses of the batch."""
        if self._parts > 1:
            self._gradients = list(torch._foreach_div(self._gradients, self._parts))
            self._losses = {name: loss / self._parts for name, loss in self._losses.items()}
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            # Adam's fused form takes the values in memory order, whatever the strides
            parameter.grad = gradient.contiguous()
        adam.step()
        return self._losses
