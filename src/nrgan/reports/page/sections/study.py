"""A study: its table, and a look at its runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from nrgan.layout import BEST_SAMPLES, pictured_iterations, sample_picture
from nrgan.pictures import read_picture
from nrgan.reports.page.blocks import Block, Picture, Pictures, Table, figure
from nrgan.reports.page.subjects import Subject
from nrgan.reports.study_cells import CellLine, read_cells, runs_of
from nrgan.runs.log import last_iteration

_LARGEST = 4096**2


def study_table(subject: Subject) -> Sequence[Block]:
    """The median over seeds of each setting and model, with each value of what varies; and what has no figure."""
    cells = read_cells(subject.folder)
    if not cells:
        return []
    settings = list(dict.fromkeys(cell.setting for cell in cells))
    rows_of = list(dict.fromkeys(map(_row, cells)))
    metrics = list(dict.fromkeys(cell.metric for cell in cells if cell.metric))
    blocks: list[Block] = []
    for metric in metrics:
        rows = [[*row, *(_median(cells, metric, setting, row) for setting in settings)] for row in rows_of]
        header = ["model", *cells[0].options, *settings]
        blocks.append(Table(f"{metric}: median of the seeds (lowest to highest)", header, rows))
    names = [", ".join([cell.setting, *_row(cell), f"seed {cell.seed}"]) for cell in cells]
    failed = [[name, cell.failure] for name, cell in zip(names, cells, strict=True) if cell.failure]
    return [*blocks, *([Table("No figure", ["cell", "why"], failed)] if failed else [])]


def _row(cell: CellLine) -> tuple[str, ...]:
    return (cell.model, *cell.options.values())


def _median(cells: Sequence[CellLine], metric: str, setting: str, row: tuple[str, ...]) -> str:
    values = []
    for cell in cells:
        if (cell.metric, cell.setting, _row(cell)) == (metric, setting, row):
            try:
                values.append(float(cell.value))
            except ValueError:
                continue
    spread = f" ({figure(min(values), 3)}–{figure(max(values), 3)})" if len(values) > 1 else ""
    return f"{figure(median(values))}{spread}" if values else "–"


def study_runs(subject: Subject) -> Sequence[Block]:
    """How far each run is, and its samples."""
    runs, pictures = runs_of(subject.folder), []
    room = subject.options.pictures
    for run in runs:
        path = run / BEST_SAMPLES
        if not path.is_file() and (there := pictured_iterations(run)):
            path = sample_picture(run, there[-1], "clean")
        try:
            pixels = read_picture(path, _LARGEST)
        except (OSError, ValueError, SyntaxError):
            continue
        if (room := room - pixels.size) < 0:
            break
        pictures.append(Picture.of(pixels, run.name, f"samples of {run.name}"))
    rows = [[run.name, f"{last_iteration(run):,}"] for run in runs]
    table = [Table("How far the runs are", ["run", "iteration"], rows)] if rows else []
    return [*table, *([Pictures(pictures)] if pictures else [])]
