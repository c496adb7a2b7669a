"""What a study tells, on the display."""

from __future__ import annotations

from pathlib import Path

from nrgan.cli.display import Display
from nrgan.studies.cells import Cell
from nrgan.studies.reproduce import StudyWatcher


class StudyDisplay(StudyWatcher):
    """Says how a study goes."""

    def __init__(self, display: Display) -> None:
        self.display, self.preparing = display, display.preparing

    def begun(self, title: str, runs: int, trained: int) -> None:
        self.display.say(f"{title}: {runs} runs, {trained} trained already")

    def reached(self, out: Path, iteration: int, iterations: int) -> None:
        self.display.reached(out, iteration, iterations)

    def ended(self, out: Path, failure: str | None) -> None:
        self.display.ended(out, failure)

    def measured(self, cell: Cell) -> None:
        figures = cell.record.titled if cell.record else {}
        figure = "".join(f"{name} {value:.4g}" for name, value in figures.items())
        chosen = f"  (iteration {cell.chosen_iteration:,})" if cell.record else cell.failure
        self.display.say(f"{cell.config.out.name}: {figure}{chosen}")
