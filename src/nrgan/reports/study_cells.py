"""The cells of a study as lines of a table: what is written for others to compute with, and read again for a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from nrgan.layout import RUN
from nrgan.reading import read_text

CELLS = "table.csv"
"""Where a study's folder has them."""


@dataclass(frozen=True)
class CellLine:
    """One figure of one run, or why there is none; all as text. options: by name, those that vary between runs."""

    setting: str
    paper: str
    model: str
    seed: str
    metric: str = ""
    value: str = ""
    iteration: str = ""
    samples: str = ""
    features: str = ""
    failure: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


COLUMNS = [f.name for f in fields(CellLine) if f.name != "options"]
"""Of every table; columns of the options follow them."""


def write_cells(cells: Iterable[CellLine]) -> str:
    """As CSV, with a header."""
    out, lines = io.StringIO(), list(cells)
    options = list(lines[0].options) if lines else []
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *options])
    for line in lines:
        writer.writerow([*(getattr(line, name) for name in COLUMNS), *(line.options[name] for name in options)])
    return out.getvalue()


def read_cells(study: Path) -> list[CellLine]:
    """What a study has written; none where it is not done, or the file is another's."""
    try:
        lines = list(csv.DictReader(io.StringIO(read_text(study / CELLS))))
    except (OSError, ValueError, csv.Error):
        return []
    return [_line(line) for line in lines if set(COLUMNS) <= set(line)]


def _line(told: Mapping[str, str | None]) -> CellLine:
    known = {name: told[name] or "" for name in COLUMNS}
    # what a line has too many is under None
    options = {name: value or "" for name, value in told.items() if name and name not in known}
    return CellLine(**known, options=options)


def runs_of(study: Path) -> list[Path]:
    """The folders of its runs."""
    try:
        return sorted(folder for folder in study.iterdir() if (folder / RUN).is_file())
    except OSError:
        return []


def holds_study(folder: Path) -> bool:
    """Whether a study has been made there, or is being made."""
    return folder.is_dir() and bool(read_cells(folder) or runs_of(folder))
