"""What a denoiser makes of noise where there is nothing: structures that are not there.

f is given flat images of several signals with noise of the law. What is left, d = f(y) − mean, should look like noise,
smoother than before. The yardstick is a Gaussian smoother of the same noise that leaves as much: the same standard
deviation s. A false structure is a connected spot (8 neighbours, one sign, one channel) where |d| > 4 s. A linear f has
about as many as the smoother; one that takes noise for detail leaves few but strong spots, and has many times more.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import ndimage, optimize
from torch import Tensor

from nrgan.corruptions import AdditiveNoise
from nrgan.denoising.judging.images import (
    BATCH,
    Denoise,
    Doubles,
    answers,
    check_images,
    flats,
    noise_at,
    signals_of,
)
from nrgan.denoising.mapping import Mapping
from nrgan.errors import UserError

THRESHOLD = 4.0
"""Standard deviations from which on a spot is a structure."""
SIGNALS = 5
_SIDE = 256
_WIDEST = 64.0
"""Standard deviation of the widest smoother, in pixels."""
_MEGA = 1e6
_ROUNDING = 1e-6
"""Of float32 answers, unit range: less than that is nothing left."""
_NEIGHBOURS = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))])
"""Of a pixel: the eight around it, in its own image."""


@dataclass(frozen=True)
class Spots:
    """Connected spots above the threshold, over the area that was looked at (each channel counts)."""

    count: int
    megapixels: float

    @property
    def per_megapixel(self) -> float:
        return self.count / self.megapixels

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self) | {"per_megapixel": self.per_megapixel}


@dataclass(frozen=True)
class NullAtSignal:
    """At one flat signal. Levels are standard deviations on the scale 0..255."""

    signal: float
    """0..255."""
    noise: float
    """Level of the input's noise."""
    left: float
    """Level of what f leaves of it."""
    shift: float
    """Mean of f(y) less the signal."""
    spots: Spots
    smoother_spots: Spots
    smoother_width: float
    """Standard deviation of the Gaussian smoother that leaves as much, in pixels."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self) | {"spots": self.spots.as_json(), "smoother_spots": self.smoother_spots.as_json()}


@dataclass(frozen=True)
class NullTest:
    """False structures of f, and of the smoother that leaves as much noise, over flat signals."""

    signals: tuple[NullAtSignal, ...]

    @property
    def spots(self) -> Spots:
        return _sum([row.spots for row in self.signals])

    @property
    def smoother_spots(self) -> Spots:
        return _sum([row.smoother_spots for row in self.signals])

    def left_at(self, signal: float) -> float:
        """Level of what f leaves at a signal, both 0..255, linear between those that were tried."""
        return float(np.interp(signal, [row.signal for row in self.signals], [row.left for row in self.signals]))

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "spots": self.spots.as_json(),
            "smoother_spots": self.smoother_spots.as_json(),
            "signals": [row.as_json() for row in self.signals],
        }


def null_test(
    f: Mapping,
    images: Tensor,
    law: AdditiveNoise,
    *,
    signals: tuple[float, ...] | None = None,
    each: int = 2,
    side: int = _SIDE,
    seed: int = 0,
    batch: int = BATCH,
) -> NullTest:
    """Of f on `each` flat images at each signal (unit range, rising; None: five that the images span).

    Borders as wide as f's radius, a quarter of the side at most, are not counted: fewer pixels are averaged there.
    """
    check_images(images)
    signals = signals or signals_of(images, SIGNALS)
    x = flats(signals, images, each, (side, side))
    noise = noise_at(x, law, seed, batch)
    answer = answers(f, x + noise, batch)
    border = min(f.radius, side // 4)
    cut = slice(border, side - border)
    noises, found = (v.double().cpu().numpy().reshape(len(signals), each, *v.shape[1:]) for v in (noise, answer))
    return NullTest(tuple(_at_signal(*at, cut) for at in zip(signals, noises, found, strict=True)))


def _at_signal(signal: float, noise: Doubles, answer: Doubles, cut: slice) -> NullAtSignal:
    """Of noise and answers, (N, C, H, W), at one signal."""
    d = answer[:, :, cut, cut]
    shift = float(d.mean()) - signal
    left = float(d.std())
    noise = noise - noise.mean()
    width = _width_that_leaves(noise, left)
    smooth = _smoothed(noise, width)[:, :, cut, cut]
    return NullAtSignal(
        signal=255 * signal,
        noise=255 * float(noise.std()),
        left=255 * left,
        shift=255 * shift,
        spots=_spots(d - d.mean(), left),
        smoother_spots=_spots(smooth, float(smooth.std())),
        smoother_width=width,
    )


def _spots(d: Doubles, level: float) -> Spots:
    """Of deviations, (N, C, H, W)."""
    flat = d.reshape(-1, *d.shape[2:])
    threshold = THRESHOLD * max(level, _ROUNDING)
    found = sum(ndimage.label(sign * flat > threshold, _NEIGHBOURS)[1] for sign in (1, -1))
    return Spots(int(found), d.size / _MEGA)


def _sum(parts: list[Spots]) -> Spots:
    return Spots(sum(p.count for p in parts), sum(p.megapixels for p in parts))


def _response(shape: tuple[int, ...], width: float) -> Doubles:
    """Of a Gaussian smoother, exp(−2π²·width²·|k|²), to Fourier values of real images."""
    down, across = np.fft.fftfreq(shape[-2])[:, None], np.fft.rfftfreq(shape[-1])
    return np.exp(-2 * (math.pi * width) ** 2 * (down**2 + across**2))


def _smoothed(noise: Doubles, width: float) -> Doubles:
    """By a Gaussian, round the edges."""
    return np.fft.irfft2(np.fft.rfft2(noise) * _response(noise.shape, width), noise.shape[-2:])


def _width_that_leaves(noise: Doubles, level: float) -> float:
    """Of the smoother after which noise of mean 0 has that level; 0 where it has less from the beginning."""
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean((0, 1)) / noise[0, 0].size ** 2
    half = power[:, : power.shape[1] // 2 + 1].copy()
    half[:, 1 : (power.shape[1] + 1) // 2] *= 2  # both signs of the frequency

    def too_much(width: float) -> float:
        return float((half * _response(noise.shape, width) ** 2).sum()) - level**2

    if too_much(0) <= 0:
        return 0.0
    return _WIDEST if too_much(_WIDEST) >= 0 else float(optimize.brentq(too_much, 0, _WIDEST, xtol=1e-3))


@dataclass(frozen=True)
class EmptyRegions:
    """False structures in regions of real images where nothing is, beside those in the answer to pure noise."""

    spots: Spots
    expected: Spots
    """Of the null test."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {"spots": self.spots.as_json(), "expected": self.expected.as_json()}


def empty_regions(f: Denoise, images: Tensor, empty: Tensor, null: NullTest, *, batch: int = BATCH) -> EmptyRegions:
    """Spots in the answer where `empty`, (B, 1, H, W) bool, says that there is nothing but one flat signal an image.

    Deviations are from the region's mean in each image and channel, over what f leaves of pure noise at that signal.
    """
    check_images(images)
    if empty.shape != (len(images), 1, *images.shape[2:]) or not bool(empty.any()):
        raise UserError(
            f"empty regions are (B, 1, H, W) bool, some pixels at least, not {tuple(empty.shape)} of the images"
        )
    answer = answers(f, images, batch).double().cpu().numpy()
    inside = np.broadcast_to(empty.cpu().numpy(), answer.shape)
    count = np.maximum(inside.sum((2, 3), keepdims=True), 1)
    means = np.where(inside, answer, 0).sum((2, 3), keepdims=True) / count
    levels = np.vectorize(null.left_at)(255 * means) / 255
    z = np.where(inside, answer - means, 0) / np.maximum(levels, np.finfo(float).tiny)
    return EmptyRegions(Spots(_spots(z, 1.0).count, float(inside.sum()) / _MEGA), null.spots)
