"""Is the noise right? The learned or simulated noise of a run beside the true one.

Noise is unit range here, levels are standard deviations on the scale 0..255. The truth is drawn from the setting's
exact law, before it is clipped, as the model's is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.corruptions import Sensor
from nrgan.data import Images, TrainingData, open_data
from nrgan.data.frozen import corrupt_units
from nrgan.evaluation.noise_level import noise_level
from nrgan.evaluation.protocol import Resources
from nrgan.evaluation.spectrum import level_spectrum
from nrgan.networks.sampling import CHUNK, chunks
from nrgan.ranges import nhwc, stored_from_signed, stored_from_unit, unit_difference, unit_from_stored
from nrgan.runs import TrainedModel

Array = npt.NDArray[Any]
LAGS = 5
"""Autocorrelation is computed for lags 0..4 down and across."""
SIGNAL_BINS = 16
_FEWEST = 1000
"""Values that a bin of the signal needs for its level to be told."""
_QUANTILES = np.linspace(0.0005, 0.9995, 1000)
_MEASURED = 500
_MOST_VALUES = 2**25
"""Values that are looked at, at most: 10,000 images of 32x32 in colour, 170 of 256x256."""


@dataclass(frozen=True)
class NoiseStatistics:
    """What can be told of a noise from samples of it and of the clean images it was added to."""

    level: float
    """Standard deviation."""
    mean: float
    level_of_images: tuple[float, float]
    """Mean and standard deviation over images of an image's own level."""
    signal: list[float]
    """Mean clean value in each of 16 equal bins of it, 0..255."""
    level_at_signal: list[float | None]
    """The noise-level curve: the level within each bin; None where the bin has too few values."""
    autocorrelation: list[list[float]]
    """[dy][dx], lags 0..4: E n(p)·n(p + d) / E n²."""
    channel_correlation: list[list[float]]
    excess_kurtosis: float
    """0 for Gaussian noise of one level, −1.2 for uniform; positive where the level varies."""
    quantiles: list[float]
    """Of the values, at 1,000 equally spaced probabilities, on the scale of 255."""

    @classmethod
    def of(cls, noise: Array, clean: Array) -> NoiseStatistics:
        """Of noise (N, C, H, W) on clean images of the same shape, unit range."""
        n = noise.astype(np.float64)
        per_image = 255 * n.std(axis=(1, 2, 3))
        centred = n - n.mean()
        variance = float((centred**2).mean())
        edges = np.linspace(0, 1, SIGNAL_BINS + 1)
        of_bin = np.clip(np.digitize(clean, edges) - 1, 0, SIGNAL_BINS - 1)
        flat = of_bin.ravel()
        count = np.bincount(flat, minlength=SIGNAL_BINS)
        first, second = (np.bincount(flat, (n**k).ravel(), SIGNAL_BINS) / np.maximum(count, 1) for k in (1, 2))
        curve = 255 * np.sqrt(np.maximum(second - first**2, 0))
        centres = (edges[1:] + edges[:-1]) / 2
        signal = np.where(count, np.bincount(flat, clean.ravel(), SIGNAL_BINS) / np.maximum(count, 1), centres)
        channels = centred.transpose(1, 0, 2, 3).reshape(n.shape[1], -1)
        return cls(
            level=255 * variance**0.5,
            mean=255 * float(n.mean()),
            level_of_images=(float(per_image.mean()), float(per_image.std())),
            signal=(255 * signal).tolist(),
            level_at_signal=[float(v) if c >= _FEWEST else None for v, c in zip(curve, count, strict=True)],
            autocorrelation=[[_correlation(centred, dy, dx, variance) for dx in range(LAGS)] for dy in range(LAGS)],
            channel_correlation=np.atleast_2d(_safe_corrcoef(channels)).tolist(),
            excess_kurtosis=float((centred**4).mean() / variance**2 - 3) if variance else 0.0,
            quantiles=(255 * np.quantile(n, _QUANTILES)).tolist(),
        )


def _correlation(n: Array, dy: int, dx: int, variance: float) -> float:
    height, width = n.shape[2:]
    product = n[:, :, : height - dy, : width - dx] * n[:, :, dy:, dx:]
    return float(product.mean() / variance) if variance else 0.0


def _safe_corrcoef(rows: Array) -> Array:
    covariance = np.atleast_2d(np.cov(rows))
    scale = np.sqrt(np.diag(covariance))
    scale[scale == 0] = 1.0
    return covariance / np.outer(scale, scale)


