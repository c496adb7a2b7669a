"""Losses, as means over the batch. Logits (B,); images (B, C, H, W)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def logistic_real(logits: Tensor) -> Tensor:
    """−log σ(D(y)): small where D calls the images real. For D on real images; for G on its own (non-saturating).

    Goodfellow et al. 2014.
    """
    return F.softplus(-logits).mean()


def logistic_fake(logits: Tensor) -> Tensor:
    """−log(1 − σ(D(y))): small where D calls the images generated."""
    return F.softplus(logits).mean()


def r1(logits: Tensor, y: Tensor) -> Tensor:
    """E‖∇_y D(y)‖², without the ½; y the real images as D sees them, requiring gradients. Mescheder et al. 2018."""
    (gradient,) = torch.autograd.grad(logits.sum(), y, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def diversity(n: Tensor, z: Tensor) -> Tensor:
    """−E[ mean|n₁ − n₂| / (mean|z₁ − z₂| + 10⁻¹²) ] over pairs from the two halves of the batch.

    n the noise (B, C, H, W), z the latents it came from (B, latent size); pulls different latents to different noise.
    Diversity-sensitive term, Yang et al. 2019; an odd last sample has no pair.
    """
    half = len(n) // 2
    n_distance = (n[:half] - n[half : 2 * half]).abs().mean(dim=(1, 2, 3))
    z_distance = (z[:half] - z[half : 2 * half]).abs().mean(dim=1)
    return -(n_distance / (z_distance + 1e-12)).mean()
