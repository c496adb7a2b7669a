"""Files that are whole or absent, what may be written where, and the user's cache folder.

Nothing here ever moves or removes what is not the program's own: a file is written to a new name, over a file of ours,
or over one that the user has named to be replaced; a folder never makes way for a file.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from pathlib import Path
from typing import IO, Any

from platformdirs import user_cache_path

from nrgan.errors import UserError

NOISY_SETS, REFERENCES = "noisy", "references"
"""Folders in the cache: training images with their frozen noise, and what real images are compared by."""
MADE_BY = "made by nrgan"
"""What files that we write where the user says carry within, so that they are known as ours."""
_LOOKED_AT = 4096
"""Bytes at the beginning of a file, among which the mark must be."""
_ABANDONED_AFTER = 24 * 3600
"""Seconds after which a part that nobody writes to is abandoned, whoever began it."""


def default_cache() -> Path:
    """Where downloads and prepared data are kept: $NRGAN_CACHE, or the user's cache folder."""
    chosen = os.environ.get("NRGAN_CACHE")
    return Path(chosen) if chosen else user_cache_path("nrgan")


def check_output(path: Path, overwrite: bool = False, mark: str = MADE_BY) -> None:
    """Raises `UserError` unless a file may be written at `path`: there is none, or one of ours, or `overwrite`.

    mark: what is within a file of ours, near its beginning. A folder, a device or a pipe is refused in any case.
    """
    _check_file(path)
    with disk_errors(path):
        if overwrite or not path.exists():
            return
        with path.open("rb") as file:
            ours = mark.encode() in file.read(_LOOKED_AT)
    if not ours:
        raise UserError(f"{path}: is there already, and nrgan did not make it; choose another name, or <overwrite> it")


