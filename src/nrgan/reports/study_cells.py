"""The cells of a study as lines of a table: what is written for others to compute with, and read again for a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from nrgan.layout import RUN
from nrgan.reading import read_text

CELLS = "table.csv"
"""Where a study's folder has them."""


@dataclass(frozen=True)
class CellLine:
    """One figure of one run, or why there is none; all as text."""

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


COLUMNS = [f.name for f in fields(CellLine)]


def write_cells(cells: Iterable[CellLine]) -> str:
    """As CSV, with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(cell) for cell in cells)
    return out.getvalue()


def read_cells(study: Path) -> list[CellLine]:
    """What a study has written; none where it is not done, or the file is another's."""
    try:
        lines = list(csv.DictReader(io.StringIO(read_text(study / CELLS))))
    except (OSError, ValueError, csv.Error):
        return []
    return [CellLine(**{name: line[name] or "" for name in COLUMNS}) for line in lines if set(COLUMNS) <= set(line)]


def runs_of(study: Path) -> list[Path]:
    """The folders of its runs."""
    try:
        return sorted(folder for folder in study.iterdir() if (folder / RUN).is_file())
    except OSError:
        return []


def holds_study(folder: Path) -> bool:
    """Whether a study has been made there, or is being made."""
    return folder.is_dir() and bool(read_cells(folder) or runs_of(folder))
