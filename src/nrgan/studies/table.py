"""The table: medians of the seeds, the published figures beside them, the protocol in the caption."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from itertools import product
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import Any

from jinja2 import Environment

from nrgan.data import OWN, SOURCES
from nrgan.evaluation.selection import fid
from nrgan.layout import BEST_SAMPLES
from nrgan.models import all_models
from nrgan.reports.markdown import markdown_table
from nrgan.reports.study_cells import CELLS, COLUMNS, CellLine, write_cells
from nrgan.settings import find_setting
from nrgan.storage import MADE_BY, check_output, writing
from nrgan.studies.cells import Cell
from nrgan.studies.grid import Grid
from nrgan.studies.names import cell_name, images_name, written
from nrgan.studies.published import CAPTION, PUBLISHED
from nrgan.training.config import TrainConfig

_RULES = {
    "observed": "lowest observed FID ({n:,} samples a snapshot, no clean image used)",
    "clean": "lowest FID ({n:,} samples a snapshot)",
    "last": "the last",
}


@dataclass(frozen=True)
class Entry:
    """One place of the table: a model on a setting, with one combination of what varies."""

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


def _training(config: TrainConfig, varied: Container[str]) -> str:
    """What all runs have in common, of what a reader asks first."""
    schedule, network, optimiser = config.schedule, config.network, config.optimiser
    said = {
        "iterations": f"{schedule.iterations:,} iterations",
        "channels": f"{network.channels} channels",
        "batch_size": f"batch {schedule.batch_size}",
        "generator_learning_rate": f"step {optimiser.generator_learning_rate:g}",
        "ema_decay": f"average {optimiser.ema_decay:g}",
    }
    if schedule.minutes is not None:  # which choose all of them
        said = {"minutes": f"{schedule.minutes:g} minutes a run"}
    return ", ".join(words for name, words in said.items() if name not in varied)


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

    def entry(self, setting: str, model: str, varied: Mapping[str, Any] | None = None) -> Entry:
        """The place of a model and a setting, and of the values of a combination."""
        varied = varied or {}
        names = {cell_name(setting, model, varied, seed) for seed in self.grid.seeds}
        own = [cell for cell in self.cells if cell.config.out.name in names]
        return Entry(setting, model, own, self.grid.fits(model, setting, varied))

    @property
    def figure_name(self) -> str:
        """`fid`, or `fid[NAME]` in other features than Inception's."""
        names = {name for cell in self.cells if cell.record for name in cell.record.results}
        return ", ".join(sorted(names)) or "fid"

    @property
    def caption(self) -> str:
        """What was measured, and how."""
        evaluation = self.grid.evaluation
        parts = [
            f"{self.figure_name}: {evaluation.samples:,} samples {self._compared}",
            f"snapshot: {_RULES[evaluation.select].format(n=evaluation.select_samples)}",
            f"median of {len(self.grid.seeds)} seeds (lowest–highest)" if len(self.grid.seeds) > 1 else "one seed",
        ]
        if self.cells and (same := _training(self.cells[0].config, self.grid.varied)):
            parts.append(same)
        if self._has_published:
            parts.append(CAPTION)
            if self.figure_name != "fid":
                parts.append("figures in different features, or of shorter training, do not compare: see the ordering")
        # a figure's name stays as it is
        return ". ".join(part if part.startswith("fid") else part[0].upper() + part[1:] for part in parts) + "."

    @property
    def _compared(self) -> str:
        """With which images."""
        names: dict[str, set[str]] = {}
        for cell in self.cells:
            against, setting = self.grid.evaluation.protocol(cell.config).against, find_setting(cell.config.setting)
            own = setting.source == OWN
            name = images_name(setting.name) if own else SOURCES[setting.source].caption
            names.setdefault(against, set()).add(name)
        words = {"clean": "against clean images", "observed": "as observed against the noisy images"}
        said = [f"{words[against]} ({', '.join(sorted(found))})" for against, found in sorted(names.items())]
        return " and ".join(said)

    @property
    def _has_published(self) -> bool:
        return any(self.entry(s, m).published is not None for s in self.grid.settings for m in self.grid.models)

    @property
    def failures(self) -> list[str]:
        """Cells without a figure, and why."""
        return [f"{cell.config.out.name}: {cell.failure}" for cell in self.cells if cell.record is None]

    def rows(self) -> list[list[str]]:
        """A header and a row a model and combination; columns of what varies, settings and their published figures."""
        header = ["model", *self.grid.varied]
        for setting in self.grid.settings:
            paper = find_setting(setting).paper
            header.append(f"{images_name(setting)}{f' ({paper})' if paper else ''}")
            if self._column_published(setting):
                header.append("published")
        rows = [header]
        for model, varied in product(self.grid.models, self.grid.combinations()):
            row = [model, *map(written, varied.values())]
            for setting in self.grid.settings:
                entry = self.entry(setting, model, varied)
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
            paper, seed, values = find_setting(config.setting).paper, str(config.schedule.seed), config.plain()
            line = CellLine(
                images_name(config.setting),
                paper,
                config.model,
                seed,
                failure=cell.failure if record is None else "",
                options={name: written(values[name]) for name in self.grid.varied},
            )
            if record is None:
                lines.append(line)
                continue
            line = replace(
                line, iteration=str(cell.chosen_iteration), samples=str(record.samples), features=record.features
            )
            lines += [replace(line, metric=name, value=str(value)) for name, value in record.titled.items()]
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
        knowledge = {model: row.knowledge for model, row in all_models().items()}
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
