"""The term that keeps learned noise diverse."""

from __future__ import annotations

from torch import Tensor


def diversity(n: Tensor, z: Tensor) -> Tensor:
    """−E[ mean|n₁ − n₂| / (mean|z₁ − z₂| + 10⁻¹²) ] over pairs from the two halves of the batch.

    n the noise (B, C, H, W), z the latents it came from (B, latent size); pulls different latents to different noise.
    Diversity-sensitive term, Yang et al. 2019; an odd last sample has no pair.
    """
    half = len(n) // 2
    n_distance = (n[:half] - n[half : 2 * half]).abs().mean(dim=(1, 2, 3))
    z_distance = (z[:half] - z[half : 2 * half]).abs().mean(dim=1)
    return -(n_distance / (z_distance + 1e-12)).mean()
