"""Files that are whole or absent, and the user's cache folder."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path

from nrgan.errors import UserError


def default_cache() -> Path:
    """Where downloads and prepared data are kept: $NRGAN_CACHE, or the user's cache folder."""
    chosen = os.environ.get("NRGAN_CACHE")
    return Path(chosen) if chosen else user_cache_path("nrgan")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which takes its name once the block has ended and the bytes are on disk.

    Whoever looks at `path`, also after a kill or a power cut, sees the old file or the new one, never a part.
    Raises `UserError` where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Makes a rename last (POSIX keeps it in the folder's own data; elsewhere there is nothing to do)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write into `UserError`s that name the path."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> UserError:
    """The `UserError` for a failed write at `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UserError(f"no space left to write {path}; free some, or choose another folder")
    return UserError(f"cannot write {path}: {error.strerror or error}; choose a folder you may write to")


def clear_parts(folder: Path) -> None:
    """Removes what writers that were killed left behind in `folder` or below. Only for a folder that has one writer."""
    for part in folder.rglob(".*.part"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):
                part.unlink()


def sha256(*paths: Path) -> str:
    """The SHA-256 of the files' bytes, one after the other, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
