"""Whether the run of a cell is at its end, by what lies in its folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from nrgan.errors import UserError
from nrgan.frames import ValueRange
from nrgan.layout import expanded, is_snapshot, same_place, snapshot_folder
from nrgan.runs.folder import ENDED_AT, holds_run, read_document
from nrgan.runs.identity import PRECISION, check_same_run
from nrgan.settings import named_setting
from nrgan.training.config import DEFAULTS, TrainConfig
from nrgan.training.recorded import as_recorded, told_in_range


def is_trained(config: TrainConfig) -> bool:
    """Whether the run of this configuration has reached its end: its last iteration, or that of its minutes.

    Raises `UserError` where the folder holds another run. What the images decide is compared as the run recorded it.
    """
    if not holds_run(config.out):
        return False
    document = read_document(config.out)
    config = as_recorded(config, document["config"])
    saved, told = document["identity"], config.identity() | {"image_size": config.resolved_size}
    if config.machine.precision == DEFAULTS[PRECISION]:  # it was what was fast where the run was trained
        del told[PRECISION]
    if config.data.noise is not None:
        told["noise"] = _as_kept(config.data.noise, document)
    if named_setting(config.setting) is None:  # the snapshots are measured with the images that lie there
        told["setting"] = there = document["config"]["setting"]
        saved = saved | {"setting": there}
        if not same_place(Path(config.setting), Path(there)):
            told["setting"] = str(expanded(Path(config.setting)))
    check_same_run(saved, told, DEFAULTS, config.out)
    last = config.schedule.iterations
    if config.schedule.minutes is not None:
        last = document.get(ENDED_AT, last)
    return is_snapshot(snapshot_folder(config.out, last))


def iterations_of(config: TrainConfig) -> int:
    """How many the run of this configuration has: where minutes decide it, what it recorded once it began."""
    if config.schedule.minutes is not None:
        with suppress(UserError):  # there is no run yet
            config = as_recorded(config, read_document(config.out)["config"])
    return config.schedule.iterations


def _as_kept(noise: str, document: dict[str, Any]) -> str:
    """What is told of the noise, as the run keeps it."""
    about = {name: value for name, value in document["data"].items() if name not in ("images", "channels")}
    return told_in_range(noise, ValueRange.of(**about), document["data"]["channels"])
