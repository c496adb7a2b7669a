"""The runs of a table at a URL of fsspec (s3://bucket/table, gs://…), for machines that share no folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath, PurePosixPath

import fsspec

from nrgan.errors import UserError, first_line
from nrgan.layout import CHECKPOINT, DAMAGED_CHECKPOINT, EARLIER_CHECKPOINT, SNAPSHOTS, TENSORBOARD, WEIGHTS
from nrgan.storage import writing

Wanted = Callable[[PurePosixPath], bool]
"""Whether a file is wanted, by its path from the table's folder on."""
_MARK = ".nrgan"
_TO_GO_ON = frozenset({CHECKPOINT, EARLIER_CHECKPOINT, DAMAGED_CHECKPOINT, TENSORBOARD})


def is_result(path: PurePosixPath) -> bool:
    """Whether a file of a run is more than what it goes on from, and its curves."""
    of_a_run = len(path.parts) > 1 or path.suffix == ".log"
    return of_a_run and not _TO_GO_ON & set(path.parts)


class Store:
    """Folders of runs, and their logs, as they were when they were last put there. Nothing is removed from it.

    Raises `UserError`, here and in all it does, for what cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._put: dict[str, tuple[int, int]] = {}
        with self._said():
            self._fs, self._root = fsspec.url_to_fs(url)

    def check(self) -> None:
        """That it can be written, by an empty file."""
        with self._said():
            self._fs.pipe_file(f"{self._root}/{_MARK}", b"")

    def fetch(self, folder: Path, run: str = "", wanted: Wanted = lambda path: True) -> None:
        """Brings a run, or all of them, into the table's folder; snapshots that are there already stay."""
        with self._said():
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/{run}" if run else self._root)
            if run and self._fs.isfile(log := f"{self._root}/{run}.log"):
                found.append(log)
            for path in found:
                name = PurePosixPath(path[len(self._root) :].strip("/"))
                target = folder / name
                if _is_hidden(name) or (SNAPSHOTS in name.parts and target.exists()):
                    continue
                if wanted(name):
                    with writing(target) as part:
                        self._fs.get_file(path, str(part))
                    self._put[str(name)] = _state(target)

    def put(self, folder: Path, run: str) -> None:
        """Puts there what is new of a run of the table's folder, also while it trains.

        The checkpoint comes last, as it was at the beginning: what it goes on from, such as the losses before it, is
        there when it is. Of a snapshot the weights come last, by which it is known as one.
        """
        with self._said(), tempfile.TemporaryDirectory(dir=folder, prefix=".put-") as kept:
            checkpoint, link = folder / run / CHECKPOINT, Path(kept, CHECKPOINT)
            with suppress(FileNotFoundError):
                os.link(checkpoint, link)  # writing replaces the file, and leaves this one
            files = [path for path in (folder / run).rglob("*") if path.is_file() and path != checkpoint]
            last = sorted(files, key=lambda path: path.name == WEIGHTS and path.parent.parent.name == SNAPSHOTS)
            for path in [*last, folder / f"{run}.log"]:
                if not _is_hidden(name := path.relative_to(folder)):
                    self._put_file(path, name.as_posix())
            if link.exists():
                self._put_file(link, f"{run}/{CHECKPOINT}")

    def put_file(self, path: Path, name: str) -> None:
        """Puts a file of the table there."""
        with self._said():
            self._put_file(path, name)

    def _put_file(self, path: Path, name: str) -> None:
        try:
            state = _state(path)
            if self._put.get(name) != state:
                self._fs.put_file(str(path), f"{self._root}/{name}")
                self._put[name] = state
        except FileNotFoundError:
            if path.exists():  # it is the bucket that there is not
                raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # the network's many ways to fail, from as many libraries
            raise UserError(f"<store> {self.url}: {first_line(error)}") from error


def _is_hidden(name: PurePath) -> bool:
    """Locks, what is half written, our mark; and what would lead out of the folder."""
    return any(part.startswith(".") for part in name.parts)


def _state(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns
