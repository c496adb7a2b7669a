"""Files that are whole or absent, and the user's cache folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
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

    The block may write a file or a folder there. Whoever looks at `path`, also after a kill or a power cut, sees what
    was there or what was written (for a folder: or, for a moment, nothing), never a part. Raises `UserError` where the
    disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(path)
        try:
            yield temporary
            for file in (temporary, *temporary.rglob("*")):
                _sync(file)
            if path.is_dir():
                path.rename(path.with_name(f".{path.name}.{os.getpid()}.old.part"))
            temporary.replace(path)
            _sync(path.parent)
        finally:
            for leftover in path.parent.glob(f".{escape(path.name)}.{os.getpid()}.*part"):
                _remove(leftover)


def _clear_abandoned(path: Path) -> None:
    """Removes what killed writers of `path` left; puts back what one had set aside and not yet replaced."""
    for abandoned in path.parent.glob(f".{escape(path.name)}.*part"):
        found = re.fullmatch(rf"\.{re.escape(path.name)}\.(\d+)(\.old)?\.part", abandoned.name)
        if found is None or _alive(int(found[1])):
            continue
        if found[2] and not path.exists():
            abandoned.rename(path)
        else:
            _remove(abandoned)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _sync(path: Path) -> None:
    """Waits until a file, or on POSIX a folder with its names, is on the disk."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    elif path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write into `UserError`s that name the path."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED_WRITES = (*_FULL, errno.EACCES, errno.EPERM, errno.EROFS)
"""Error numbers that say a file could not be written."""


def unwritable(path: Path, error: OSError) -> UserError:
    """The `UserError` for a failed write at `path`."""
    if error.errno in _FULL:
        return UserError(f"no space left to write {path}; free some, or choose another folder")
    return UserError(f"cannot write {path}: {error.strerror or error}; choose a folder you may write to")


def clear_parts(folder: Path) -> None:
    """Removes what writers that were killed left behind in `folder` or below. Only for a folder that has one writer."""
    for part in folder.rglob(".*.part"):
        _remove(part)


def sha256(*paths: Path) -> str:
    """The SHA-256 of the files' bytes, one after the other, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
