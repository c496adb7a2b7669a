"""How far the runs of a table are, by what lies in its folder: whoever works on it, wherever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from nrgan.errors import UserError
from nrgan.evaluation.metric_names import Against
from nrgan.evaluation.metrics import FID
from nrgan.evaluation.selection import read_chosen
from nrgan.layout import RUN, iteration_of, saved_snapshots
from nrgan.runs import read_records
from nrgan.runs.folder import holds_run, in_use
from nrgan.runs.log import last_iteration
from nrgan.storage import is_locked
from nrgan.studies.grid import Evaluation
from nrgan.studies.launcher import last_line, log_of
from nrgan.studies.trained import is_trained, iterations_of
from nrgan.training.config import TrainConfig

State = Literal["waiting", "running", "stopped", "trained", "done", "failed"]


@dataclass(frozen=True)
class CellStatus:
    """One run: waiting (not begun), running, stopped (before its end), trained (not measured), done, or failed."""

    config: TrainConfig
    state: State
    iteration: int
    iterations: int
    """So many there are."""
    since: float | None = None
    """When the process began that has it, in seconds since 1970."""
    why: str = ""
    """It failed."""
    figure: float | None = None
    against: Against = "clean"
    """What the figure compares samples with."""

    def words(self, now: float) -> str:
        """What there is to say beside the state."""
        left = f"{self.iteration:,} of {self.iterations:,} iterations"
        if self.state == "running":
            minutes = 0 if self.since is None else max(0, round((now - self.since) / 60))
            return f"{left}, since {minutes} min"
        if self.state == "done":
            return "" if self.against == "clean" else "by observed samples"
        return {"waiting": "", "stopped": left, "trained": "to be measured", "failed": self.why}[self.state]


def statuses(configs: list[TrainConfig], evaluation: Evaluation) -> Iterator[CellStatus]:
    """The runs of a table, in its order. Nothing is written, and no run is disturbed."""
    for config in configs:
        yield _status(config, evaluation)


def _status(config: TrainConfig, evaluation: Evaluation) -> CellStatus:
    out = config.out
    status = CellStatus(config, "waiting", last_iteration(out), iterations_of(config))
    if in_use(out) or is_locked(log_of(out)):
        since = None
        with suppress(OSError):
            since = (out / RUN).stat().st_mtime
        return replace(status, state="running", since=since)
    try:
        if is_trained(config):
            figure, against = _figure(config, evaluation), evaluation.protocol(config).against
            return replace(status, state="trained" if figure is None else "done", figure=figure, against=against)
    except UserError as error:
        return replace(status, state="failed", why=str(error))
    if log_of(out).exists() and (said := last_line(log_of(out))).startswith("error: ") and "interrupted" not in said:
        return replace(status, state="failed", why=said.removeprefix("error: "))
    return replace(status, state="stopped") if holds_run(out) else status


def _figure(config: TrainConfig, evaluation: Evaluation) -> float | None:
    """The one in the table, where it is made."""
    protocol, iteration = evaluation.protocol(config), _chosen_iteration(config, evaluation)
    for record in reversed(read_records(config.out)):
        asked = (record.against, record.samples, record.seed) == (protocol.against, protocol.samples, protocol.seed)
        if asked and record.iteration == iteration and (value := record.figure(FID.name)) is not None:
            return value
    return None


def _chosen_iteration(config: TrainConfig, evaluation: Evaluation) -> int | None:
    """Of the snapshot that counts; None where the grid's rule has not chosen one."""
    if evaluation.select == "last":
        return iteration_of(saved_snapshots(config.out, iterations_of(config))[-1])
    if (chosen := read_chosen(config.out)) is None:
        return None
    record, rule = chosen.record, (evaluation.select, evaluation.select_samples, evaluation.seed)
    return record.iteration if (record.against, record.samples, record.seed) == rule else None
