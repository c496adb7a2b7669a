"""The discriminator's loss on real images, logistic and R1: as defined, and a cheaper form of the same gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from nrgan.networks import Discriminator
from nrgan.networks.units import FixedGates, RecordedUnits
from nrgan.objectives import logistic_real, r1
from nrgan.training.losses import Losses

PenaltyGradient = Literal["tangent", "double-backward"]


class RealSide(NamedTuple):
    """The losses, for showing, and the scalar whose gradient in D's parameters is that of their sum."""

    losses: Losses
    to_minimise: Tensor


def double_backward(d: Discriminator, y: Tensor, r1_weight: float) -> RealSide:
    """−log σ(D(y)) + λ·E‖∇D(y)‖², as written: the penalty's gradient goes back through the gradient."""
    y = y.requires_grad_(r1_weight > 0)
    logits = d(y)
    losses = {"real": logistic_real(logits)}
    if r1_weight:
        losses["r1"] = r1_weight * r1(logits, y)
    return RealSide(losses, torch.stack(list(losses.values())).sum())


def tangent(d: Discriminator, y: Tensor, r1_weight: float) -> RealSide:
    """The same gradient from one pass through D at fixed gates.

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
    return RealSide(losses, d(s, FixedGates(recorded, c)).sum())


FORMS: dict[PenaltyGradient, Callable[[Discriminator, Tensor, float], RealSide]] = {
    "tangent": tangent,
    "double-backward": double_backward,
}


def real_side(form: PenaltyGradient, d: Discriminator, y: Tensor, r1_weight: float) -> RealSide:
    """The chosen form; without a penalty, or for a D that is not piecewise linear, the definition."""
    return FORMS[form if r1_weight and d.piecewise_linear else "double-backward"](d, y, r1_weight)
