"""The table: medians of the seeds, the published figures beside them, the protocol in the caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from statistics import median
from textwrap import wrap

from jinja2 import Environment

from nrgan.data import SOURCES
from nrgan.evaluation.selection import fid
from nrgan.layout import BEST_SAMPLES
from nrgan.models import all_models
from nrgan.reports.markdown import markdown_table
from nrgan.reports.study_cells import CELLS, COLUMNS, CellLine, write_cells
from nrgan.settings import find_setting
from nrgan.storage import MADE_BY, check_output, writing
from nrgan.studies.cells import Cell
from nrgan.studies.grid import Grid
from nrgan.studies.published import CAPTION, PUBLISHED

_RULES = {
    "observed": "lowest observed FID ({n:,} samples a snapshot, no clean image used)",
    "clean": "lowest FID ({n:,} samples a snapshot)",
    "last": "the last",
}


@dataclass(frozen=True)
class Entry:
    """One place of the table: a model on a setting."""

    setting: str
    model: str
    cells: list[Cell]
    fits: bool

    @property
    def values(self) -> list[float]:
        """The figures of the seeds."""
        return [fid(cell.record) for cell in self.cells if cell.record is not None]

    @property
    def median(self) -> float | None:
        """Of the seeds that have a figure."""
        return median(self.values) if self.values else None

    @property
    def published(self) -> float | None:
        """The paper's figure, where it is known."""
        return PUBLISHED.get(self.model, {}).get(find_setting(self.setting).paper)

    @property
    def text(self) -> str:
        """As the table shows it."""
        if not self.fits:
            return "does not fit"
        if self.median is None:
            return "–"
        spread = f" ({_figure(min(self.values))}–{_figure(max(self.values))})" if len(self.values) > 1 else ""
        missing = len(self.cells) - len(self.values)
        return f"{_figure(self.median)}{spread}" + (f", {missing} missing" if missing else "")


def _figure(value: float) -> str:
    """One decimal, as papers have it; three digits of small figures."""
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


_FILES = {"table.md": MADE_BY, CELLS: ",".join(COLUMNS), "table.html": MADE_BY}
"""What is written, and what tells it from files of others."""


def check_tables(folder: Path, overwrite: bool = False) -> None:
    """Raises `UserError` where writing the tables would replace files that are not ours, unless `overwrite`."""
    for name, mark in _FILES.items():
        check_output(folder / name, overwrite, mark)


class Table:
    """A grid with what its cells gave."""

    def __init__(self, grid: Grid, cells: Sequence[Cell]) -> None:
        self.grid = grid
        self.cells = list(cells)

    def entry(self, setting: str, model: str) -> Entry:
        """The place of a model and a setting."""
        own = [c for c in self.cells if (c.config.setting, c.config.model) == (setting, model)]
        return Entry(setting, model, own, self.grid.fits(model, setting))

    @property
    def figure_name(self) -> str:
        """`fid`, or `fid[NAME]` in other features than Inception's."""
        names = {name for cell in self.cells if cell.record for name in cell.record.results}
        return ", ".join(sorted(names)) or "fid"

    @property
    def caption(self) -> str:
        """What was measured, and how."""
        evaluation, training = self.grid.evaluation, self.cells[0].config if self.cells else None
        splits = sorted({SOURCES[find_setting(setting).source].caption for setting in self.grid.settings})
        parts = [
            f"{self.figure_name}: {evaluation.samples:,} samples against clean images ({', '.join(splits)})",
            f"snapshot: {_RULES[evaluation.select].format(n=evaluation.select_samples)}",
            f"median of {len(self.grid.seeds)} seeds (lowest–highest)" if len(self.grid.seeds) > 1 else "one seed",
        ]
        if training is not None:
            parts.append(
                f"{training.schedule.iterations:,} iterations, {training.network.channels} channels, "
                f"batch {training.schedule.batch_size}, step {training.optimiser.generator_learning_rate:g}, "
                f"average {training.optimiser.ema_decay:g}"
            )
        if self._has_published:
            parts.append(CAPTION)
            if self.figure_name != "fid":
                parts.append("figures in different features, or of shorter training, do not compare: see the ordering")
        # a figure's name stays as it is
        return ". ".join(part if part.startswith("fid") else part[0].upper() + part[1:] for part in parts) + "."

    @property
    def _has_published(self) -> bool:
        return any(self.entry(s, m).published is not None for s in self.grid.settings for m in self.grid.models)

    @property
    def failures(self) -> list[str]:
        """Cells without a figure, and why."""
        return [f"{cell.config.out.name}: {cell.failure}" for cell in self.cells if cell.record is None]

    def rows(self) -> list[list[str]]:
        """A header and a row a model; each setting has a column, and a second one where its figures are published."""
        header = ["model"]
        for setting in self.grid.settings:
            paper = find_setting(setting).paper
            header.append(f"{setting}{f' ({paper})' if paper else ''}")
            if self._column_published(setting):
                header.append("published")
        rows = [header]
        for model in self.grid.models:
            row = [model]
            for setting in self.grid.settings:
                entry = self.entry(setting, model)
                row.append(entry.text)
                if self._column_published(setting):
                    row.append(f"{entry.published:.1f}" if entry.published is not None else "")
            rows.append(row)
        return rows

    def _column_published(self, setting: str) -> bool:
        return any(self.entry(setting, model).published is not None for model in self.grid.models)

    def markdown(self) -> str:
        """The table as Markdown."""
        header, *body = self.rows()
        table, caption = markdown_table(header, body, "lr"), "\n".join(wrap(self.caption, 120))
        failed = "".join(f"\n- {failure}" for failure in self.failures)
        return f"<!-- {MADE_BY} -->\n\n## {self.grid.title}\n\n{table}\n{caption}\n" + (
            f"\nNo figure:\n{failed}\n" if failed else ""
        )

    def csv(self) -> str:
        """A line a cell, with everything that was measured."""
        lines = []
        for cell in self.cells:
            config, record = cell.config, cell.record
            paper, seed = find_setting(config.setting).paper, str(config.schedule.seed)
            line = CellLine(config.setting, paper, config.model, seed, failure=cell.failure if record is None else "")
            if record is None:
                lines.append(line)
                continue
            about = {"iteration": str(cell.chosen_iteration), "samples": str(record.samples)}
            for name, value in record.results.items():
                lines.append(replace(line, metric=name, value=str(value), features=record.features, **about))
        return write_cells(lines)

    def html(self, folder: Path) -> str:
        """A page of its own, with the table and the samples of each cell; pictures are looked for in `folder`."""
        template = (resources.files("nrgan.studies") / "table.html.j2").read_text(encoding="utf-8")
        pictures = [
            {"name": cell.config.out.name, "path": f"{cell.config.out.name}/{BEST_SAMPLES}"}
            for cell in self.cells
            if (folder / cell.config.out.name / BEST_SAMPLES).is_file()
        ]
        header, *body = self.rows()
        knowledge = {model: all_models()[model].knowledge for model in self.grid.models}
        return (
            Environment(autoescape=True)
            .from_string(template)
            .render(table=self, header=header, body=body, pictures=pictures, knowledge=knowledge)
        )

    def write(self, folder: Path) -> list[Path]:
        """Writes `table.md`, `table.csv` and `table.html`; returns where they lie."""
        texts = dict(zip(_FILES, (self.markdown(), self.csv(), self.html(folder)), strict=True))
        for name, text in texts.items():
            with writing(folder / name) as part:
                part.write_text(text, encoding="utf-8")
        return [folder / name for name in texts]
