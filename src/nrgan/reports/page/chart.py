"""Charts of lines: their geometry, for a template to draw, and their values, to be read at the pointer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

WIDTH, HEIGHT = 400, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 20, 10, 36
_TICKS = 5
_MARKED = 40
"""Points of a line, up to which each is marked."""
_MOST = 400
"""Points of a line that are drawn; more are averaged."""
_MOST_ROWS = 12
"""Of the table below a chart."""
Point = tuple[float, float | None]


@dataclass(frozen=True)
class Line:
    """Points in order of x; None: not known there. style: number of its colour and dashes, of six."""

    name: str
    points: Sequence[Point]
    style: int = 0

    def thinned(self) -> Line:
        """With means over stretches, where there are more points than can be seen."""
        known = [(x, y) for x, y in self.points if math.isfinite(x) and (y is None or math.isfinite(y))]
        step = math.ceil(len(known) / _MOST)
        if step <= 1:
            return Line(self.name, known, self.style)
        parts = [known[k : k + step] for k in range(0, len(known), step)]
        return Line(self.name, [(part[-1][0], _mean([y for _, y in part])) for part in parts], self.style)


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None


class Scale:
    """From values to places along an axis. log: of their logarithms."""

    def __init__(self, values: Sequence[float], start: float, end: float, log: bool = False) -> None:
        values = [v for v in values if v > 0] if log else list(values)
        self.log, self._start, self._end = log, start, end
        low, high = (min(values), max(values)) if values else (1.0, 10.0) if log else (0.0, 1.0)
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)

    def place(self, value: float) -> float | None:
        """Where a value lies; None for one that no logarithm has."""
        if self.log:
            if value <= 0:
                return None
            value = math.log10(value)
        share = (value - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 1)

    @property
    def ticks(self) -> list[float]:
        """Round values along it."""
        if self.log:
            return [m * 10.0**k for k in range(math.floor(self.low), math.ceil(self.high) + 1) for m in self._digits
                    if self.low <= math.log10(m * 10.0**k) <= self.high]  # fmt: skip
        rough = (self.high - self.low) / _TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]

    @property
    def _digits(self) -> tuple[int, ...]:
        return (1,) if self.high - self.low > 2 else (1, 2, 5)


@dataclass(frozen=True)
class Chart:
    """Lines over a common axis. from_zero: whether the vertical axis begins there; log: whether it is logarithmic."""

    title: str
    description: str
    x: str
    y: str
    lines: Sequence[Line]
    from_zero: bool = False
    log: bool = False

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = _LEFT, WIDTH - _RIGHT, _TOP, HEIGHT - _BOTTOM

    @cached_property
    def drawn(self) -> list[Line]:
        """The lines that have a point, thinned."""
        return [line for line in map(Line.thinned, self.lines) if any(y is not None for _, y in line.points)]

    @cached_property
    def x_scale(self) -> Scale:
        """Of the horizontal axis."""
        return Scale([x for line in self.drawn for x, _ in line.points], self.left, self.right)

    @cached_property
    def y_scale(self) -> Scale:
        """Of the vertical axis."""
        values = [y for line in self.drawn for _, y in line.points if y is not None]
        return Scale([*values, *([0.0] if self.from_zero else [])], self.bottom, self.top, self.log)

    def ticks(self, scale: Scale) -> list[tuple[float | None, str]]:
        """Places along an axis, and what stands there."""
        return [(scale.place(value), short(value)) for value in scale.ticks]

    def places(self, line: Line) -> list[list[tuple[float, float]]]:
        """The stretches of a line between places where it is not known."""
        stretches: list[list[tuple[float, float]]] = [[]]
        for x, y in line.points:
            across, up = self.x_scale.place(x), None if y is None else self.y_scale.place(y)
            if across is None or up is None:
                stretches.append([])
            else:
                stretches[-1].append((across, up))
        return [stretch for stretch in stretches if stretch]

    def marked(self, line: Line) -> bool:
        """Whether its points are marked: few, or alone between gaps."""
        return len(line.points) <= _MARKED or any(len(stretch) == 1 for stretch in self.places(line))

    @cached_property
    def _values(self) -> tuple[list[float], list[dict[float, float | None]]]:
        of_lines = [dict(line.points) for line in self.drawn]
        return sorted({x for line in of_lines for x in line}), of_lines

    @property
    def readings(self) -> str:
        """As JSON: all x with their places, and the value of each line there."""
        xs, of_lines = self._values
        lines = [
            {"name": line.name, "y": [_rounded(values.get(x)) for x in xs]}
            for line, values in zip(self.drawn, of_lines, strict=True)
        ]
        return json.dumps({"x": xs, "at": [self.x_scale.place(x) for x in xs], "lines": lines}, separators=(",", ":"))

    @property
    def rows(self) -> list[list[str]]:
        """Some of the values, evenly chosen: for print, and for those who do not see the chart."""
        xs, of_lines = self._values
        count = min(_MOST_ROWS, len(xs))
        chosen = [xs[round(k * (len(xs) - 1) / max(count - 1, 1))] for k in range(count)]
        return [[short(x), *(short(line.get(x)) for line in of_lines)] for x in chosen]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def short(value: float | None) -> str:
    """A value in a few letters."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e7 else f"{value:.3g}"
