"""What a worker of a cluster does for one run of a table: the command for that run, in a process of its own."""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nrgan.children import Child
from nrgan.errors import UserError
from nrgan.runs.log import last_iteration
from nrgan.studies.command import command_of
from nrgan.studies.launcher import last_line
from nrgan.studies.store import Store

_EVERY, _WAITS = 30.0, (5.0, 20.0, 60.0, 120.0, 300.0)
"""Seconds between two times that a run is put into the store, and before another try at its end."""


@dataclass(frozen=True)
class Task:
    """One run, and what its worker is to know. All paths are absolute."""

    out: Path
    grid: str
    text: str | None
    """Of the grid's file, for workers that do not have it; None for a ready one."""
    device: str
    data_root: Path | None
    cache: Path | None
    folder: Path
    """Where the command was given: paths of images are from there."""
    store: str | None
    """Where the run is kept, for machines that do not share `out`."""

    @property
    def name(self) -> str:
        """Of the run, in the whole cluster: the same for all commands that would make it."""
        return f"{self.store or self.out.parent}/{self.out.name}"


class Worker:
    """What an actor does; several things at once, so that it can be asked meanwhile."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._table = task.out.parent
        self._child: Child | None = None
        self._stopped = False

    def run(self) -> str | None:
        """The run, trained and measured; what it said last if it failed."""
        task = self._task
        with tempfile.TemporaryDirectory(prefix="nrgan-") as place:
            if task.store is not None:
                try:
                    return self._stored(Store(task.store), Path(place))
                except UserError as error:
                    return str(error)
            for there in (task.folder, task.out.parent):
                if not there.is_dir():
                    where = f"{there}: is not on {socket.gethostname()}"
                    return f"{where}; give <out> in a folder that all machines of the cluster share, or <store>"
            return self._made(Path(place), lambda: None)

    def reached(self) -> int:
        """The iteration that the run is at."""
        return last_iteration(self._table / self._task.out.name)

    def stop(self) -> None:
        """The run saves itself, and ends."""
        self._stopped = True
        if self._child is not None:
            self._child.process.terminate()

    def _stored(self, store: Store, place: Path) -> str | None:
        """As it is in the store, made in a folder of this machine, and put back, also on the way."""
        name = self._task.out.name
        self._table = place / "table"
        self._table.mkdir()
        store.fetch(self._table, name)

        def put() -> None:
            with suppress(UserError):  # it is tried again
                store.put(self._table, name)

        why = self._made(place, put)
        for wait in _WAITS:
            try:
                store.put(self._table, name)
                return why
            except UserError:
                time.sleep(wait)
        store.put(self._table, name)
        return why

    def _made(self, place: Path, meanwhile: Callable[[], None]) -> str | None:
        """By the command for it; `meanwhile` is done now and then."""
        task, grid, said = self._task, self._task.grid, place / "said.log"
        if task.text is not None:
            grid = str(place / Path(grid).name)
            Path(grid).write_text(task.text, encoding="utf-8")
        words = command_of(grid, self._table, task.device, task.data_root, task.cache)
        folder = task.folder if task.folder.is_dir() else place
        with said.open("w", encoding="utf-8") as output:
            self._child = Child([sys.executable, "-m", "nrgan", *words, "--cell", task.out.name], output, folder)
            if self._stopped:
                self.stop()
            while (code := self._child.ended(_EVERY)) is None:
                meanwhile()
        return _why(code, last_line(said), task.out.name) if code else None


def _why(code: int, said: str, name: str) -> str:
    """Why a run failed: the last words of its command, without whom they are of."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return said.removeprefix("error: ").removeprefix(f"{name}: ")
