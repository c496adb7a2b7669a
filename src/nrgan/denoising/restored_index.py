"""What a folder of restored files says of itself: for each file what it was made of, and by what.

A text of one JSON object a line, added to as files are begun and finished: a kill leaves at most a broken last line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nrgan.errors import UserError
from nrgan.storage import MADE_BY, disk_errors, locked

INDEX = "restored.jsonl"


@dataclass(frozen=True)
class Entry:
    """A file of the folder.

    name: its path there. source: what tells its source from others. how: what made it. size: in bytes, once it is
    finished.
    """

    name: str
    source: dict[str, Any]
    how: dict[str, Any]
    size: int | None = None


def read_index(folder: Path) -> dict[str, Entry] | None:
    """The last entry of each file; None where the folder has no index of ours."""
    try:
        with (folder / INDEX).open(encoding="utf-8", errors="replace") as file:
            lines = [_read(line) for line in file]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(
            f"{folder / INDEX}: cannot be read: {error.strerror or error}; choose another folder"
        ) from error
    if not any(line.get("about") == MADE_BY for line in lines):
        return None
    found = [Entry(**line) for line in lines if set(line) == {"name", "source", "how", "size"}]
    return {entry.name: entry for entry in found}


def _read(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Index:
    """The index of a folder that this process alone writes to."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, entry: Entry) -> None:
        """Keeps it, also through a kill."""
        self._say({"name": entry.name, "source": entry.source, "how": entry.how, "size": entry.size})

    def _say(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


@contextmanager
def index_of(folder: Path) -> Iterator[Index]:
    """The index of a folder, which is made where there is none; raises `UserError` where another process has it."""
    with disk_errors(folder / INDEX):
        folder.mkdir(parents=True, exist_ok=True)
        file = locked(folder / INDEX)
    if file is None:
        raise UserError(f"{folder}: another process writes there; wait for it, or choose another folder")
    with file:
        index = Index(file)
        with disk_errors(folder / INDEX):
            if file.seek(0, os.SEEK_END):
                file.write("\n")  # behind a line that was broken off
            else:
                index._say({"about": MADE_BY})
        yield index
