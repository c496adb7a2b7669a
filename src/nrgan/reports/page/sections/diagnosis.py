"""A diagnosis: what was found, in words and charts. Its figure holds images, and is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrgan.reports.diagnosis_files import read_diagnosis
from nrgan.reports.diagnosis_table import with_options
from nrgan.reports.page.blocks import Block, Curves, Table, figure
from nrgan.reports.page.chart import Chart, Line, Point
from nrgan.reports.page.subjects import Subject


def diagnosis(subject: Subject) -> Sequence[Block]:
    """The table of the terminal, the noise-level curve and the autocorrelation."""
    document = read_diagnosis(subject.folder)
    found, advice = document["diagnosis"], document["recommendation"]
    words = [[str(cell) for cell in row] for row in _list(document.get("words")) if len(_list(row)) == 2]
    words = words or [
        ["level (of 255)", f"{figure(found.get('level'), 3)} ± {figure(found.get('error'), 2)}"],
        ["relation to the signal", str(found.get("dependence"))],
        ["certain", "yes" if found.get("certain") else "no"],
        ["recommended model", with_options(f"{advice.get('model')}: {advice.get('reason')}")],
    ]
    return [Table("What was found", ["noise", "found"], words), *map(Curves, _charts(found, advice))]


def _charts(found: dict[str, Any], advice: dict[str, Any]) -> list[Chart]:
    signal, level, error = (_list(found.get(name)) for name in ("signal", "level_at_signal", "error_at_signal"))
    points = [(x, y, e) for x, y, e in zip(signal, level, error, strict=False) if _number(y) and _number(e)]
    lines = [
        Line("estimated", [(x, y) for x, y, _ in points]),
        Line("2 standard errors above", [(x, y + 2 * e) for x, y, e in points], 5),
        Line("2 standard errors below", [(x, max(0.0, y - 2 * e)) for x, y, e in points], 5),
        *_law(advice.get("law")),
    ]
    charts = [
        Chart("Noise level over the signal", "Standard deviation of the noise at each signal, both of 255",
              "signal (of 255)", "level (of 255)", lines, from_zero=True)
    ]  # fmt: skip
    correlation = [_list(row) for row in _list(found.get("autocorrelation"))]
    if correlation and all(correlation):
        ways = {"across": list(enumerate(correlation[0])), "down": list(enumerate(row[0] for row in correlation))}
        lines = [Line(way, [(x, y) for x, y in row if _number(y)], k) for k, (way, row) in enumerate(ways.items())]
        words = "Correlation of the noise of pixels that lie so many pixels apart"
        charts.append(Chart("Autocorrelation", words, "lag (pixels)", "correlation", lines, from_zero=True))
    return charts


def _law(law: Any) -> list[Line]:
    """The level of the law that was found, over the signals at which it is told."""
    if not isinstance(law, dict):
        return []
    signal, level = _list(law.get("signal")), _list(law.get("level"))
    points: list[Point] = [(255 * x, y) for x, y in zip(signal, level, strict=False) if _number(x) and _number(y)]
    if len(points) == 1:  # the same at every signal
        points = [(0.0, points[0][1]), (255.0, points[0][1])]
    return [Line("the law that was found", points, 1)] if points else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
