"""How far the runs of a table are, by what lies in its folder: whoever works on it, wherever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from nrgan.errors import UserError
from nrgan.evaluation.metrics import FID
from nrgan.layout import RUN
from nrgan.runs import read_records
from nrgan.runs.folder import holds_run, in_use
from nrgan.runs.log import last_iteration
from nrgan.storage import is_locked
from nrgan.studies.cells import is_trained
from nrgan.studies.grid import Evaluation
from nrgan.studies.launcher import last_line, log_of
from nrgan.training.config import TrainConfig

State = Literal["waiting", "running", "stopped", "trained", "done", "failed"]


@dataclass(frozen=True)
class CellStatus:
    """One run: waiting (not begun), running, stopped (before its end), trained (not measured), done, or failed."""

    config: TrainConfig
    state: State
    iteration: int
    since: float | None = None
    """When the process began that has it, in seconds since 1970."""
    why: str = ""
    """It failed."""
    figure: float | None = None

    def words(self, now: float) -> str:
        """What there is to say beside the state."""
        left = f"{self.iteration:,} of {self.config.schedule.iterations:,} iterations"
        if self.state == "running":
            minutes = 0 if self.since is None else max(0, round((now - self.since) / 60))
            return f"{left}, since {minutes} min"
        return {"waiting": "", "stopped": left, "trained": "to be measured", "failed": self.why, "done": ""}[self.state]


def statuses(configs: list[TrainConfig], evaluation: Evaluation) -> Iterator[CellStatus]:
    """The runs of a table, in its order. Nothing is written, and no run is disturbed."""
    for config in configs:
        yield _status(config, evaluation)


def _status(config: TrainConfig, evaluation: Evaluation) -> CellStatus:
    out = config.out
    iteration = last_iteration(out)
    if in_use(out) or is_locked(log_of(out)):
        since = None
        with suppress(OSError):
            since = (out / RUN).stat().st_mtime
        return CellStatus(config, "running", iteration, since)
    try:
        if is_trained(config):
            figure = _figure(config, evaluation)
            return CellStatus(config, "trained" if figure is None else "done", iteration, figure=figure)
    except UserError as error:
        return CellStatus(config, "failed", iteration, why=str(error))
    if log_of(out).exists() and (said := last_line(log_of(out))).startswith("error: ") and "interrupted" not in said:
        return CellStatus(config, "failed", iteration, why=said.removeprefix("error: "))
    return CellStatus(config, "stopped" if holds_run(out) else "waiting", iteration)


def _figure(config: TrainConfig, evaluation: Evaluation) -> float | None:
    """The one in the table, where it is made."""
    for record in reversed(read_records(config.out)):
        asked = (record.against, record.samples, record.seed) == ("clean", evaluation.samples, evaluation.seed)
        if asked and (value := record.figure(FID.name)) is not None:
            return value
    return None
