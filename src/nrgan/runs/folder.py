"""A run folder, for whoever asks: whether a run is there, what it says of itself, whether another may begin there."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from nrgan import layout
from nrgan.errors import UserError
from nrgan.reading import read_json
from nrgan.storage import disk_errors, is_locked

FORMAT_VERSION = 2
"""Of `run.json`."""
ENDED_AT = "ended_at"
"""What `run.json` calls the iteration at which the run's minutes were over, before its last one."""


def checkpoints(out: Path) -> list[Path]:
    """The checkpoints that are there, the newest first."""
    return [path for name in (layout.CHECKPOINT, layout.EARLIER_CHECKPOINT) if (path := out / name).exists()]


def in_use(run: Path) -> bool:
    """Whether another process trains, or measures, in the folder now."""
    return is_locked(run / layout.LOCK)


def read_document(run: Path) -> dict[str, Any]:
    """What `run.json` says; raises `UserError` where the folder holds no run, or one of an older version."""
    path = run / layout.RUN
    try:
        document = read_json(path)
        if document["format"] != FORMAT_VERSION:
            raise UserError(f"{path}: a run of format {document['format']}; this version reads {FORMAT_VERSION}")
        if not (isinstance(document["config"], dict) and isinstance(document["identity"], dict)):
            raise UserError(f"{path}: holds no configuration")
    except FileNotFoundError as error:
        if _is_old_run(run):
            raise UserError(f"{run}: is a run of version 0.1, which this cannot read; use its snapshots") from error
        raise UserError(f"{run}: holds no run ({layout.RUN} is missing)") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    return dict(document)


def read_config(run: Path) -> dict[str, Any]:
    """The options of a run by their flat names; raises `UserError` where the folder holds none."""
    return dict(read_document(run)["config"])


def holds_run(out: Path) -> bool:
    """Whether a run of this or an older version is there; not whether it is a good one."""
    try:
        document = read_json(out / layout.RUN)
        return isinstance(document["config"], dict) and "format" in document and "versions" in document
    except (OSError, ValueError, TypeError, KeyError):
        return _is_old_run(out)


def _is_old_run(out: Path) -> bool:
    """Whether version 0.1 has trained there."""
    try:
        document = read_json(out / layout.OLD_RUN)
        return {"setting", "model", "out"} <= document["config"].keys() and "versions" in document
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return False


def claim(out: Path, resume: bool, overwrite: bool) -> bool:
    """Whether a run in `out` goes on. Raises `UserError` unless one may begin or go on there; changes nothing."""
    if resume and overwrite:
        raise UserError("<resume> and <overwrite>: choose one")
    names = (layout.RUN, *layout.MEMBERS)
    with disk_errors(out):
        nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
        if not nearest.is_dir():
            raise UserError(f"{out}: {nearest} is a file; choose a folder")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        is_run = holds_run(out)
        there = [name for name in names if os.path.lexists(out / name)]
        there += [path.name for path in layout.records_files(out)]
        links = [name for name in there if (out / name).is_symlink()]
    if links:
        raise UserError(f"{out}: its {', '.join(links)} lead elsewhere, and a run writes to its own folder only")
    if not is_run and there:
        damaged = f" ({layout.RUN} cannot be read as a run's)" if layout.RUN in there else ""
        raise UserError(f"{out}: is no run's folder, but holds {', '.join(there)}{damaged}; choose another folder")
    if is_run and not (resume or overwrite):
        raise UserError(f"{out}: holds a run already; <resume> goes on with it, <overwrite> puts this one in its place")
    if is_run and resume:
        if not (out / layout.RUN).exists():
            raise UserError(
                f"{out}: is a run of version 0.1, which cannot go on here; its snapshots can be used, "
                "<overwrite> begins anew"
            )
        left = [name for name in (layout.SNAPSHOTS, layout.BEST) if (out / name).exists()]
        if left and not checkpoints(out):
            raise UserError(
                f"{out}: has {' and '.join(left)} but has lost {layout.CHECKPOINT}; <overwrite> begins anew"
            )
    return is_run and resume


def members_of(out: Path) -> list[Path]:
    """What a run has written in its folder, of this or an older version."""
    old = [out / layout.OLD_RUN] if _is_old_run(out) else []
    return [*layout.members(out), *old]


def set_aside(out: Path) -> Path | None:
    """Moves the run in `out` to `OUT.old-1` beside it; other files stay. None where there is none."""
    members, out = members_of(out), out.absolute()
    if not members:
        return None
    free = (out.with_name(f"{out.name}.old-{n}") for n in count(1))
    aside = next(path for path in free if not os.path.lexists(path))
    aside.mkdir()
    moved: list[Path] = []
    try:
        for member in members:
            member.rename(aside / member.name)
            moved.append(member)
    except OSError:
        for member in moved:
            (aside / member.name).rename(member)
        aside.rmdir()
        raise
    return aside


def read_earlier(out: Path) -> Path | None:
    """The run that was set aside when the one in `out` began, where it is still there."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        name = read_json(out / layout.RUN)["earlier"]
        aside = out.absolute().with_name(name)
        if re.fullmatch(re.escape(out.absolute().name) + r"\.old-\d+", name) and holds_run(aside):
            return aside
    return None


def remove(members: Iterable[Path]) -> None:
    for member in members:
        shutil.rmtree(member) if member.is_dir() else member.unlink()


def discard(earlier: Path) -> None:
    """Removes a run that was set aside, and its folder if nothing else is in it."""
    with disk_errors(earlier):
        remove(members_of(earlier))
        with suppress(OSError):
            earlier.rmdir()
