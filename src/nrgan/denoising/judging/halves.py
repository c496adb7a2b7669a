"""Judged by two takes of the same scenes, whose noise is independent and of mean 0: no law of the noise is needed.

a = x + n, b = x + n'. As n' is in neither f(a) nor x, E(f(a) − b)² = E(f(a) − x)² + Var n', and (a − b)² tells the
variances. How far two answers agree, frequency by frequency, is their Fourier ring correlation. It tells what is
repeated, which is not all true: what f makes up of the same scene in the same way agrees too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrgan.denoising.judging.images import BATCH, Denoise, Doubles, answers, check_images, psnr, standard_error
from nrgan.denoising.judging.risk import Estimate
from nrgan.errors import UserError

WARNING = "A denoiser that was trained on both halves has seen the noise of both: then their agreement proves nothing."
_HIGHEST = 0.5
"""Cycles a pixel: there is no finer detail in an image."""
ONE_SEVENTH = 1 / 7
"""Correlation of two halves at which their mean has that of 0.5 with the truth (Rosenthal & Henderson 2003)."""


@dataclass(frozen=True)
class RingCorrelation:
    """FRC(k) = Re Σ A·B̄ / √(Σ|A|²·Σ|B|²) over rings of frequencies, all images and channels."""

    frequency: tuple[float, ...]
    """Middle of each ring, in cycles a pixel, up to 1/2."""
    correlation: tuple[float, ...]
    half_bit: tuple[float, ...]
    """The half-bit curve (van Heel & Schatz 2005) for as many values as a ring has in all images together."""

    def resolution(self, curve: str = "one seventh") -> float | None:
        """The frequency at which the correlation first falls below 1/7, or the "half bit"; None: it never does."""
        limit = self.half_bit if curve == "half bit" else (ONE_SEVENTH,) * len(self.frequency)
        below = (k for k, r, t in zip(self.frequency, self.correlation, limit, strict=True) if r < t)
        return next(below, None)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        resolution = {"one_seventh": self.resolution(), "half_bit": self.resolution("half bit")}
        return asdict(self) | {"resolution": resolution}


@dataclass(frozen=True)
class Halves:
    """What two takes of the same scenes tell of a denoiser."""

    risk: Estimate
    """Mean squared error of f(a) and f(b), unit range squared."""
    input_risk: Estimate
    """The same of the takes themselves: their noise's variance."""
    offset: float
    """Mean of a − b, 0..255: brightness that differs between takes counts as error."""
    offset_error: float | None
    takes: RingCorrelation
    answers: RingCorrelation
    warning: str = WARNING

    @property
    def words(self) -> str:
        """One line of it, in dB of the range and cycles a pixel."""
        before, after = ("?" if (db := psnr(r.mse)) is None else f"{db:.1f}" for r in (self.input_risk, self.risk))
        first, second = (_HIGHEST if (end := r.resolution()) is None else end for r in (self.takes, self.answers))
        return (
            f"by two takes: PSNR {before} dB before, {after} after; they agree (Fourier ring correlation above 1/7) "
            f"up to {first:.2f} cycles a pixel before, {second:.2f} after"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        figures = {"psnr": psnr(self.risk.mse), "input_psnr": psnr(self.input_risk.mse)}
        curves = {"takes": self.takes.as_json(), "answers": self.answers.as_json()}
        return asdict(self) | figures | curves


def judge_halves(
    f: Denoise, first: Tensor, second: Tensor, third: Tensor | None = None, *, batch: int = BATCH
) -> Halves:
    """Of two noisy takes, (B, C, H, W) unit range, image k of both of the same scene.

    Two takes: R = ½‖f(a) − b‖² + ½‖f(b) − a‖² − ½‖a − b‖², with no assumption about their levels. A third one, with as
    much noise as each of them, makes ½‖b − c‖² and ½‖a − c‖² of the last term, which is uMSE (Marcos-Morales 2023).
    Raises `UserError` where the takes do not fit each other.
    """
    check_images(first)
    for take in (second, third):
        if take is not None and take.shape != first.shape:
            raise UserError(f"halves hold the same scenes: {tuple(first.shape)} and {tuple(take.shape)} do not fit")
        if take is not None:
            check_images(take)
    of_first, of_second = answers(f, first, batch), answers(f, second, batch)
    crossed = (_squares(of_first, second) + _squares(of_second, first)) / 2
    variance = _squares(first, second) / 2
    constant = variance if third is None else (_squares(second, third) + _squares(first, third)) / 4
    offset = (first - second).double().mean((1, 2, 3)).cpu().numpy()
    return Halves(
        risk=Estimate.of((crossed - constant)[None]),
        input_risk=Estimate.of(variance[None]),
        offset=255 * float(offset.mean()),
        offset_error=None if (error := standard_error(offset)) is None else 255 * error,
        takes=ring_correlation(first, second),
        answers=ring_correlation(of_first, of_second),
    )


def _squares(a: Tensor, b: Tensor) -> Doubles:
    """Mean squared difference of each image, (B,)."""
    found: Doubles = ((a - b).double() ** 2).mean((1, 2, 3)).cpu().numpy()
    return found


def ring_correlation(a: Tensor, b: Tensor) -> RingCorrelation:
    """Of two sets of images, (B, C, H, W), their means taken off, under a Hann window, so that borders do not count."""
    height, width = a.shape[2:]
    window = _hann(height, a)[:, None] * _hann(width, a)
    first, second = (torch.fft.rfft2((x - x.mean((2, 3), keepdim=True)).double() * window) for x in (a, b))
    ring, rings = _rings(height, width)

    def summed(values: Tensor) -> Doubles:
        weights: Doubles = values.sum((0, 1)).flatten().cpu().numpy()
        return np.bincount(ring, weights, rings + 1)[:rings].astype(np.float64)

    cross = summed((first * second.conj()).real)
    both = summed(first.abs() ** 2) * summed(second.abs() ** 2)
    correlation = np.where(both > 0, cross / np.sqrt(np.maximum(both, np.finfo(float).tiny)), 0)
    count = np.bincount(ring, minlength=rings + 1)[:rings] * a.shape[0] * a.shape[1]
    root = np.sqrt(np.maximum(count, 1))
    half_bit = (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)
    frequency = np.arange(rings) / (2 * (rings - 1))
    chosen = slice(1, rings)  # the mean was taken off
    return RingCorrelation(*(tuple(v[chosen].tolist()) for v in (frequency, correlation, half_bit)))


def _hann(n: int, like: Tensor) -> Tensor:
    return torch.hann_window(n, periodic=False, dtype=torch.float64, device=like.device)


def _rings(height: int, width: int) -> tuple[Any, int]:
    """The ring of each value of a real transform, (H·(W/2 + 1),), and how many there are up to half a cycle a pixel."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    rings = min(height, width) // 2 + 1
    ring = np.rint(np.hypot(down, across) * 2 * (rings - 1)).astype(np.intp)
    return np.minimum(ring, rings).ravel(), rings
