"""A denoiser at work, on pictures that are drawn for it: nobody's images are shown, and the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nrgan.data.sources.shapes import Shapes
from nrgan.denoising.denoiser import Denoiser
from nrgan.denoising.evaluate import psnr
from nrgan.layout import find_snapshot
from nrgan.pictures import grid
from nrgan.ranges import nhwc, stored_from_unit, unit_from_stored
from nrgan.reports.diagnosis_table import with_options
from nrgan.reports.page.blocks import BeforeAfter, Block, Picture, Pictures, Table, Words, figure
from nrgan.reports.page.subjects import Subject

_SIDE, _COUNT, _SEED = 96, 4, 0
_A_ROW = 2
_BRIGHTEST = 3.0
"""Times the mean expected error, which is white in the map of errors."""


def before_after(subject: Subject) -> Sequence[Block]:
    """Drawn pictures with noise of the law that the denoiser was trained for, and what it makes of them."""
    find_snapshot(subject.path)
    denoiser = Denoiser.load(subject.path).to(subject.options.resources.device)
    law = denoiser.about.law
    if law is None:
        return [Words("No law of its noise is known, so that no noise can be drawn for pictures to be shown with.")]
    clean = _drawn(denoiser.channels, max(denoiser.multiple, _SIDE // denoiser.multiple * denoiser.multiple))
    noisy = clean + law.simulate_noise(clean, torch.Generator().manual_seed(_SEED))
    found = denoiser(noisy)
    parts = [_picture(part, words) for part, words in ((noisy, "noisy"), (found, "denoised"))]
    figures = ["PSNR (dB)", *(figure(_mean_psnr(part, clean)) for part in (noisy, found))]
    return [
        Words(
            "Drawn pictures, with noise drawn from the law that this denoiser was trained for; they are nothing that "
            "it was trained on.",
            quiet=True,
        ),
        BeforeAfter("noisy to denoised", *parts),
        Table("On these pictures, which are unlike its images", ["", "noisy", "denoised"], [figures]),
        *_uncertainty(denoiser, noisy, found - clean),
    ]


def _drawn(channels: int, side: int) -> Tensor:
    """(K, C, H, W), unit range: in colour for three channels, else each channel grey."""
    images = unit_from_stored(Shapes(side, _SEED, _COUNT).images()).astype(np.float32)
    if channels != 3:
        images = np.repeat(images.mean(axis=3, keepdims=True), channels, axis=3)
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def _picture(images: Tensor, words: str) -> Picture:
    pixels = stored_from_unit(nhwc(images.numpy()))
    return Picture.of(grid(pixels, columns=_A_ROW, gap=1), words, f"{len(pixels)} drawn pictures, {words}")


def _mean_psnr(images: Tensor, clean: Tensor) -> float:
    return float(np.mean([psnr(y, x) for y, x in zip(images.numpy(), clean.numpy(), strict=True)]))


def _uncertainty(denoiser: Denoiser, noisy: Tensor, error: Tensor) -> list[Block]:
    """The expected errors beside those that were made."""
    expects, why = denoiser.expected_error()
    if expects is None:
        return [Words(f"Its errors are not told value by value: {with_options(str(why))}.")]
    expected = expects(noisy)
    white = _BRIGHTEST * float(expected.mean()) or 1.0
    pictures = [_picture(part.abs() / white, words) for part, words in ((expected, "expected error"), (error, "error"))]
    rms = [255 * float(part.square().mean()) ** 0.5 for part in (expected, error)]
    expected_rms, made = (figure(value, 3) for value in rms)
    words = f"White is {figure(255 * white, 3)} of 255. Root mean squares: {expected_rms} expected, {made} made."
    return [Pictures(pictures), Words(words)]
