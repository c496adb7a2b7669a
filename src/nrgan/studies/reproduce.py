"""One table, from a grid to the figures: train what is not trained, measure what is not measured."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nrgan.errors import UserError, unknown
from nrgan.evaluation.protocol import Resources
from nrgan.progress import Preparing
from nrgan.studies.cells import Cell, check_evaluation, measure_cells
from nrgan.studies.grid import Grid, load_grid
from nrgan.studies.launcher import Stopped, Trained, Watcher, train_all
from nrgan.studies.table import Table
from nrgan.studies.trained import is_trained
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_device

Trainer = Callable[[Sequence[TrainConfig], Watcher, Trained, Stopped], dict[Path, str]]
"""What trains the runs that are not trained, as `train_all` does here and `OnRay` on a cluster."""


class StudyWatcher(Watcher):
    """What is told of a study."""

    preparing: Preparing | None = None

    def begun(self, title: str, runs: int, trained: int) -> None:
        """A study of so many runs, of which some are trained already."""

    def reached(self, out: Path, iteration: int, iterations: int) -> None:
        """A run has got that far."""

    def ended(self, out: Path, failure: str | None) -> None:
        """A run has ended, well or with that as its last word."""

    def measured(self, cell: Cell) -> None:
        """A run has its figure, or none."""


def reproduce(
    grid: str,
    out: Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    data_root: Path | None = None,
    cache: Path | None = None,
    watcher: StudyWatcher | None = None,
    stopped: Stopped = lambda: 0,
    cell: str | None = None,
    trainer: Trainer | None = None,
) -> Table | None:
    """Makes the table of a grid (a ready one's name, or a TOML file), its runs in `out`; goes on where it stopped.

    Paths of images in the grid are from the folder that the process is in.
    jobs: runs that train at once. stopped: asked again and again whether to stop; then there is no table. Nothing but
    the runs is written. cell: the name of a run, or K/N: every Nth one from the Kth on; the table then is of those.
    trainer: who trains the runs; processes of this machine, if None. Several processes may work on one table at once,
    also on several machines that share `out`: no run is trained twice at the same time. Raises `UserError` for a grid
    or an option that cannot be.
    """
    if jobs < 1:
        raise UserError(f"<jobs> {jobs}: must be 1 at least")
    watcher, chosen = watcher or StudyWatcher(), load_grid(grid)
    options: dict[str, Any] = {"device": device, "data_root": data_root, "cache_dir": cache}
    if jobs > 1:
        options["threads"] = max(1, (os.cpu_count() or 1) // jobs)
    configs = cells_of(grid, chosen, out, cell, **options)
    resources = Resources(data_root, cache, choose_device(device), preparing=watcher.preparing)
    to_do = [config for config in configs if not is_trained(config)]
    check_evaluation(configs, chosen.evaluation, resources)
    watcher.begun(chosen.title, len(configs), len(configs) - len(to_do))
    failures = (trainer or partial(train_all, jobs=jobs))(to_do, watcher, is_trained, stopped)
    if stopped():
        return None
    cells = []
    for measured in measure_cells(configs, chosen.evaluation, resources, failures):
        cells.append(measured)
        watcher.measured(measured)
        if len(cells) < len(configs) and stopped():
            return None
    return Table(chosen, cells)


_PART = re.compile(r"(\d+)/(\d+)")


def cells_of(name: str, grid: Grid, out: Path, cell: str | None = None, **options: Any) -> list[TrainConfig]:
    """The runs of a grid of that name, or those that `cell` says (see `reproduce`). Raises `UserError`."""
    configs = grid.cells(out, **options)
    if not configs:
        raise UserError(f"{name}: none of its models can be trained on any of its settings")
    if cell is None:
        return configs
    if part := _PART.fullmatch(cell):
        k, n = int(part[1]), int(part[2])
        if not 1 <= k <= n:
            raise UserError(f"<cell> {cell}: K/N takes every Nth run from the Kth on; K is from 1 to N")
        return configs[k - 1 :: n]
    if chosen := [config for config in configs if config.out.name == cell]:
        return chosen
    raise unknown("cell", cell, [config.out.name for config in configs], listed=False)
