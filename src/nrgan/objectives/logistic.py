"""The published objective: the logistic loss, and R1 in a form that needs no gradient of a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.networks.units import FixedGates, RecordedUnits
from nrgan.objectives.base import Losses, Objective, Update

PenaltyGradient = Literal["tangent", "double-backward"]


def logistic_real(logits: Tensor) -> Tensor:
    """−log σ(D(y)): small where D calls the images real. For D on real images; for G on its own (non-saturating).

    Goodfellow et al. 2014.
    """
    return F.softplus(-logits).mean()


def logistic_fake(logits: Tensor) -> Tensor:
    """−log(1 − σ(D(y))): small where D calls the images generated."""
    return F.softplus(logits).mean()


@dataclass(frozen=True)
class Logistic(Objective):
    """G: −log σ(D(fake)); D: −log σ(D(real)) − log(1 − σ(D(fake))) + λ·E‖∇D(real)‖².

    penalty_gradient: how the gradient of the penalty is computed, the same numbers; `tangent` needs a D that is
    `piecewise_linear`, and falls back to the definition elsewhere. Goodfellow et al. 2014, Mescheder et al. 2018; the
    defaults are NR-GAN's (Kaneko & Harada 2020).
    """

    names: ClassVar[tuple[str, ...]] = ("generator", "real", "fake", "r1")

    penalty_gradient: PenaltyGradient = "tangent"

    def generator_losses(self, fake: Tensor, real: Tensor | None) -> Losses:
        return {"generator": logistic_real(fake)}

    def discriminator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        return {"real": logistic_real(real), "fake": logistic_fake(fake)}

    def update_discriminator(self, d: nn.Module, real: Tensor, fake: Tensor) -> Update:
        if self.penalty_gradient == "tangent" and self.r1_weight and getattr(d, "piecewise_linear", False):
            on_real = tangent(d, real, self.r1_weight)
            on_fake = logistic_fake(d(fake))
            return Update({**on_real.losses, "fake": on_fake}, on_real.to_minimise + on_fake)
        return super().update_discriminator(d, real, fake)


def tangent(d: nn.Module, y: Tensor, r1_weight: float) -> Update:
    """The losses on real images y, −log σ(D(y)) + λ·E‖∇D(y)‖², and their gradient from one pass at fixed gates.

    With v = ∇D(y) held fixed, the gradient of λ·E‖∇D‖² in the parameters is that of 2λ·E[derivative of D along v]. D is
    piecewise linear, so that derivative is a pass of v through the gates that y opened, and the logistic loss, whose
    gradient is that of Σ cᵢ·D(yᵢ) for fixed cᵢ = −σ(−D(yᵢ))/B, a pass of cᵢ·yᵢ with the biases times cᵢ. Both at once:
    sᵢ = cᵢ·yᵢ + (2λ/B)·vᵢ. Needs a D of ReLUs whose samples do not meet (`Discriminator.piecewise_linear`).
    """
    recorded = RecordedUnits()
    y = y.requires_grad_()
    logits = d(y, recorded)
    (v,) = torch.autograd.grad(logits.sum(), y)
    with torch.no_grad():
        losses = {"real": logistic_real(logits), "r1": r1_weight * v.square().sum(dim=(1, 2, 3)).mean()}
        c = -torch.sigmoid(-logits) / len(y)
        s = c[:, None, None, None] * y + (2 * r1_weight / len(y)) * v
    return Update(losses, d(s, FixedGates(recorded, c)).sum())
