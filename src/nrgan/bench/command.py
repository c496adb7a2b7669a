"""`nrgan bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from nrgan.bench.measure import ablate, compare, measure
from nrgan.bench.report import ablation_table, comparison_table, speed_table
from nrgan.storage import check_output, write_json
from nrgan.training.config import TrainConfig
from nrgan.training.device import prepare_torch


def bench(
    config: TrainConfig, rounds: int, packed: int, ablation: bool, reference: Path | None, out: Path | None
) -> int:
    """Measures what is asked for, prints tables, writes the figures as JSON to `out`. Returns the exit code."""
    if out is not None:
        check_output(out)
    device = prepare_torch(config)
    console = Console(highlight=False)
    figures: dict[str, Any] = {"speed": [measure(config, device, rounds, packed)]}
    console.print(speed_table(figures["speed"]))
    if ablation:
        figures["ablation"] = ablate(config, device, rounds)
        console.print(ablation_table(figures["ablation"]))
    if reference is not None:
        figures["reference"] = compare(config, reference, rounds, device)
        console.print(comparison_table(figures["reference"]))
    if out is not None:
        write_json(figures, out)
    return 0