def _check_file(path: Path) -> None:
    """Raises `UserError` where something that is no file is at `path`."""
    with disk_errors(path):
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give the name of a file")
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is a device or a pipe; give the name of a file")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` for a file, which takes its name once the bytes are on disk.

    Whoever looks at `path`, also after a kill or a power cut, sees what was there or what was written, never a part. A
    link at `path` is replaced, what it leads to stays. Raises `UserError` where a folder is there, the disk is full or
    the folder cannot be written.
    """
    _check_file(path)
    with _beside(path) as temporary:
        yield temporary
        _sync(temporary)
        temporary.replace(path)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """The same for a folder: yields a new, empty one, which takes the place of the one at `path`, if any.

    For folders of our own within our folders: what is at `path` is removed. For a moment there may be nothing. Raises
    `UserError` where a file or a link is there.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UserError(f"{path}: is a file or a link where a folder is to be written; move it elsewhere")
    with _beside(path) as temporary:
        temporary.mkdir()
        yield temporary
        for file in (temporary, *temporary.rglob("*")):
            _sync(file)
        if path.exists():
            path.rename(_part_of(path, ".old"))
        temporary.replace(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(path)
        try:
            yield _part_of(path)
            _sync(path.parent)
        finally:
            old = _part_of(path, ".old")
            if os.path.lexists(old) and not os.path.lexists(path):  # set aside, and then not replaced
                old.rename(path)
            for leftover in (_part_of(path), old):
                _remove(leftover)


def write_json(document: Mapping[str, Any], path: Path, overwrite: bool = False) -> None:
    """Writes a document that says who made it; raises `UserError` over a file not ours, unless `overwrite`."""
    check_output(path, overwrite)
    with writing(path) as part:
        text = json.dumps({"about": MADE_BY, **document}, indent=1, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8")


def append_to(path: Path) -> IO[str]:
    """Opens a text file of ours to add to; raises `OSError` where something else than a file is there, or a link."""
    return os.fdopen(_open_own(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8")


def _open_own(path: Path, flags: int) -> int:
    """A handle of a file, made where there is none; never of what a link leads to, a pipe or a device."""
    handle = os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return handle


def locked(path: Path, patience: float = 0.0) -> IO[str] | None:
    """An open file whose lock this process holds until it is closed; None where another process holds it.

    patience: seconds to try for, as one that only asks (`is_locked`) holds it for a moment. The lock ends with its
    process, however that ends. The file's content is left as it is. On systems without such locks everybody gets it.
    Raises `OSError`.
    """
    deadline = time.monotonic() + patience
    while (file := _locked_now(path)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return file


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock of a file; one that is not there, or cannot be read, counts as free."""
    try:
        with path.open(encoding="utf-8") as file:
            return not lock(file, alone=False)
    except OSError:
        return False


def _locked_now(path: Path) -> IO[str] | None:
    file = os.fdopen(_open_own(path, os.O_RDWR), "r+", encoding="utf-8")
    if lock(file):
        return file
    file.close()
    return None


def lock(file: IO[str], alone: bool = True) -> bool:
    """Whether this process now has the lock of an open file; so have the processes that are given the file.

    alone: False to share it with others that do, for which the file need not be writable.
    """
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


_PART = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)(?P<old>\.old)?\.part", re.DOTALL)


def _part_of(path: Path, kind: str = "") -> Path:
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}{kind}.part")


@cache
def _host() -> str:
    """Tells apart the machines and containers that may share a folder: process numbers mean nothing across them."""
    names = [socket.gethostname()]
    with suppress(OSError):
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with suppress(OSError):
        names.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 (no file that exists)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]


def _clear_abandoned(path: Path) -> None:
    """Removes what killed writers of `path` left; puts back what one had set aside and not yet replaced."""
    for part in path.parent.glob(f".{escape(path.name)}.*.part"):
        found = _PART.fullmatch(part.name)
        if found is None or found["name"] != path.name or not _abandoned(part, found["host"], int(found["process"])):
            continue
        if found["old"] and not path.exists():
            part.rename(path)
        else:
            _remove(part)


def _abandoned(part: Path, host: str, process: int) -> bool:
    if host == _host() and not _alive(process):
        return True
    with suppress(OSError):
        return time.time() - part.lstat().st_mtime > _ABANDONED_AFTER
    return False


def _alive(process: int) -> bool:
    """Whether a process of this machine runs; where the system cannot be asked without harm, it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


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
    """Turns refusals to write at `path` into `UserError`s; a file that cannot be read is told as that."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, (str, os.PathLike)) and not _concerns(Path(error.filename), path):
            raise UserError(f"{error.filename}: cannot be read: {error.strerror or error}") from error
        raise unwritable(path, error) from error


def _concerns(named: Path, path: Path) -> bool:
    """Whether an error about `named` is one of writing `path`: it lies at it, beside it, below it, or above it."""
    named, path = named.absolute(), path.absolute()
    return named.is_relative_to(path.parent) or path.is_relative_to(named)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED_WRITES = (*_FULL, errno.EACCES, errno.EPERM, errno.EROFS)
"""Error numbers that say a file could not be written."""


def unwritable(path: Path, error: OSError) -> UserError:
    """The `UserError` for a failed write at `path`."""
    if error.errno in _FULL:
        return UserError(f"no space left to write {path}; free some, or choose another folder")
    return UserError(f"cannot write {path}: {error.strerror or error}; choose a folder you may write to")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Like `writing`, but does not wait for the disk: for one of many files, which can be made again."""
    temporary = _part_of(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        _remove(temporary)


def clear_abandoned(folder: Path) -> None:
    """Removes what killed writers left in `folder`, and nothing of those that are still at it."""
    for part in folder.glob(".*.part"):
        found = _PART.fullmatch(part.name)
        if found is not None and _abandoned(part, found["host"], int(found["process"])):
            _remove(part)


def clear_parts(folder: Path) -> None:
    """Removes what writers that were killed left behind in `folder`. Only for a folder that has one writer."""
    for part in folder.glob(".*.part"):
        if _PART.fullmatch(part.name):
            _remove(part)
