"""What an objective must offer: both updates' losses, by name, from the logits of generated and real images.

D's logits (B,); a loss is a scalar, the mean over the batch, weighted as it enters the update. The sum of an update's
losses is what is minimised.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

Losses = Mapping[str, Tensor]
"""Scalar losses on the device, weighted as they entered the update."""


class Update(NamedTuple):
    """The losses of an update, for showing, and the scalar whose gradient is that of their sum."""

    losses: Losses
    to_minimise: Tensor


def total(losses: Losses) -> Tensor:
    """The sum."""
    return torch.stack(list(losses.values())).sum()


def r1(logits: Tensor, y: Tensor) -> Tensor:
    """E‖∇_y D(y)‖², without the ½; y the real images as D sees them, requiring gradients. Mescheder et al. 2018."""
    (gradient,) = torch.autograd.grad(logits.sum(), y, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


@dataclass(frozen=True)
class Objective(ABC):
    """One row of the objectives. A subclass gives the losses of both updates; the R1 penalty on real images is common.

    A penalty of another kind is an `update_discriminator` of one's own.
    """

    names: ClassVar[tuple[str, ...]]
    """All losses that it gives, in the order in which they are shown; "r1" is the penalty's."""
    needs_real: ClassVar[bool] = False
    """Whether the generators' loss needs the logits of real images, too (relativistic objectives)."""

    r1_weight: float = 10.0
    """λ, the weight of E‖∇D(y)‖² over real images y; 0: no penalty."""

    @abstractmethod
    def generator_losses(self, fake: Tensor, real: Tensor | None) -> Losses:
        """What the generators minimise, from D's logits of observed generated images, and of real ones if needed."""

    @abstractmethod
    def discriminator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        """What D minimises, without its penalty, from its logits of real images and of observed generated ones."""

    def update_discriminator(self, d: nn.Module, real: Tensor, fake: Tensor) -> Update:
        """D's losses and penalty, on real and generated images as D sees them, (B, C, H, W) signed, no graph behind."""
        y = real.requires_grad_(self.r1_weight > 0)
        logits = d(y)
        penalty = {"r1": self.r1_weight * r1(logits, y)} if self.r1_weight else {}
        losses = {**self.discriminator_losses(logits, d(fake)), **penalty}
        return Update(losses, total(losses))
