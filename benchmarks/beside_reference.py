"""Training beside the reference implementation's, in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from ablation import Step, work_of
from nrgan.bench.clock import Work
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_dtype, dtype_name
from reference_code import reference_work
from worker import in_turn


def compare(config: TrainConfig, checkout: Path, rounds: int, device: torch.device) -> dict[str, Any]:
    """Ours against the reference implementation, in turn: medians, and the ratio round by round.

    Each as its own program runs it: the reference with glibc's memory as it is, ours with freed memory kept. On a CPU
    the reference is also timed with freed memory kept, which it would gain from too.
    """
    resolved = dtype_name(choose_dtype(config.machine.precision, device))
    makes: dict[str, tuple[Callable[[], Work], bool]] = {
        "reference": (partial(reference_work, checkout, config, device), False)
    }
    if device.type == "cpu":
        makes["reference, freed memory kept"] = (makes["reference"][0], True)
    for precision in dict.fromkeys(("float32", resolved)):
        step = Step("", {"precision": precision})
        makes[f"ours, {precision}"] = (partial(work_of, config, device, step), True)
    taken = in_turn(makes, rounds, device)
    return {
        name: {
            "seconds_per_iteration": statistics.median(values),
            "times_faster": statistics.median(r / v for r, v in zip(taken["reference"], values, strict=True)),
        }
        for name, values in taken.items()
    }


def comparison_table(rows: dict[str, dict[str, float]]) -> Table:
    """Ours beside the reference."""
    table = Table("", title="Against the reference implementation, in turn")
    for title in ("s/iteration", "times faster"):
        table.add_column(title, justify="right")
    for name, row in rows.items():
        table.add_row(name, f"{row['seconds_per_iteration']:.3g}", f"{row['times_faster']:.2f}")
    return table
