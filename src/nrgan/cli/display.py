"""The live display of a run: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich import progress as rich_progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from nrgan.progress import Progress
from nrgan.training.losses import describe

_WIDE = 80
"""Columns from which on there is room for a bar beside its numbers."""


class Display:
    """Shows preparations, iterations, losses and messages; a context manager, so that the terminal is left clean."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal
        self.bars = rich_progress.Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=self.console.width // 3)),
            *([BarColumn()] if self.console.width >= _WIDE else []),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", table_column=Column(ratio=1, no_wrap=True)),  # what room is left
            console=self.console,
            expand=True,
            disable=not self.live,
        )
        self._training: TaskID | None = None
        self._runs: dict[Path, TaskID] = {}

    def __enter__(self) -> Display:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False)

    def preparing(self, what: str, steps: int) -> Callable[[int], None]:
        """Begins the bar of a preparation; the result is called with the steps done. Silent if no step comes.

        steps: 0 where nobody knows how many.
        """
        task: TaskID | None = None

        def advance(done: int) -> None:
            nonlocal task
            if task is None:
                task = self.bars.add_task(f"making {what}", total=steps or None, note="")
                if not self.live:
                    self.say(f"making {what}{f' ({steps:,})' if steps else ''} …")
            self.bars.advance(task, done)

        return advance

    def reached(self, out: Path, iteration: int, iterations: int) -> None:
        """Shows how far a training in another process is, on a bar of its own."""
        if out not in self._runs:
            self._runs[out] = self.bars.add_task(out.name, total=iterations, note="")
        self.bars.update(self._runs[out], completed=iteration)

    def ended(self, out: Path, failure: str | None) -> None:
        """Says how a training in another process has ended."""
        if failure is not None:
            self.say(f"{out}: failed: {failure}")
        elif not self.live:
            self.say(f"{out}: trained")

    def training(self, progress: Progress) -> None:
        """Shows an iteration: always on a terminal's bar, as a line where losses are new otherwise."""
        iteration, total = progress.iteration, progress.iterations
        note = f"{progress.images_per_second:.0f} images/s  {describe(progress.losses)}" if progress.losses else ""
        if self._training is None:
            self._training = self.bars.add_task("training", total=total, completed=iteration - 1, note=note)
        self.bars.update(self._training, completed=iteration, note=note)
        if progress.logged and not self.live:
            self.say(f"iteration {iteration:,}/{total:,}  {note}{self._left()}")
        if progress.metrics:
            figures = "  ".join(f"{name} {value:.4g}" for name, value in progress.metrics.items())
            self.say(f"evaluation at iteration {iteration:,}: {figures}")
        if progress.message:
            self.say(f"warning at iteration {iteration:,}: {progress.message}")

    def _left(self) -> str:
        assert self._training is not None
        left = self.bars.tasks[self._training].time_remaining
        return f"  {duration(left)} left" if left else ""


def duration(seconds: float) -> str:
    """Seconds for people: `3 h 05 min`, `12 min`, `42 s`."""
    seconds = round(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
