"""How near a denoiser comes to clean images, where those are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from skimage import metrics  # loaded where a function is asked for, and it brings much of scipy

from nrgan.corruptions import Sensor
from nrgan.data import OWN, SOURCES, NoisyImages
from nrgan.data.frozen import corrupt_images
from nrgan.denoising.denoiser import Denoiser
from nrgan.denoising.mapping import Mapping
from nrgan.errors import UserError
from nrgan.evaluation.measure import with_run_defaults
from nrgan.evaluation.protocol import Resources
from nrgan.ranges import unit_from_stored
from nrgan.runs import read_config
from nrgan.settings import Setting, find_setting, named_setting

IMAGES = 1_000
"""Of the unseen ones, unless one says."""
Pairs = Iterable[tuple[NoisyImages, NoisyImages]]
"""Clean and noisy images, unit range, (B, C, H, W) each."""

_BATCH = 50
_NOISE_SEED = 1_000
"""Frozen; far enough from small numbers that no image has the draws of a training image."""
_LEAST_ERROR = 1e-10
"""Mean squared; a PSNR is 100 dB at most."""
_WINDOW = 11
_OF_95 = 1.96


@dataclass(frozen=True)
class Interval:
    """A mean over images, and 95% of where it may lie: mean ± 1.96·s/√n, the images being drawn at random."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Interval:
        """Of a value for each image, two at least."""
        mean, error = float(values.mean()), _OF_95 * float(values.std(ddof=1)) / len(values) ** 0.5
        return cls(mean, mean - error, mean + error)


@dataclass(frozen=True)
class DenoiserFigures:
    """Means over images. PSNR in dB, −10·log₁₀ of an image's mean squared error, the peak being the unit range.

    SSIM: Wang et al. (2004), Gaussian window of σ = 1.5, range 1, the mean over channels.
    """

    images: int
    psnr: Interval
    ssim: Interval
    input_psnr: Interval
    """Of the noisy images themselves."""
    input_ssim: Interval
    gain: Interval
    """psnr less input_psnr, image by image."""
    answers_clipped: bool
    """Whether what the denoiser gave was clipped to 0..1 first; the noisy images are taken as they are."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class DenoiserEvaluation:
    """A row of a table of methods and settings."""

    method: str
    setting: str
    data_clipped: bool
    """Whether the noisy images were clipped to 0..1, as a sensor does."""
    figures: DenoiserFigures

    def as_json(self) -> dict[str, Any]:
        """Flat."""
        about = {"method": self.method, "setting": self.setting, "data_clipped": self.data_clipped}
        return about | self.figures.as_json()

    def describe(self) -> str:
        """In a sentence."""
        found = self.figures
        data, answers = ("clipped" if c else "not clipped" for c in (self.data_clipped, found.answers_clipped))
        return (
            f"{self.method} on {found.images:,} unseen images of {self.setting} (data {data}, answers {answers}): "
            f"PSNR {found.psnr.mean:.2f} dB ({found.psnr.low:.2f} to {found.psnr.high:.2f}), input "
            f"{found.input_psnr.mean:.2f}; SSIM {found.ssim.mean:.3f} ({found.ssim.low:.3f} to {found.ssim.high:.3f}), "
            f"input {found.input_ssim.mean:.3f}"
        )


def evaluate_denoiser(
    mapping: Mapping, pairs: Pairs, clip_answers: bool = False, device: torch.device | None = None
) -> DenoiserFigures:
    """The figures of a mapping. Raises `UserError` for fewer than two images, or images smaller than SSIM's window."""
    found: list[tuple[float, float, float, float]] = []
    for clean, noisy in pairs:
        if min(clean.shape[2:]) < _WINDOW:
            raise UserError(f"images of {clean.shape[2]}x{clean.shape[3]}: SSIM needs {_WINDOW} pixels a side")
        answers = mapping(torch.from_numpy(noisy).to(device)).cpu().numpy()
        answers = answers.clip(0, 1) if clip_answers else answers
        found += [
            (psnr(f, x), ssim(f, x), psnr(y, x), ssim(y, x)) for x, y, f in zip(clean, noisy, answers, strict=True)
        ]
    if len(found) < 2:
        raise UserError(f"<images> {len(found)}: an interval needs two at least")
    table = np.array(found)
    columns = dict(zip(("psnr", "ssim", "input_psnr", "input_ssim"), table.T, strict=True))
    columns["gain"] = columns["psnr"] - columns["input_psnr"]
    means = {name: Interval.of(column) for name, column in columns.items()}
    return DenoiserFigures(images=len(table), answers_clipped=clip_answers, **means)


