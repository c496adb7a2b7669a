"""The Fréchet distance, computed another way than the program does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nrgan.evaluation.metrics import Moments


def root(a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The symmetric square root, by its eigenvectors."""
    w, v = np.linalg.eigh(a)
    return (v * np.sqrt(np.maximum(w, 0))) @ v.T


def closed_form(a: Moments, b: Moments) -> float:
    """The Fréchet distance by symmetric roots only: tr (Σ₁Σ₂)^½ = tr (Σ₁^½ Σ₂ Σ₁^½)^½."""
    half = root(a.sigma)
    cross = np.trace(root(half @ b.sigma @ half))
    return float(((a.mu - b.mu) ** 2).sum() + np.trace(a.sigma) + np.trace(b.sigma) - 2 * cross)
