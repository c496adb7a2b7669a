"""`nrgan diagnose`: from the files to the table, the JSON file and the figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nrgan.dataset import DataChoice, Preparing, TrainingData, open_data
from nrgan.diagnosis import Diagnosis, Recommendation, diagnose, recommend
from nrgan.diagnosis.figure import draw_diagnosis
from nrgan.diagnosis.report import write_json
from nrgan.errors import UserError
from nrgan.images import nhwc
from nrgan.noisy import NoisyImages
from nrgan.settings import SETTINGS
from nrgan.storage import check_output

LOOKED_AT = 2000
"""Images that a diagnosis looks at, unless another number is asked for."""


@dataclass(frozen=True)
class Diagnosed:
    """A diagnosis of files."""

    diagnosis: Diagnosis
    advice: Recommendation
    figure: Path
    notes: tuple[str, ...]


def evenly_chosen(data: TrainingData, count: int) -> NoisyImages:
    """`count` of the noisy images, evenly spaced, (K, H, W, C) in [0, 1]; all where there are fewer.

    Clipped, for a diagnosis knows what clipping does and wants to see where it was.
    """
    return np.clip(nhwc(data.noisy(data.evenly(count))), 0, 1)


def diagnose_images(
    choice: DataChoice, count: int, out: Path, data_root: Path | None = None, preparing: Preparing | None = None
) -> Diagnosed:
    """Diagnoses the noise of at most `count` images; writes `diagnosis.json` and `diagnosis.png` to `out`.

    Raises `UserError` where the images cannot be read, or cannot tell anything.
    """
    if count < 1:
        raise UserError(f"--images {count}: must be 1 at least")
    for name in ("diagnosis.json", "diagnosis.png"):
        check_output(out / name)
    if choice.setting in SETTINGS and choice.image_size is None:
        choice = replace(choice, image_size=32)
    data = open_data(choice, data_root, preparing=preparing, any_size=True)
    images = evenly_chosen(data, count)
    diagnosis = diagnose(images)
    advice = recommend(diagnosis)
    write_json(diagnosis, advice, out / "diagnosis.json")
    draw_diagnosis(diagnosis, advice, images, out / "diagnosis.png")
    return Diagnosed(diagnosis, advice, out / "diagnosis.png", data.notes)


def recommended_model(data: TrainingData) -> str:
    """The model that the diagnosis of the training images names."""
    return recommend(diagnose(evenly_chosen(data, LOOKED_AT))).model