def psnr(found: NoisyImages, clean: NoisyImages) -> float:
    """Of one image, dB; 100 at most."""
    error = float(np.mean((found.astype(np.float64) - clean) ** 2))
    return -10 * math.log10(max(error, _LEAST_ERROR))


def ssim(found: NoisyImages, clean: NoisyImages) -> float:
    """Of one image, (C, H, W)."""
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    value = metrics.structural_similarity(clean, found, data_range=1.0, channel_axis=0, **gaussian)  # type: ignore[no-untyped-call]
    return float(value)


def unseen_pairs(
    setting: Setting, image_size: int, images: int, clip: bool, resources: Resources
) -> Iterator[tuple[NoisyImages, NoisyImages]]:
    """The first images of a named setting that no training sees, with frozen noise. Raises `UserError`."""
    source = SOURCES[setting.source].unseen(image_size, resources.data_root, resources.cache, resources.preparing)
    if not 2 <= images <= len(source):
        raise UserError(f"<images> {images}: there are {len(source):,}, and an interval needs two at least")
    stored = source.images()[:images]
    for start in range(0, images, _BATCH):
        part = stored[start : start + _BATCH]
        places = np.arange(start, start + len(part))
        noisy = corrupt_images(setting.corruption, Sensor(clip), part, places, _NOISE_SEED, len(source))
        clean = unit_from_stored(part).astype(np.float32)
        yield _planes(clean), _planes(noisy)


def _planes(images: npt.NDArray[Any]) -> NoisyImages:
    """(B, H, W, C) → (B, C, H, W)."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def evaluate(
    path: str | Path,
    setting: str | None = None,
    *,
    images: int = IMAGES,
    clip: bool | None = None,
    clip_answers: bool = False,
    resources: Resources | None = None,
) -> DenoiserEvaluation:
    """The figures of a denoiser's folder on images of a named setting that no training saw.

    setting, clip: those that it was trained with if not given. Raises `UserError` where there are no clean images, or
    not of its kind.
    """
    denoiser = Denoiser.load(path)
    resources = with_run_defaults(resources or Resources(), denoiser.run)
    chosen = _setting(setting, denoiser)
    if (channels := SOURCES[chosen.source].channels) != denoiser.channels:
        raise UserError(f"{path}: takes images of {denoiser.channels} channels, and {chosen.name} has {channels}")
    clipped = _clip_of(denoiser) if clip is None else clip
    pairs = unseen_pairs(chosen, denoiser.about.side, images, clipped, resources)
    figures = evaluate_denoiser(denoiser.to(resources.device), pairs, clip_answers, resources.device)
    return DenoiserEvaluation(denoiser.about.method, chosen.name, clipped, figures)


def _setting(name: str | None, denoiser: Denoiser) -> Setting:
    if name is None and named_setting(denoiser.about.images) is None:
        raise UserError(
            f"{denoiser.run}: was trained on {denoiser.about.images}, of which no clean images are known; give a "
            "<setting> that has some"
        )
    found = find_setting(name or denoiser.about.images)
    if found.source == OWN:
        raise UserError(f"<setting> {name}: of your own images no clean ones are known; give a named setting")
    return found


def _clip_of(denoiser: Denoiser) -> bool:
    """Of the images that it was trained on, as its run says it; cameras clip."""
    try:
        return bool(read_config(denoiser.run).get("clip", True))
    except UserError:  # a snapshot on its own
        return True
