"""The files of a comparison of noises."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from nrgan.evaluation.noise_check import NoiseCheck
from nrgan.layout import NOISE_CHECK
from nrgan.reports.noise_figure import draw_noise
from nrgan.storage import write_json


def write_noise_check(check: NoiseCheck, folder: Path) -> Path:
    """Writes `noise-check.json` and the figure `noise-check.png` into `folder`; returns the figure's path.

    Raises `UserError` where they cannot be written, or are there already and not ours.
    """
    write_json({**asdict(check), "differences": check.differences()}, folder / f"{NOISE_CHECK}.json")
    figure = folder / f"{NOISE_CHECK}.png"
    draw_noise(check, figure)
    return figure
