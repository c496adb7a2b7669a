"""What a denoiser takes away from real images, r = y − f(y), beside what it should take away.

Even the best denoiser's residual is neither white nor independent of its answer: E‖r‖² = tr Σ − MSE and E⟨r, f(y)⟩ =
MSE. So the figures are compared with those of the same f on its own answers noised again, y' = x̂ + m, m from the law
at x̂ = f(y) with the mean of y. Where they disagree much, the law is wrong, or f is given images unlike those it knows.
An answer lacks the detail that f lost, so that a real residual has a few percent more level and correlation where f
loses some, by whatever law: the standard errors are of chance alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from nrgan.corruptions import AdditiveNoise
from nrgan.denoising.judging.images import (
    BATCH,
    Denoise,
    Doubles,
    answers,
    check_images,
    noise_at,
    stand_in,
    standard_error,
)

LAGS = 5
"""Autocorrelation is told at lags 0..4 down and across."""
SIGNAL_BINS = 8
_GROUPS = 16
"""Of images, over which figures are averaged."""
_FEWEST = 200
"""Values that a bin of the signal needs in a group."""


@dataclass(frozen=True)
class ResidualFigures:
    """Of one residual, or the standard errors or differences of such; levels on the scale 0..255."""

    level: float
    """Root of the mean square."""
    autocorrelation: tuple[tuple[float, ...], ...]
    """[dy][dx], lags 0..4."""
    answer_correlation: float
    """corr(r, f(y)) within an image: above 0 for a good denoiser."""
    excess_kurtosis: float
    level_at_signal: tuple[float | None, ...]
    """In bins of f(y); None where few values are."""

    @classmethod
    def of(cls, row: Doubles) -> ResidualFigures:
        """Of a row as `_figures` gives it."""
        level, correlation, kurtosis, *rest = (float(v) for v in row)
        lags, at_signal = rest[: LAGS**2], rest[LAGS**2 :]
        return cls(
            level=level,
            autocorrelation=tuple(tuple(lags[i * LAGS : (i + 1) * LAGS]) for i in range(LAGS)),
            answer_correlation=correlation,
            excess_kurtosis=kurtosis,
            level_at_signal=tuple(None if np.isnan(v) else v for v in at_signal),
        )


@dataclass(frozen=True)
class ResidualCheck:
    """The figures on real images beside those expected, means over groups of images."""

    signal: tuple[float, ...]
    """Edges of the bins of f(y), 0..255."""
    seen: ResidualFigures
    expected: ResidualFigures
    difference: ResidualFigures
    """Seen less expected, each group with itself."""
    error: ResidualFigures | None
    """Standard error of the difference, over groups; None for one image."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self)


def check_residual(
    f: Denoise, images: Tensor, law: AdditiveNoise, *, seed: int = 0, batch: int = BATCH
) -> ResidualCheck:
    """Compares the residual of f on noisy images, (B, C, H, W) unit range, with what the law makes it expect."""
    check_images(images)
    answer = answers(f, images, batch)
    clean = stand_in(images, answer, law)
    noised = clean + noise_at(clean, law, seed, batch)
    again = answers(f, noised, batch)
    edges = np.quantile(answer.double().cpu().numpy(), np.linspace(0, 1, SIGNAL_BINS + 1))
    groups = np.array_split(np.arange(len(images)), min(_GROUPS, len(images)))
    seen, expected = (
        np.stack([_figures(y[g].double().cpu().numpy(), x[g].double().cpu().numpy(), edges) for g in groups])
        for y, x in ((images, answer), (noised, again))
    )
    both = ~np.isnan(seen + expected)
    return ResidualCheck(
        signal=tuple(float(255 * edge) for edge in edges),
        seen=ResidualFigures.of(_mean(seen, both)),
        expected=ResidualFigures.of(_mean(expected, both)),
        difference=ResidualFigures.of(_mean(seen - expected, both)),
        error=_errors(seen - expected) if len(groups) > 1 else None,
    )


def _mean(rows: Doubles, told: Any) -> Doubles:
    """Over groups where both were told; NaN where none was."""
    count = told.sum(0)
    return np.where(count, np.where(told, rows, 0).sum(0) / np.maximum(count, 1), np.nan)


def _errors(differences: Doubles) -> ResidualFigures:
    columns = (column[~np.isnan(column)] for column in differences.T)
    errors = [standard_error(column) for column in columns]
    return ResidualFigures.of(np.array([np.nan if e is None else e for e in errors]))


def _figures(y: Doubles, answer: Doubles, edges: Doubles) -> Doubles:
    """Level, correlation with the answer, kurtosis, autocorrelation, level in bins: one row of a group of images."""
    r = y - answer
    inside = r - r.mean((2, 3), keepdims=True)
    changing = answer - answer.mean((2, 3), keepdims=True)
    variance = max(float((inside**2).mean()), np.finfo(float).tiny)
    height, width = r.shape[2:]
    lags = [
        (inside[:, :, : height - dy, : width - dx] * inside[:, :, dy:, dx:]).mean() / variance
        for dy in range(LAGS)
        for dx in range(LAGS)
    ]
    correlation = (inside * changing).mean() / np.sqrt(variance * max((changing**2).mean(), np.finfo(float).tiny))
    kurtosis = (inside**4).mean() / variance**2 - 3 if inside.any() else 0.0
    of_bin = np.clip(np.searchsorted(edges, answer.ravel(), side="right") - 1, 0, SIGNAL_BINS - 1)
    count = np.bincount(of_bin, minlength=SIGNAL_BINS)
    squares = np.bincount(of_bin, (r**2).ravel(), SIGNAL_BINS) / np.maximum(count, 1)
    at_signal = np.where(count >= _FEWEST, 255 * np.sqrt(squares), np.nan)
    return np.array([255 * np.sqrt((r**2).mean()), correlation, kurtosis, *lags, *at_signal])