@dataclass(frozen=True)
class NoiseCheck:
    """The model's noise beside the truth, and how much noise is left in what should be clean."""

    setting: str
    model: str
    iteration: int
    samples: int
    truth: NoiseStatistics | None
    """None where nobody knows it: for the user's own images."""
    learned: NoiseStatistics | None
    """None for a model that adds no noise."""
    noise_left: dict[str, float]
    """Estimated level of white noise in sets of images (see `noise_level`): texture counts, so compare."""
    spectra: dict[str, list[float]] = field(default_factory=dict)
    """Of the same sets: the level at each frequency (see `level_spectrum`), on 0..255."""

    def differences(self) -> dict[str, float]:
        """How far the model's noise is from the truth; all 0 where it is the same. Empty where either is not there."""
        truth, learned = self.truth, self.learned
        if learned is None or truth is None:
            return {}
        pairs = zip(learned.level_at_signal, truth.level_at_signal, strict=True)
        curve = [a - b for a, b in pairs if a is not None and b is not None]
        return {
            "level (of 255)": learned.level - truth.level,
            "noise-level curve, rms (of 255)": float(np.sqrt(np.mean(np.square(curve)))) if curve else float("nan"),
            "spread of level over images (of 255)": learned.level_of_images[1] - truth.level_of_images[1],
            "autocorrelation, largest": _largest(learned.autocorrelation, truth.autocorrelation),
            "channel correlation, largest": _largest(learned.channel_correlation, truth.channel_correlation),
            "excess kurtosis": learned.excess_kurtosis - truth.excess_kurtosis,
            "marginal distance W1 (of 255)": float(
                np.abs(np.array(learned.quantiles) - np.array(truth.quantiles)).mean()
            ),
        }


def _largest(a: list[list[float]], b: list[list[float]]) -> float:
    return float(np.abs(np.array(a) - np.array(b)).max())


def _some(images: Array) -> Array:
    """As many as the noise that is left is estimated from, evenly spaced."""
    count = min(_MEASURED, len(images))
    return images[np.arange(count) * len(images) // count]


def _observed(model: TrainedModel, samples: int, seed: int) -> tuple[Images, Images, Array | None]:
    """Samples, clean and as observed, (N, H, W, C) uint8, and their noise, (N, C, H, W) unit range, if any."""
    clean, observed, noises = [], [], []
    for chunk in chunks(0, samples):
        parts = model.observe(seed, chunk).parts
        clean.append(stored_from_signed(parts["clean"]))
        observed.append(stored_from_signed(model.setting.sensor.rounded(parts["noisy"])))
        if "noise" in parts:
            noises.append(unit_difference(parts["noise"].cpu().numpy()))
    noise = np.concatenate(noises)[:samples] if noises else None
    return np.concatenate(clean)[:samples], np.concatenate(observed)[:samples], noise


def check_noise(
    model: TrainedModel,
    resources: Resources,
    samples: int = 2000,
    seed: int = 0,
    data: TrainingData | None = None,
) -> NoiseCheck:
    """Compares the noise on `samples` generated images with the truth on as many real ones.

    data: the images that it was trained on, where they are the user's own and open already. Raises `UserError`.
    """
    about = model.about
    # unclipped: what the sensor's limits cut off is part of the law all the same
    chosen = replace(about.data(model.image_size), sensor=Sensor(clip=False))
    if data is None:
        data = open_data(chosen, resources.data_root, resources.cache, resources.preparing)
    samples = min(samples, max(CHUNK, _MOST_VALUES // (data.channels * data.image_size**2)))
    indices = data.evenly(samples)
    sets: dict[str, Array] = {}
    truth = None
    if data.has_clean:
        real = data.clean(indices)
        unit = unit_from_stored(real)
        noisy = corrupt_units(data.corruption, chosen.sensor, unit, indices, about.data_seed, len(data))
        truth = NoiseStatistics.of((noisy - unit).transpose(0, 3, 1, 2), unit.transpose(0, 3, 1, 2))
        sets = {"clean images": _some(real), "noisy images": stored_from_unit(_some(noisy))}
    else:
        sets = {"noisy images": stored_from_unit(nhwc(data.noisy(_some(indices))))}

    clean, observed, noise = _observed(model, samples, seed)
    signal = unit_from_stored(clean).transpose(0, 3, 1, 2)
    learned = NoiseStatistics.of(noise, signal) if noise is not None else None
    sets |= {"clean samples": _some(clean), "samples as observed": _some(observed)}
    return NoiseCheck(
        setting=about.images,
        model=about.model,
        iteration=about.iteration,
        samples=samples,
        truth=truth,
        learned=learned,
        noise_left={name: noise_level(images) for name, images in sets.items()},
        spectra={name: level_spectrum(unit_from_stored(images)) for name, images in sets.items()},
    )
