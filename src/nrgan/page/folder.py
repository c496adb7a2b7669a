"""The temporary folder of a page, in which everything of visitors lies, and what killed pages have left of theirs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nrgan.errors import UserError
from nrgan.storage import locked

_PREFIX = "nrgan-page-"
_LOCK = "lock"
"""A file in the folder, locked for as long as its page lives: a lock goes with its process, however that ends."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for this process's temporary files, removed when left; folders of pages that live no more go first.

    Raises `UserError` where none can be made.
    """
    before = tempfile.tempdir
    with ExitStack() as held:
        try:
            _clear_abandoned(Path(tempfile.gettempdir()))
            folder = _made(held)
        except OSError as error:
            raise UserError(
                f"no temporary folder can be made ({error}); set TMPDIR to one that can be written"
            ) from error
        tempfile.tempdir = str(folder)  # uploads are received there too
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def _made(held: ExitStack) -> Path:
    """A folder of ours and its lock, both until `held` is left."""
    while True:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)))
        with suppress(FileNotFoundError):
            lock = locked(folder / _LOCK)
            # another page that has begun just now may have seen it without a holder, and removed it
            if lock is not None and (folder / _LOCK).exists():
                held.enter_context(lock)
                return folder


def _clear_abandoned(where: Path) -> None:
    """Removes folders of pages that were killed: those of this user whose lock nobody holds."""
    if os.name != "posix":  # where there are no such locks, nobody can tell
        return
    for folder in where.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid() or not (folder / _LOCK).is_file():
                continue
            if (lock := locked(folder / _LOCK)) is not None:
                with lock:
                    shutil.rmtree(folder, ignore_errors=True)
