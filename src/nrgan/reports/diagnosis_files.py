"""The files of a diagnosis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nrgan.diagnosis import Diagnosed, document
from nrgan.errors import UserError, first_line
from nrgan.noise_file import save_noise
from nrgan.reading import read_json
from nrgan.reports.diagnosis_table import diagnosis_words
from nrgan.storage import check_output, write_json

_DOCUMENT, _FIGURE, _NOISE = "diagnosis.json", "diagnosis.png", "noise.json"


def noise_file(folder: Path) -> Path:
    """Where the law is, where one was found."""
    return folder / _NOISE


def check_diagnosis_files(folder: Path, save: Path | None = None) -> None:
    """Raises `UserError` where writing a diagnosis into `folder`, or `save`, would replace a file that is not ours."""
    for path in (*(folder / name for name in (_DOCUMENT, _FIGURE, _NOISE)), *([save] if save else [])):
        check_output(path)


def write_diagnosis(found: Diagnosed, folder: Path, save: Path | None = None) -> Path:
    """Writes `diagnosis.json`, the figure `diagnosis.png` and, where the noise has a law, `noise.json` into `folder`.

    save: another place for the noise file. Returns the figure's path. Raises `UserError` where they cannot be written,
    or are there already and not ours; and where a noise file is asked for and there is no law.
    """
    from nrgan.reports.diagnosis_figure import draw_diagnosis  # Matplotlib, which those who read the files do without

    law = found.advice.law
    told = document(found.diagnosis, found.advice) | {"words": diagnosis_words(found.diagnosis, found.advice)}
    write_json(told, folder / _DOCUMENT)
    draw_diagnosis(found.diagnosis, found.advice, found.images, folder / _FIGURE)
    for path in (folder / _NOISE, *([save] if save else [])):
        if law is not None:
            save_noise(path, law, found.value_range)
    if law is None and save is not None:
        raise UserError(f"<save> {save}: nothing was written, for no law here has this noise; see {folder / _FIGURE}")
    return folder / _FIGURE


def holds_diagnosis(folder: Path) -> bool:
    """Whether a diagnosis has been written there; not whether it is a good one."""
    return (folder / _DOCUMENT).is_file()


def read_diagnosis(folder: Path) -> dict[str, Any]:
    """What `write_diagnosis` wrote. Raises `UserError` where that cannot be read, or is something else."""
    path = folder / _DOCUMENT
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({first_line(error)})") from error
    if not all(isinstance(found.get(part), dict) for part in ("diagnosis", "recommendation")):
        raise UserError(f"{path}: holds no diagnosis; nrgan diagnose writes one")
    return found
