"""The risk of a denoiser, E(f(y) − x)² per value, from noisy images and a noise law that can be drawn from.

y = x + n; m is a fresh draw of the law at f(y), which stands for x (`images.stand_in`).

probe          R₀ = ‖f(y) − y‖² + 2·mᵀ(f(y + εm) − f(y))/ε − ‖m‖²
               E mᵀ∇f m = tr(Σ∇f): Stein's unbiased risk estimate for Gaussian noise of any covariance Σ, which is never
               needed itself. To first order where the noise depends on the signal, or is not quite Gaussian.
exchangeable   R₁ = ‖f(z) − y‖² + 2⟨f(z) − y, m⟩ − ‖m‖², z = y + m
               n and m have the same law, so E⟨f(z), n⟩ = E⟨f(z), m⟩, whatever the law: the risk at twice the variance.

Both are sums of squares and products, so that they hold in each frequency band after an orthonormal transform.
Either needs the level: a law whose level is s times the true one shifts R₀ by (s² − 1)(2 tr Σ∇f − tr Σ).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nrgan.corruptions import AdditiveNoise
from nrgan.denoising.judging.bands import BANDS, band_means, dct
from nrgan.denoising.judging.images import (
    BATCH,
    Denoise,
    Doubles,
    check_images,
    draws_for,
    noise_of,
    psnr,
    stand_in,
    standard_error,
)
from nrgan.denoising.judging.noise_traits import NoiseTraits
from nrgan.draws import Draws

Estimator = Literal["probe", "exchangeable", "pairs"]
PROBE: Final = "probe"
EXCHANGEABLE: Final = "exchangeable"
PAIRS: Final = "pairs"
_STEP = 0.02
"""ε: small beside the noise, large beside float32's rounding."""
_ERRORS = 2.0
"""Standard errors, of the level and over images, that a range covers to each side."""


@dataclass(frozen=True)
class Estimate:
    """A mean squared error per value, unit range squared, and how well it is known."""

    mse: float
    """May be below 0 by chance, or where the level is too high."""
    error: float | None
    """Standard error over images; None for one image."""
    low: float
    """Least within 2 standard errors of the level and of the mean over images, taken together."""
    high: float

    @classmethod
    def of(cls, values: Doubles) -> Estimate:
        """Of values per image, (S, B): at the law's level first, then at levels 2 errors off, if there are any."""
        means = values.mean(1)
        error = standard_error(values[0])
        chance = _ERRORS * (error or 0.0)
        low = means[0] - math.hypot(means[0] - means.min(), chance)
        high = means[0] + math.hypot(means.max() - means[0], chance)
        return cls(float(means[0]), error, float(low), float(high))


