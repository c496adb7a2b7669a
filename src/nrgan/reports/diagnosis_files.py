"""The files of a diagnosis."""

from __future__ import annotations

from pathlib import Path

from nrgan.diagnosis import Diagnosed, document
from nrgan.reports.diagnosis_figure import draw_diagnosis
from nrgan.storage import check_output, write_json

_DOCUMENT, _FIGURE = "diagnosis.json", "diagnosis.png"


def check_diagnosis_files(folder: Path) -> None:
    """Raises `UserError` where writing a diagnosis into `folder` would replace a file that is not ours."""
    for name in (_DOCUMENT, _FIGURE):
        check_output(folder / name)


def write_diagnosis(found: Diagnosed, folder: Path) -> Path:
    """Writes `diagnosis.json` and the figure `diagnosis.png` into `folder`; returns the figure's path.

    Raises `UserError` where they cannot be written, or are there already and not ours.
    """
    write_json(document(found.diagnosis, found.advice), folder / _DOCUMENT)
    draw_diagnosis(found.diagnosis, found.advice, found.images, folder / _FIGURE)
    return folder / _FIGURE
