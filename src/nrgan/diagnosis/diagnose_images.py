"""From image files to a diagnosis of their noise, and the model that it names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nrgan.data import DataChoice, NoisyImages, TrainingData, open_data
from nrgan.diagnosis.estimate import estimate_noise
from nrgan.diagnosis.looked import Looked
from nrgan.diagnosis.recommend import Recommendation, recommend
from nrgan.diagnosis.symmetries import separating
from nrgan.diagnosis.units import Dark, natives_of
from nrgan.diagnosis.values import Diagnosis
from nrgan.errors import UserError
from nrgan.frames import CUTS_MUCH, ValueRange
from nrgan.progress import Preparing
from nrgan.ranges import nhwc
from nrgan.settings import choose_data

LOOKED_AT = 2000
"""Images that a diagnosis looks at, unless another number is asked for."""


@dataclass(frozen=True)
class Diagnosed:
    """A diagnosis of files."""

    diagnosis: Diagnosis
    advice: Recommendation
    images: NoisyImages
    """Those that were looked at, (K, H, W, C) in [0, 1]."""
    notes: tuple[str, ...]
    """How the files were read."""
    choice: DataChoice
    """What was looked at, with the size and the tiles that were chosen for it."""
    value_range: ValueRange
    """Unit 0 and 1 in the files' own values."""


def diagnose(
    choice: DataChoice | Path | str,
    images: int = LOOKED_AT,
    data_root: Path | None = None,
    preparing: Preparing | None = None,
    keep_bytes: int = 0,
    dark: Dark | None = None,
) -> Diagnosed:
    """Diagnoses the noise of at most `images` images (or tiles), evenly spread over them all. Writes nothing.

    choice: a file or folder of noisy images; with a `DataChoice` also which part of them, and of what size.
    dark: what there is without light, where it is known.
    keep_bytes: what the images may take in memory, so that each is decoded once.
    Raises `UserError` where the images cannot be read, or cannot tell anything.
    """
    if images < 1:
        raise UserError(f"<images> {images}: must be 1 at least")
    if not isinstance(choice, DataChoice):
        choice = choose_data(str(choice))
    data = open_data(choice, data_root, preparing=preparing, any_size=True, keep_bytes=keep_bytes)
    looked_at = _evenly_chosen(data, images)
    diagnosis = _estimated(data, looked_at, dark)
    advice = _advice(diagnosis, looked_at)
    return Diagnosed(diagnosis, advice, looked_at, data.notes, data.choice, data.value_range)


def recommended(data: TrainingData) -> Recommendation:
    """What the diagnosis of the training images names."""
    return diagnosed(data)[1]


def diagnosed(data: TrainingData) -> tuple[Diagnosis, Recommendation]:
    """What images that are open already tell of their noise, and what it names."""
    images = _evenly_chosen(data, LOOKED_AT)
    found = _estimated(data, images)
    return found, _advice(found, images)


def _advice(found: Diagnosis, images: NoisyImages) -> Recommendation:
    return recommend(found, separating(found, images))


def _estimated(data: TrainingData, images: NoisyImages, dark: Dark | None = None) -> Diagnosis:
    """As `estimate_noise`, with the files' own values; a range that cuts much is named where nothing is told for it."""
    frames = data.sensor_frames()
    try:
        found = estimate_noise(images, looked=None if frames is None else Looked.of(frames))
    except UserError as error:
        if cut := [note for note in data.notes if CUTS_MUCH in note]:
            raise UserError(f"{error}. {' '.join(cut)}") from error
        raise
    return replace(found, natives=natives_of(found, data.value_range, dark))


def _evenly_chosen(data: TrainingData, count: int) -> NoisyImages:
    """`count` of the noisy images, evenly spaced, (K, H, W, C) in [0, 1]; all where there are fewer.

    Clipped, for a diagnosis knows what clipping does and wants to see where it was.
    """
    return np.clip(nhwc(data.noisy(data.glance(count))), 0, 1)
