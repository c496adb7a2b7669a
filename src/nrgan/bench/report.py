"""The measurements as tables."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def speed_table(rows: list[dict[str, Any]]) -> Table:
    """One column a measured configuration."""
    table = Table("", title="Training speed")
    for row in rows:
        table.add_column(str(row["model"]), justify="right")
    lines = {
        "batch": "batch_size",
        "width": "channels",
        "image size": "image_size",
        "runs at once": "packed",
        "device": "device",
        "precision": "precision",
        "seconds/iteration": "seconds_per_iteration",
        "iterations/s": "iterations_per_second",
        "images/s": "images_per_second",
        "GFLOP/iteration": "gflop_per_iteration",
        "share of the matrix rate": "share_of_matrix_rate",
        "matrix rate, TFLOP/s": "matrix_tflop_per_second",
        "copy bandwidth, GB/s": "copy_gbyte_per_second",
        "peak memory, GB": "peak_memory_gbyte",
        "hours/paper run": "hours_per_paper_run",
    }
    for title, name in lines.items():
        table.add_row(title, *(_text(name, row[name]) for row in rows))
    return table


def ablation_table(rows: list[dict[str, Any]]) -> Table:
    """What each step adds."""
    table = Table("step", title="What makes it fast (cumulative)")
    for title in ("GFLOP", "s/iteration", "times faster"):
        table.add_column(title, justify="right")
    for row in rows:
        numbers = (row["gflop_per_iteration"], row["seconds_per_iteration"], row["times_faster"])
        table.add_row(row["step"], *(f"{number:.3g}" for number in numbers))
    return table


def comparison_table(rows: dict[str, dict[str, float]]) -> Table:
    """Ours beside the reference."""
    table = Table("", title="Against the reference implementation, in turn")
    for title in ("s/iteration", "times faster"):
        table.add_column(title, justify="right")
    for name, row in rows.items():
        table.add_row(name, f"{row['seconds_per_iteration']:.3g}", f"{row['times_faster']:.2f}")
    return table


def _text(name: str, value: Any) -> str:
    if name == "share_of_matrix_rate":
        return f"{value:.0%}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
