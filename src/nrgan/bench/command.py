"""`nrgan bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nrgan.bench.measure import measure
from nrgan.bench.report import speed_table
from nrgan.reports.tables import show
from nrgan.storage import check_output, write_json
from nrgan.training.config import TrainConfig
from nrgan.training.device import configure_process


def bench(config: TrainConfig, rounds: int, packed: int, out: Path | None) -> int:
    """Measures, prints a table, writes the figures as JSON to `out`. Returns the exit code."""
    if out is not None:  # asked before minutes are spent
        check_output(out)
    speed = [measure(config, configure_process(config.machine), rounds, packed)]
    show(speed_table(speed))
    write_figures({"speed": speed}, out)
    return 0


def write_figures(figures: dict[str, Any], out: Path | None) -> None:
    """Writes figures as JSON, where there is a file to write to."""
    if out is not None:
        write_json(figures, out)
