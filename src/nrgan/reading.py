"""Reading files that may be anything: pipes are not waited for, and what is too long is not held."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from nrgan.errors import UserError
from nrgan.memory import too_large


def open_regular(path: Path) -> BinaryIO:
    """Opens a file to read its bytes; raises `OSError`, also for a pipe or a device, for which nobody should wait."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return os.fdopen(handle, "rb")


_MOST_TEXT = 64 << 20
"""Bytes of a document of ours: many times what any has."""


def read_text(path: Path) -> str:
    """A text file; raises `OSError`, or `ValueError` where it is no text or too long to be what it should be."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > _MOST_TEXT:
            raise ValueError(f"it is longer than {_MOST_TEXT:,} bytes")
        return file.read().decode("utf-8")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, what is no text escaped; raises `OSError`, or `UserError` where it is too long."""
    with open_regular(path) as file:
        if reason := too_large("reading it", 3 * os.fstat(file.fileno()).st_size):
            raise UserError(f"{path}: {reason}")
        return file.read().decode("utf-8", errors="backslashreplace").split("\n")


def read_json(path: Path) -> dict[str, Any]:
    """The document in a JSON file; raises `OSError`, or `ValueError` where it is none."""
    try:
        document = json.loads(read_text(path))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError(f"it holds a {type(document).__name__}, not names with values")
    return document


def sha256(*paths: Path) -> str:
    """The SHA-256 of the files' bytes, one after the other, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
