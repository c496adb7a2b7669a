"""The log of a run: losses over iterations, as JSON lines to compute with and TensorBoard events to look at."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from nrgan.errors import UserError
from nrgan.layout import DAMAGED_METRICS, LATER_METRICS, METRICS, TENSORBOARD
from nrgan.reading import open_regular, read_lines
from nrgan.storage import append_to, disk_errors, writing

_LAST = 2000
"""Bytes at the end of the losses that hold the last line."""


class RunLog:
    """Appends to `metrics.jsonl` and the TensorBoard events of a run.

    iteration: where the run goes on from. keep_later: whether lines after it are set aside, and not just made again.
    """

    def __init__(self, run: Path, iteration: int = 0, keep_later: bool = False) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = run / METRICS
        with disk_errors(self.path):
            self.note = self._drop_after(iteration, keep_later)
            self._lines = append_to(self.path)
            # later events of an earlier, interrupted part of the run are hidden, not shown twice
            self._board = SummaryWriter(run / TENSORBOARD, purge_step=iteration + 1 if iteration else None)

    def _drop_after(self, iteration: int, keep_later: bool) -> str | None:
        """Takes out lines that the checkpoint does not know of: they will be made again.

        Lines that are damaged are set aside in a file of their own; returns what to tell of them.
        """
        if not self.path.exists():
            return None
        read = [(text, _line_of(text)) for text in _texts(self.path)]
        kept = [line for _, line in read if line is not None and line["iteration"] <= iteration]
        bad = [text for text, line in read if line is None]
        # a half line at the end is what a kill leaves, and no damage
        if bad and read[-1][1] is None and not _ends_whole(self.path):
            bad.pop()
        later = [text for text, line in read if line is not None and line["iteration"] > iteration]
        self._set_aside(DAMAGED_METRICS, bad)
        self._set_aside(LATER_METRICS, later if keep_later else [])
        with writing(self.path) as part:
            part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        return f"{len(bad)} damaged lines of {self.path} were set aside in {DAMAGED_METRICS}" if bad else None

    def _set_aside(self, name: str, texts: list[str]) -> None:
        if texts:
            with append_to(self.path.with_name(name)) as file:
                file.write("".join(text + "\n" for text in texts))

    def add(self, iteration: int, losses: dict[str, float], rate: float, message: str | None = None) -> None:
        """One line: mean losses since the last, images per second, and a warning where there is one."""
        line: dict[str, Any] = {"iteration": iteration, **losses, "images_per_second": round(rate, 2)}
        if message:
            line["warning"] = message
        with disk_errors(self.path):
            if not os.fstat(self._lines.fileno()).st_nlink:
                raise UserError(f"{self.path}: has been removed while it was written; <resume> begins another")
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
    """The lines of a `metrics.jsonl`, in order; damaged ones are left out."""
    return [line for text in _texts(path) if (line := _line_of(text)) is not None]


def _texts(path: Path) -> list[str]:
    # damage may not even be text
    return [text for text in read_lines(path) if text.strip()]


def _ends_whole(path: Path) -> bool:
    with open_regular(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read() == b"\n"


def _line_of(text: str) -> dict[str, Any] | None:
    """What a line holds, or None where it is no line of losses."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    good = isinstance(line, dict) and isinstance(line.get("iteration"), int) and line["iteration"] >= 0
    return line if good else None


def last_iteration(run: Path) -> int:
    """How far a run is, by its lines of losses; 0 where there are none."""
    with suppress(OSError), open_regular(run / METRICS) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST))
        found = re.findall(rb'^\{"iteration": (\d+),', file.read(), re.MULTILINE)
        return int(found[-1]) if found else 0
    return 0
