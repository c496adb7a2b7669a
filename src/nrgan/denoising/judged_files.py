"""A denoiser judged on files, without a clean one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nrgan.data import NoisyImages, OwnData, TrainingData
from nrgan.denoising.denoise import Chosen, Denoising
from nrgan.denoising.denoiser import Denoiser, is_denoiser
from nrgan.denoising.judging import Judgement, judge
from nrgan.denoising.material import NoiseFound, unseen
from nrgan.errors import UserError
from nrgan.frames import FrameSet, ValueRange, filled, open_frames
from nrgan.layout import JUDGEMENT
from nrgan.storage import write_json

_SQUARES, _SIDE = 64, 256
"""Squares that are looked at, at most, and their side."""
_FEWEST_PIXELS = 16


def judged(work: Denoising, chosen: Chosen, halves: tuple[str, str] | None = None) -> Judgement:
    """Judges what was chosen, on images that it was not trained on where there are such.

    halves: files of two takes of the same scenes. Raises `UserError` where they are not.
    """
    # in the denoiser's range, which may be another one than these images would have
    data, noise = work.images(chosen.value_range), _noise(work)
    device = chosen.mapping.device if isinstance(chosen.mapping, Denoiser) else torch.device("cpu")
    images = torch.from_numpy(np.ascontiguousarray(_noisy(work, data))).to(device)
    takes = None
    if halves is not None:
        check_takes(halves)
        takes = (_take(halves[0], chosen).to(device), _take(halves[1], chosen).to(device))
    return judge(
        chosen.mapping,
        images,
        noise.law,
        certain=noise.certain,
        level_error=noise.level_error,
        doubts=noise.doubts,
        halves=takes,
    )


def check_takes(halves: tuple[str, str]) -> None:
    """Raises `UserError` where the files of two takes cannot be read, or hold unlike images."""
    first, second = (open_frames(path) for path in halves)
    kinds = [(len(take), take.channels, take.dtype, take.sizes.tolist()) for take in (first, second)]
    if kinds[0] != kinds[1]:
        raise UserError(f"<halves> {halves[0]} {halves[1]}: hold other images than one another; give two takes")


def _noise(work: Denoising) -> NoiseFound:
    """As the denoiser knows it, or as it is told of these images."""
    if is_denoiser(work.folder):
        about = Denoiser.load(work.folder).about
        return NoiseFound(about.law, about.level_error, about.certain, about.doubts)
    return work.noise()


def _noisy(work: Denoising, data: TrainingData) -> NoisyImages:
    """Images that the denoiser was not trained on, where it is one of these images and they are many enough."""
    if not (work.trained_here and is_denoiser(work.folder)):
        return data.noisy(data.evenly(_SQUARES))
    side = Denoiser.load(work.folder).about.side  # of the squares among which some were held out
    whole = data.cut(side) if isinstance(data, OwnData) and side != data.image_size else data
    return whole.noisy(unseen(whole, _SQUARES))


def _take(path: str, chosen: Chosen) -> Tensor:
    """The images of one take as squares, (K, C, H, W) unit range of the denoiser."""
    frames = open_frames(path)
    if frames.channels != chosen.channels or frames.dtype != chosen.value_range.dtype:
        raise UserError(f"<halves> {path}: are no images of the denoiser's kind ({chosen.value_range.dtype})")
    shortest = int(frames.sizes.min())
    if shortest < _FEWEST_PIXELS:
        raise UserError(f"<halves> {path}: has images of {shortest} pixels; {_FEWEST_PIXELS} are the fewest")
    side, count = min(shortest, _SIDE), min(len(frames), _SQUARES)
    return torch.stack([_square(frames, k * len(frames) // count, side, chosen.value_range) for k in range(count)])


def _square(frames: FrameSet, index: int, side: int, value_range: ValueRange) -> Tensor:
    """The middle of an image."""
    frame = frames.read(index)
    top, left = ((length - side) // 2 for length in frame.pixels.shape[:2])
    pixels = frame.pixels if frame.missing is None else filled(frame.pixels, frame.missing)
    unit = value_range.to_unit(pixels[top : top + side, left : left + side])
    return torch.from_numpy(np.ascontiguousarray(unit.transpose(2, 0, 1)))


def write_judgement(judgement: Judgement, folder: Path) -> Path:
    """Writes the figures into the denoiser's folder; returns the file."""
    path = folder / JUDGEMENT
    write_json(judgement.as_json(), path)
    return path