@dataclass(frozen=True)
class Risk(Estimate):
    """Of a denoiser over images: the mean squared error, and its parts by frequency."""

    estimator: Estimator
    """pairs: the truth was known."""
    noises: int
    """1: at the images' own noise. 2: at twice its variance, as the exchangeable estimate is: f does better than so."""
    bands: tuple[Estimate, ...]
    """Of `bands.BANDS`, low frequencies first; they add up to the whole."""
    per_image: tuple[float, ...]
    """MSE of each."""

    @classmethod
    def of_bands(cls, values: Doubles, estimator: Estimator, noises: int) -> Risk:
        """Of values per image and band, (S, B, bands), at levels as `Estimate.of` has them."""
        whole = values.sum(2)
        parts = tuple(Estimate.of(values[:, :, k]) for k in range(values.shape[2]))
        of_whole = asdict(Estimate.of(whole))
        return cls(**of_whole, estimator=estimator, noises=noises, bands=parts, per_image=tuple(whole[0].tolist()))

    @property
    def psnr(self) -> float | None:
        """Of the mean MSE, dB, peak 1; None where that is not above 0."""
        return psnr(self.mse)

    @property
    def psnr_range(self) -> tuple[float | None, float | None]:
        """At `high` and at `low`, dB; None at the end where no bound can be told."""
        return psnr(self.high), psnr(self.low)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`, without those of single images."""
        plain = asdict(replace(self, per_image=()))
        del plain["per_image"]
        bands = [asdict(band) | part for band, part in zip(BANDS, plain.pop("bands"), strict=True)]
        said = {"images": len(self.per_image), "psnr": self.psnr, "psnr_range": self.psnr_range}
        return plain | said | {"bands": bands}


def risk(
    f: Denoise,
    images: Tensor,
    law: AdditiveNoise,
    *,
    level_error: float | None = None,
    estimator: Estimator | None = None,
    seed: int = 0,
    batch: int = BATCH,
) -> Risk:
    """The risk of f on noisy images, (B, C, H, W) unit range, without clean ones.

    level_error: relative standard error of the law's level; None where it is known. The range is R at levels 2 of them
    off: by the formula for the probe (same draws), computed anew for an exchangeable draw.
    estimator: PROBE or EXCHANGEABLE; None chooses by the law's own draws (`NoiseTraits.nearly_gaussian`).
    """
    check_images(images)
    estimator = estimator or suited_estimator(law, images)
    scales = [1.0] + [max(1 + _ERRORS * sign * level_error, 0.0) for sign in (-1, 1) if level_error]
    draws = draws_for(images, seed)
    parts = [_values(f, y, law, estimator, scales, draws) for y in torch.split(images, batch)]
    return Risk.of_bands(np.concatenate(parts, 1), estimator, 1 if estimator == PROBE else 2)


def suited_estimator(law: AdditiveNoise, images: Tensor) -> Estimator:
    """The estimate that holds for the law at the images' signals."""
    return PROBE if NoiseTraits.of(law, images).nearly_gaussian else EXCHANGEABLE


@torch.no_grad()
def risk_of_pairs(f: Denoise, noisy: Tensor, clean: Tensor, *, noises: int = 1, batch: int = BATCH) -> Risk:
    """The same figure where the truth is known, as of generated pairs. noises: see `Risk.noises`."""
    check_images(noisy)
    parts = [
        band_means(dct(f(y) - x) ** 2)
        for y, x in zip(torch.split(noisy, batch), torch.split(clean, batch), strict=True)
    ]
    return Risk.of_bands(np.concatenate(parts)[None], PAIRS, noises)


class _Terms(NamedTuple):
    """‖a‖² + 2⟨u, m⟩ − ‖m‖², each (B, C, H, W)."""

    a: Tensor
    u: Tensor
    m: Tensor

    def by_band(self, scale: float = 1.0) -> Doubles:
        """(B, bands), per value; u and m both `scale` times as large."""
        a, u, m = (dct(term) for term in self)
        return band_means(a**2 + scale**2 * (2 * u * m - m**2))


@torch.no_grad()
def _values(
    f: Denoise, y: Tensor, law: AdditiveNoise, estimator: Estimator, scales: list[float], draws: Draws
) -> Doubles:
    """Estimated squared errors, (S, B, bands), at levels `scales` times the law's."""
    answer = f(y)
    m = noise_of(law, stand_in(y, answer, law), draws)
    if estimator == PROBE:
        terms = _Terms(answer - y, (f(y + _STEP * m) - answer) / _STEP, m)
        return np.stack([terms.by_band(scale) for scale in scales])
    return np.stack([_Terms(a := f(y + scale * m) - y, a, scale * m).by_band() for scale in scales])


@dataclass(frozen=True)
class Ranking:
    """Denoisers by their risk on the same images with the same draws."""

    risks: dict[str, Risk]
    """By name, the best first."""
    behind: dict[str, float]
    """MSE above the best's."""
    error: dict[str, float | None]
    """Standard error of that, over images: of differences, so far smaller than that of either."""

    @property
    def best(self) -> str:
        return next(iter(self.risks))

    @property
    def clear(self) -> bool:
        """Whether every other is more than 2 standard errors behind."""
        return all(
            error is not None and self.behind[name] > _ERRORS * error
            for name, error in self.error.items()
            if name != self.best
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        rows = {
            name: found.as_json() | {"behind": self.behind[name], "behind_error": self.error[name]}
            for name, found in self.risks.items()
        }
        return {"best": self.best, "clear": self.clear, "candidates": rows}


def rank(
    candidates: Mapping[str, Denoise],
    images: Tensor,
    law: AdditiveNoise,
    *,
    level_error: float | None = None,
    seed: int = 0,
    batch: int = BATCH,
) -> Ranking:
    """Orders denoisers by their risk on noisy images that none was trained on. A wrong level hardly changes the order.

    One estimator for all, the same draws for all.
    """
    estimator = suited_estimator(law, images)
    found = {
        name: risk(f, images, law, level_error=level_error, estimator=estimator, seed=seed, batch=batch)
        for name, f in candidates.items()
    }
    risks = dict(sorted(found.items(), key=lambda item: item[1].mse))
    values = {name: np.array(each.per_image) for name, each in risks.items()}
    best = next(iter(values.values()))
    behind = {name: float((each - best).mean()) for name, each in values.items()}
    return Ranking(risks, behind, {name: standard_error(each - best) for name, each in values.items()})
