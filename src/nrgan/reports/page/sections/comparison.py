"""Several runs in one table and on common axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrgan.reports.comparison import figures_of_runs, latest
from nrgan.reports.page.blocks import Block, Curves, Table
from nrgan.reports.page.chart import Chart, Line, Point
from nrgan.reports.page.names import shared_value
from nrgan.reports.page.sections.curves import lines_of, points_of
from nrgan.reports.page.subjects import GENERATOR, Subject
from nrgan.runs import Record, read_records

TITLE, ANCHOR = "Side by side", "side-by-side"
_CHARTS = 3
_LOSS = "generator"


def comparison(subjects: Sequence[Subject]) -> Sequence[Block]:
    """The table of figures of two runs or more, and a chart of each metric with a line a run; nothing for fewer."""
    runs = [subject for subject in subjects if subject.kind == GENERATOR and subject.config]
    if len(runs) < 2:
        return []
    names, folders = [subject.name for subject in runs], [subject.folder for subject in runs]
    records = [latest(read_records(folder)) for folder in folders]
    configs = [_shared(subject) for subject in runs]
    header, rows = figures_of_runs(folders, names, configs, records)
    charts = []
    for metric in sorted({metric for of_run in records for metric in of_run})[:_CHARTS]:
        curves = [
            Line(name, _points(of_run, metric), k) for k, (name, of_run) in enumerate(zip(names, records, strict=True))
        ]
        charts.append(Chart(metric, f"{metric} over iterations, a line a run", "iteration", "value", curves))
    curves = [Line(subject.name, points_of(lines_of(subject), _LOSS), style) for style, subject in enumerate(runs)]
    charts.append(Chart("The generator's loss", "Over iterations, a line a run", "iteration", "loss", curves))
    return [Table("Figures of the best snapshots", header, rows), *(Curves(chart) for chart in charts if chart.drawn)]


def _shared(subject: Subject) -> dict[str, Any]:
    return {name: shared_value(subject.config.get(name)) for name in ("setting", "model", "seed")}


def _points(of_run: dict[str, dict[int, Record]], metric: str) -> list[Point]:
    return [(i, next(iter(record.results.values()), None)) for i, record in sorted(of_run.get(metric, {}).items())]
