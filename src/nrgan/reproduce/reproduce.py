"""One table, from a grid to the page: train what is not trained, measure what is not measured, write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Resources
from nrgan.jobs import train_all
from nrgan.reports.display import Display
from nrgan.reproduce.cells import is_trained, measure_cells
from nrgan.reproduce.grid import load_grid
from nrgan.reproduce.table import Table, check_tables
from nrgan.training.device import choose_device


def reproduce(
    choice: str,
    out: Path,
    jobs: int,
    device: str,
    data_root: Path | None,
    cache: Path | None,
    display: Display,
    overwrite: bool = False,
) -> tuple[int, Table | None]:
    """Makes the table of a grid (a ready-made one's name, or a TOML file) in `out`, going on where it was stopped.

    jobs: runs that train at once. Returns the exit code (0; 1 where a cell has no figure; 128 + N where signal N
    stopped it, then without a table). Raises `UserError` for a grid or an option that cannot be, and for tables in
    `out` that are not ours, unless `overwrite`.
    """
    if jobs < 1:
        raise UserError(f"--jobs {jobs}: must be 1 at least")
    grid = load_grid(choice)
    check_tables(out, overwrite)
    options: dict[str, Any] = {"device": device, "data_root": data_root, "cache_dir": cache}
    if jobs > 1:
        options["threads"] = max(1, (os.cpu_count() or 1) // jobs)
    configs = grid.cells(out, **options)
    to_do = [config for config in configs if not is_trained(config)]
    display.say(f"{grid.title}: {len(configs)} runs, {len(configs) - len(to_do)} trained already")
    stopped, failures = train_all(to_do, jobs, display)
    if stopped:
        display.say(f"stopped; what is done is kept in {out}, the same command goes on")
        return stopped, None
    cells = []
    resources = Resources(data_root, cache, choose_device(device), preparing=display.preparing)
    for cell in measure_cells(configs, grid.evaluation, resources, failures):
        cells.append(cell)
        figures = cell.record.results if cell.record else {}
        figure = "".join(f"{name} {value:.4g}" for name, value in figures.items())
        chosen = f"  (iteration {cell.chosen_iteration:,})" if cell.record else cell.failure
        display.say(f"{cell.config.out.name}: {figure}{chosen}")
    table = Table(grid, cells)
    for path in table.write(out):
        display.say(f"wrote {path}")
    return int(bool(table.failures)), table
