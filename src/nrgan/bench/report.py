"""The measurements as a table."""

from __future__ import annotations

from typing import Any

from rich.table import Table

LINES = {
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
    "share of the ceiling": "share_of_ceiling",
    "ceiling, TFLOP/s": "ceiling_tflop_per_second",
    "peak memory, GB": "peak_memory_gbyte",
    "hours/paper run": "hours_per_paper_run",
}
"""What is shown → its name among the figures."""


def speed_table(rows: list[dict[str, Any]]) -> Table:
    """One column a measured configuration."""
    table = Table(
        "",
        title="Training speed",
        caption="Ceiling: the fastest of the iteration's own operations and a large matrix product, beside each round.",
    )
    for row in rows:
        table.add_column(str(row["model"]), justify="right")
    for title, name in LINES.items():
        table.add_row(title, *(_text(name, row[name]) for row in rows))
    return table


def _text(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "share_of_ceiling":
        return f"{value:.1%}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
