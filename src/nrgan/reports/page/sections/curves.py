"""Losses and metrics over iterations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrgan.evaluation.selection import read_chosen
from nrgan.layout import METRICS
from nrgan.reports.comparison import latest
from nrgan.reports.page.blocks import Block, Curves, Words
from nrgan.reports.page.chart import Chart, Line, Point
from nrgan.reports.page.subjects import Subject
from nrgan.runs import read_records
from nrgan.runs.log import read_metrics

_SMALL = 0.05
"""Of the largest loss, below which another is drawn on an axis of its own."""
_WARNINGS = 3
_NO_LOSSES = ("iteration", "images_per_second", "warning")


def losses(subject: Subject) -> Sequence[Block]:
    """Charts of losses that are about as large, and the warnings of training."""
    lines = lines_of(subject)
    names = [name for name in dict.fromkeys(name for line in lines for name in line) if name not in _NO_LOSSES]
    curves = [Line(name, points_of(lines, name), style) for style, name in enumerate(names)]
    sizes = {curve.name: max((abs(y) for _, y in curve.points if y is not None), default=0.0) for curve in curves}
    large = [curve for curve in curves if sizes[curve.name] >= _SMALL * max(sizes.values())]
    charts = []
    for title, chosen in (("Losses", large), ("Smaller terms", [curve for curve in curves if curve not in large])):
        words = f"{', '.join(curve.name for curve in chosen)} over iterations, each the mean since the point before"
        charts.append(Chart(title, words, "iteration", "mean value", chosen))
    warnings = [
        Words(f"Warning at iteration {line['iteration']:,}: {line['warning']}") for line in lines if "warning" in line
    ]
    return [*(Curves(chart) for chart in charts if chart.drawn), *warnings[-_WARNINGS:]]


def lines_of(subject: Subject) -> list[dict[str, Any]]:
    """The lines of losses of a run; none where it has not written any."""
    path = subject.folder / METRICS
    return read_metrics(path) if path.is_file() else []


def points_of(lines: Sequence[dict[str, Any]], loss: str) -> list[Point]:
    """A loss over iterations."""
    return [(line["iteration"], float(line[loss])) for line in lines if isinstance(line.get(loss), (int, float))]


def metrics(subject: Subject) -> Sequence[Block]:
    """A chart for each metric, of the run's evaluations, and why the best snapshot is the best."""
    blocks: list[Block] = []
    for metric, by_iteration in latest(read_records(subject.folder)).items():
        records = [record for _, record in sorted(by_iteration.items())]
        names = list(dict.fromkeys(name for record in records for name in record.results))
        lines = [
            Line(name, [(record.iteration, record.results.get(name)) for record in records], style)
            for style, name in enumerate(names)
        ]
        first = records[0]
        against = "clean images" if first.against == "clean" else "noisy images, samples as observed"
        words = f"{metric}: {first.samples:,} samples against {against}, over iterations"
        blocks.append(Curves(Chart(metric, words, "iteration", "value", lines)))
    if blocks and (chosen := read_chosen(subject.folder)) is not None:
        blocks.append(Words(f"The best snapshot: {chosen.reason}."))
    return blocks
