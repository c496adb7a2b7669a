"""Metrics over iterations: JSON lines to compute with, TensorBoard events to look at."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from nrgan.storage import disk_errors, writing
from nrgan.training.folder import METRICS, TENSORBOARD


class Curves:
    """Appends to `metrics.jsonl` and the TensorBoard events of a run; `iteration` is where the run goes on from."""

    def __init__(self, run: Path, iteration: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = run / METRICS
        self._drop_after(iteration)
        with disk_errors(self.path):
            self._lines = self.path.open("a", encoding="utf-8")
            # later events of an earlier, interrupted part of the run are hidden, not shown twice
            self._board = SummaryWriter(run / TENSORBOARD, purge_step=iteration + 1 if iteration else None)

    def _drop_after(self, iteration: int) -> None:
        """Forgets lines that the checkpoint does not know of: they will be made again."""
        if self.path.exists():
            kept = [line for line in read_metrics(self.path) if line["iteration"] <= iteration]
            with writing(self.path) as part:
                part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def add(self, iteration: int, losses: dict[str, float], rate: float, message: str | None = None) -> None:
        """One line: mean losses since the last, images per second, and a warning where there is one."""
        line: dict[str, Any] = {"iteration": iteration, **losses, "images_per_second": round(rate, 2)}
        if message:
            line["warning"] = message
        with disk_errors(self.path):
            self._lines.write(json.dumps(line) + "\n")
            self._lines.flush()
            for name, value in losses.items():
                self._board.add_scalar(f"loss/{name}", value, iteration)
            self._board.add_scalar("images_per_second", rate, iteration)

    def add_metrics(self, iteration: int, results: dict[str, float]) -> None:
        """An evaluation's figures, for TensorBoard; their lines are in files of their own."""
        with disk_errors(self.path):
            for name, value in results.items():
                self._board.add_scalar(f"metric/{name}", value, iteration)

    def close(self) -> None:
        """Ends both files; what a full disk refuses now is not worth hiding an earlier error."""
        for file in (self._lines, self._board):
            with suppress(OSError):
                file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`, in order, but for a last one that was being written when the run was killed."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines
