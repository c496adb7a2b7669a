"""Several trainings, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nrgan.children import Child
from nrgan.reading import read_lines
from nrgan.runs.folder import in_use
from nrgan.runs.log import last_iteration
from nrgan.storage import append_to, check_output, disk_errors, lock
from nrgan.studies.trained import iterations_of
from nrgan.training.config import TrainConfig

Trained = Callable[[TrainConfig], bool]
"""Whether a run is at its end."""
Stopped = Callable[[], int]
"""Asked again and again whether to stop."""
_FIRST_LINE = "log of nrgan train"


class Watcher(Protocol):
    """What is told of trainings that run in other processes."""

    def reached(self, out: Path, iteration: int, iterations: int) -> None:
        """A run has got that far."""

    def ended(self, out: Path, failure: str | None) -> None:
        """A run has ended, well or with that as its last word."""


def train_all(
    configs: Sequence[TrainConfig], watcher: Watcher, trained: Trained, stopped: Stopped = lambda: 0, jobs: int = 1
) -> dict[Path, str]:
    """Trains every run, `jobs` at a time; one that was begun goes on. What each says goes to `OUT.log` beside it.

    A run that another process trains is waited for, and taken on where that one ends before the run does: several may
    work on the same table. trained: whether a run is at its end; stopped: asked again and again whether to stop; then
    all runs save themselves, and go on at the next call. Returns for each run that failed the last line that it said.
    Raises `UserError` where a log would go to a file not ours.
    """
    for config in configs:
        check_output(log_of(config.out), mark=_FIRST_LINE)
    waiting, running = list(configs), list[_Job]()
    failures: dict[Path, str] = {}
    try:
        while (waiting or running) and not stopped():
            for config in [config for config in waiting if not in_use(config.out)]:
                if trained(config):  # by another process meanwhile
                    waiting.remove(config)
                    watcher.ended(config.out, None)
                elif len(running) < jobs and (job := _Job.start(config)) is not None:
                    waiting.remove(config)
                    running.append(job)
            time.sleep(0.5)
            for job in list(running):
                out = job.config.out
                watcher.reached(out, last_iteration(out), iterations_of(job.config))
                if job.process.poll() is None:
                    continue
                running.remove(job)
                if job.process.returncode and in_use(out):  # by somebody's own `nrgan train`
                    waiting.append(job.config)
                    continue
                if job.process.returncode:
                    failures[out] = last_line(log_of(out))
                watcher.ended(out, failures.get(out))
    finally:
        for job in running:
            job.process.terminate()  # it saves a checkpoint; of no effect on one that has ended
        for job in running:
            job.process.wait()
    return failures


def log_of(out: Path) -> Path:
    """Where a run of several says what it says."""
    return out.with_name(f"{out.name}.log")


@dataclass(frozen=True)
class _Job:
    config: TrainConfig
    child: Child

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self.child.process

    @classmethod
    def start(cls, config: TrainConfig) -> _Job | None:
        """The run in a process of its own; None where another process has started it, and its log.

        The log is locked by whoever writes to it: the run, to which the lock goes with the file.
        """
        log = log_of(config.out)
        command = [sys.executable, "-m", "nrgan", "train", *config.command_line(), "--resume"]
        with disk_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            with append_to(log) as file:
                if not lock(file):
                    return None
                if not file.tell():
                    file.write(f"{_FIRST_LINE}\n")
                    file.flush()
                return cls(config, Child(command, file))


def last_line(log: Path) -> str:
    """What a run said last."""
    lines = [line for line in read_lines(log) if line.strip()]
    return lines[-1] if lines else "it said nothing"
