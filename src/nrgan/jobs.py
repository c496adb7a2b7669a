"""Several trainings, each in a process of its own, with one display and one Ctrl-C."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.progress import TaskID

from nrgan.reports.display import Display
from nrgan.stopping import stop_requests
from nrgan.storage import append_to, disk_errors
from nrgan.training.config import TrainConfig
from nrgan.training.folder import METRICS

_LAST = 2000
"""Bytes at the end of a run's losses that hold the last line."""


def train_all(configs: Sequence[TrainConfig], jobs: int, display: Display) -> tuple[int, dict[Path, str]]:
    """Trains every run, `jobs` at a time; one that was begun goes on. What each says goes to `OUT.log` beside it.

    Returns 0, or 128 + N where signal N stopped it (the runs are saved, and go on at the next call), and for each run
    that failed the last line it said.
    """
    waiting, running = list(configs), dict[Path, tuple[subprocess.Popen[bytes], TaskID, TrainConfig]]()
    failures: dict[Path, str] = {}
    with stop_requests() as requests:
        try:
            while (waiting or running) and not requests:
                while waiting and len(running) < jobs:
                    config = waiting.pop(0)
                    bar = display.bars.add_task(config.out.name, total=config.iterations, note="")
                    running[config.out] = (_start(config), bar, config)
                time.sleep(0.5)
                for out, (process, bar, config) in list(running.items()):
                    display.bars.update(bar, completed=iteration_of(out))
                    if process.poll() is None:
                        continue
                    del running[out]
                    if process.returncode:
                        failures[out] = _last_line(_log(config))
                        display.say(f"{out}: failed: {failures[out]}")
                    elif not display.live:
                        display.say(f"{out}: trained")
        finally:
            for process, _, _ in running.values():
                process.terminate()  # it saves a checkpoint; of no effect on one that has ended
            for process, _, _ in running.values():
                process.wait()
    return (128 + requests[0] if requests else 0), failures


def _start(config: TrainConfig) -> subprocess.Popen[bytes]:
    config.out.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "nrgan", "train", *config.command_line(), "--resume"]
    with disk_errors(_log(config)), append_to(_log(config)) as log:
        # in a session of its own: Ctrl-C reaches this process alone, which passes it on
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def _log(config: TrainConfig) -> Path:
    return config.out.with_name(f"{config.out.name}.log")


def iteration_of(run: Path) -> int:
    """How far a run is, by its lines of losses."""
    with suppress(OSError), (run / METRICS).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST))
        found = re.findall(rb'^\{"iteration": (\d+),', file.read(), re.MULTILINE)
        return int(found[-1]) if found else 0
    return 0


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
