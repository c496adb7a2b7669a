"""One table, from a grid to the figures: train what is not trained, measure what is not measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Resources
from nrgan.progress import Preparing
from nrgan.studies.cells import Cell, check_evaluation, is_trained, measure_cells
from nrgan.studies.grid import load_grid
from nrgan.studies.launcher import Watcher, train_all
from nrgan.studies.table import Table
from nrgan.training.device import choose_device


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
    stopped: Callable[[], int] = lambda: 0,
) -> Table | None:
    """Makes the table of a grid (a ready one's name, or a TOML file), its runs in `out`; goes on where it stopped.

    jobs: runs that train at once. stopped: asked again and again whether to stop; then there is no table. Nothing but
    the runs is written. Raises `UserError` for a grid or an option that cannot be.
    """
    if jobs < 1:
        raise UserError(f"<jobs> {jobs}: must be 1 at least")
    watcher, chosen = watcher or StudyWatcher(), load_grid(grid)
    options: dict[str, Any] = {"device": device, "data_root": data_root, "cache_dir": cache}
    if jobs > 1:
        options["threads"] = max(1, (os.cpu_count() or 1) // jobs)
    configs = chosen.cells(out, **options)
    if not configs:
        raise UserError(f"{grid}: none of its models can be trained on any of its settings")
    resources = Resources(data_root, cache, choose_device(device), preparing=watcher.preparing)
    check_evaluation(configs, chosen.evaluation, resources)
    to_do = [config for config in configs if not is_trained(config)]
    watcher.begun(chosen.title, len(configs), len(configs) - len(to_do))
    failures = train_all(to_do, jobs, watcher, stopped)
    if stopped():
        return None
    cells = []
    for cell in measure_cells(configs, chosen.evaluation, resources, failures):
        cells.append(cell)
        watcher.measured(cell)
        if len(cells) < len(configs) and stopped():
            return None
    return Table(chosen, cells)
