"""Runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from nrgan.errors import UserError
from nrgan.evaluation.selection import read_chosen, snapshots_to_choose_from
from nrgan.layout import METRICS, find_snapshot, iteration_of, saved_snapshots
from nrgan.pictures import SHOWN, sample_grid, save_figure, visible
from nrgan.reports.markdown import markdown_table
from nrgan.runs import Record, TrainedModel, read_config, read_records
from nrgan.runs.log import read_metrics
from nrgan.runs.snapshot import read_metadata
from nrgan.storage import MADE_BY, check_output, writing

_PANELS = 4


def compare(runs: Sequence[str | Path], path: str | Path, overwrite: bool = False) -> Table:
    """Draws samples of each run over its figures, to `path`, and a Markdown table beside it; returns the table.

    Samples are of the same latents, from `best/` where there is one, else from the newest snapshot. Raises `UserError`
    for fewer than two runs, a folder that is no run, or files in the way that are not ours, unless `overwrite`.
    """
    folders, path = [Path(run) for run in runs], Path(path)
    if path.suffix != ".png":
        raise UserError(f"<out> {path}: the figure is a PNG; give a name that ends in .png")
    table_file = path.with_suffix(".md")
    for file in (path, table_file):
        check_output(file, overwrite)
    if len(folders) < 2:
        raise UserError("compare takes two runs or more")
    names = _short_names(folders)
    configs = [read_config(run) for run in folders]
    records = [latest(read_records(run)) for run in folders]
    for run in folders:
        snapshots_to_choose_from(run)  # refuses what has none, before anything is written
    header, rows = figures_of_runs(folders, names, configs, records)
    with writing(table_file) as part:
        part.write_text(f"<!-- {MADE_BY} -->\n\n{markdown_table(header, rows)}", encoding="utf-8")
    _draw(folders, names, records, path)
    table = Table(title="runs")
    for name in header:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _short_names(runs: Sequence[Path]) -> list[str]:
    """The folders' names, with as many of their parents as tells them apart."""
    parts = [run.absolute().parts for run in runs]
    if len(set(parts)) < len(parts):
        raise UserError("compare: the same run twice")
    depth = 1
    while len({p[-depth:] for p in parts}) < len(parts):
        depth += 1
    return ["/".join(p[-depth:]) for p in parts]


def latest(records: Sequence[Record]) -> dict[str, dict[int, Record]]:
    """metric → iteration → its last record."""
    found: dict[str, dict[int, Record]] = {}
    for record in records:
        found.setdefault(record.metric, {})[record.iteration] = record
    return found


def figures_of_runs(
    runs: Sequence[Path], names: list[str], configs: list[dict[str, Any]], records: list[dict[str, dict[int, Record]]]
) -> tuple[list[str], list[list[str]]]:
    """A header, and a row a run: what it is, and the figures of its best snapshot, or of the newest."""
    metrics = sorted({metric for of_run in records for metric in of_run})
    header = ["run", "setting", "model", "seed", "iterations", "best", *metrics]
    rows = []
    for run, name, config, of_run in zip(runs, names, configs, records, strict=True):
        chosen, snapshots = read_chosen(run), saved_snapshots(run)
        newest = iteration_of(snapshots[-1]) if snapshots else 0
        iteration = chosen.record.iteration if chosen else newest
        images = read_metadata(find_snapshot(run)).images
        row = [name, images, config["model"], str(config["seed"]), f"{newest:,}", f"{iteration:,}"]
        for metric in metrics:
            record = of_run.get(metric, {}).get(iteration)
            row.append(", ".join(f"{value:.4g}" for value in record.results.values()) if record else "–")
        rows.append(row)
    return header, rows


def _draw(runs: Sequence[Path], names: list[str], records: list[dict[str, dict[int, Record]]], path: Path) -> None:
    from matplotlib.figure import Figure  # heavy, and the page of a training needs this module without it

    # a curve has two points at least
    metrics = sorted({metric for of_run in records for metric, points in of_run.items() if len(points) > 1})[:_PANELS]
    panels = [*metrics, "losses"] if len(metrics) < _PANELS else metrics
    figure = Figure(figsize=(max(3.2 * len(runs), 4.5 * len(panels)), 7), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False)
    above, below = parts[0, 0], parts[1, 0]
    for axes, run, name in zip(np.atleast_1d(above.subplots(1, len(runs))), runs, names, strict=True):
        snapshot = find_snapshot(run)
        images = TrainedModel.load(snapshot).sample(SHOWN)
        axes.imshow(visible(sample_grid(images)), cmap="grey", interpolation="nearest")
        axes.set_title(f"{name}\n{snapshot.name}", fontsize=9)
        axes.set_axis_off()
    for axes, panel in zip(np.atleast_1d(below.subplots(1, len(panels))), panels, strict=True):
        for run, name, of_run in zip(runs, names, records, strict=True):
            if panel == "losses":
                lines = read_metrics(run / METRICS) if (run / METRICS).exists() else []
                points = [(line["iteration"], line["generator"]) for line in lines if "generator" in line]
            else:
                by_iteration = sorted(of_run.get(panel, {}).items())
                points = [(iteration, next(iter(r.results.values()))) for iteration, r in by_iteration]
            axes.plot(
                [x for x, _ in points], [y for _, y in points], marker="." if len(points) < 50 else "", label=name
            )
        axes.set_title("generator's loss" if panel == "losses" else panel, fontsize=9)
        axes.set_xlabel("iteration")
    axes.legend(fontsize=7)
    save_figure(figure, path, overwrite=True)
