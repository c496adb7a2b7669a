"""The run folder of any trainer: whether a run may begin there, checkpoints to go on from, the log, one process at a
time.

Nothing is written before `begin`; a run that is overwritten is kept until the first checkpoint of the new one.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import IO, Any

from nrgan import layout
from nrgan.errors import Damaged, UserError, first_line
from nrgan.runs.checkpoint import Resumable, load_checkpoint, save_checkpoint
from nrgan.runs.identity import check_same_run
from nrgan.runs.log import RunLog
from nrgan.storage import clear_parts, disk_errors, locked, read_json, writing

FORMAT_VERSION = 2
"""Of `run.json`."""

_log = logging.getLogger("nrgan")


class RunRecorder:
    """Keeps a run in a folder.

    In this order: made (asks whether OUT may be written, changes nothing), `check` (the same run as the one that goes
    on?), `restore` (the checkpoint's state), `begin` (takes the folder, writes `run.json`, opens the log), then
    `checkpoint` again and again, and `close`. Raises `UserError` where any of it cannot be.
    """

    log: RunLog

    def __init__(self, out: Path, resume: bool = False, overwrite: bool = False) -> None:
        self.out = out
        self._resume, self._overwrite = resume, overwrite
        self.goes_on = _claim(out, resume, overwrite)
        """Whether a run is there, which goes on."""
        self.earlier: Path | None = None
        """Where the run is that was there before, until the first checkpoint."""
        self.saved_iteration: int | None = None
        """Of the last good checkpoint."""
        self._lock: IO[str] | None = None
        self._damaged = False
        self._restored_from: tuple[int, int] | None = None
        self.notes: list[str] = []
        """What there is to tell of how it goes on."""

    @property
    def checkpoint_file(self) -> Path:
        """Where the state is kept."""
        return self.out / layout.CHECKPOINT

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a state to go on from."""
        return self.goes_on and bool(_checkpoints(self.out))

    def config(self) -> dict[str, Any]:
        """The configuration of the run that goes on, as it was saved."""
        return read_config(self.out)

    def check(self, identity: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Raises `UserError` where another run is there than the one of this identity; see `check_same_run`."""
        self._identity, self._defaults = identity, defaults
        if self.goes_on:
            check_same_run(read_document(self.out)["identity"], identity, defaults, self.out)

    def restore(self, state: Resumable) -> bool:
        """Restores the state from the last checkpoint that is whole, if any; returns whether random numbers go on too.

        Raises `UserError` where there are some, and none can serve.
        """
        if not self.has_checkpoint:
            return True
        self._restored_from = self._stamp()
        exact, damage = self._load_newest(state)
        self.saved_iteration = state.progress()["iteration"]
        if damage is not None:
            self._damaged = True
            self.notes.append(
                f"{damage}; going on from the checkpoint before, of iteration {self.saved_iteration:,}. The damaged "
                f"one is kept as {layout.DAMAGED_CHECKPOINT}, later losses in {layout.LATER_METRICS}"
            )
        return exact

    def _load_newest(self, state: Resumable) -> tuple[bool, Damaged | None]:
        """Loads the newest whole checkpoint; returns whether exactly, and what was wrong with a newer one."""
        damage: Damaged | None = None
        for path in _checkpoints(self.out):
            try:
                return load_checkpoint(state, path, self._identity, self._defaults), damage
            except Damaged as error:
                damage = damage or error
        raise UserError(f"{damage}; there is no other to go on from, <overwrite> begins anew")

    def _stamp(self) -> tuple[int, int] | None:
        """Changes whenever the checkpoint does; None where there is none."""
        if not self.has_checkpoint:
            return None
        state = _checkpoints(self.out)[0].stat()
        return state.st_mtime_ns, state.st_ino

    def begin(self, config: Mapping[str, Any], about: Mapping[str, Any], iteration: int) -> None:
        """Takes the folder and writes `run.json`; the run that is there is set aside unless it goes on.

        Raises `UserError` where another process trains there, or the folder cannot be written.
        """
        with disk_errors(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.out / layout.LOCK)
            if self._lock is None:
                raise UserError(f"{self.out}: is being trained by another process; wait for it, or stop it")
            # what was asked when this was made may have changed: another process had the folder, and has let it go
            is_there = _claim(self.out, self._resume, self._overwrite)
            if is_there != self.goes_on or self._stamp() != self._restored_from:
                raise UserError(f"{self.out}: was trained on meanwhile by another process; begin again")
            self.earlier = _read_earlier(self.out) if self.goes_on else _set_aside(self.out)
            if self._damaged:
                self.checkpoint_file.replace(self.out / layout.DAMAGED_CHECKPOINT)
            if not _checkpoints(self.out):  # it begins from nothing, also where a kill came before the first one
                _remove(path for path in _members(self.out) if path.name != layout.RUN)
            for folder in (self.out, self.out / layout.SAMPLES, self.out / layout.SNAPSHOTS):
                clear_parts(folder)
        self._document = self._described(config, about)
        self._write_document()
        self.log = RunLog(self.out, iteration, keep_later=self._damaged)
        self._saved_at = time.monotonic()

    def _described(self, config: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "format": FORMAT_VERSION,
            "config": dict(config),
            "identity": dict(self._identity),
            **about,
            "versions": {name: version(name) for name in ("nrgan", "torch", "numpy")}
            | {"python": platform.python_version()},
            "commit": _commit(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _write_document(self) -> None:
        document = self._document | {"earlier": self.earlier.name if self.earlier else None}
        with writing(self.out / layout.RUN) as part:
            part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def checkpoint(self, state: Resumable, settled: bool = True) -> None:
        """Saves the state, which must be whole, and lets the run go that was there before. Raises `UserError`.

        settled: False on the way out of a run that is stopped, which keeps the earlier one.
        """
        if not state.whole:
            raise ValueError("a state in the middle of an iteration is not to be saved")
        save_checkpoint(state, self.checkpoint_file, self.out / layout.EARLIER_CHECKPOINT, self._identity)
        self.saved_iteration, self._saved_at = state.progress()["iteration"], time.monotonic()
        if settled and self.earlier is not None:
            earlier, self.earlier = self.earlier, None
            self._write_document()  # first: from now on a folder of that name is no business of this run
            try:
                _discard(earlier)
            except UserError as error:  # no reason to stop a training
                _log.warning("the earlier run stays in %s: %s", earlier, first_line(error))

    def minutes_since_checkpoint(self) -> float:
        """Since the last one, or since `begin`."""
        return (time.monotonic() - self._saved_at) / 60

    def close(self) -> None:
        """Ends the log and lets the folder go; may be called at any time."""
        if hasattr(self, "log"):
            self.log.close()
        if self._lock is not None:
            self._lock.close()


def _checkpoints(out: Path) -> list[Path]:
    """The checkpoints that are there, the newest first."""
    return [path for name in (layout.CHECKPOINT, layout.EARLIER_CHECKPOINT) if (path := out / name).exists()]


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


def _claim(out: Path, resume: bool, overwrite: bool) -> bool:
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
        if left and not _checkpoints(out):
            raise UserError(
                f"{out}: has {' and '.join(left)} but has lost {layout.CHECKPOINT}; <overwrite> begins anew"
            )
    return is_run and resume


def _members(out: Path) -> list[Path]:
    """What a run has written in its folder, of this or an older version."""
    old = [out / layout.OLD_RUN] if _is_old_run(out) else []
    return [*layout.members(out), *old]


def _set_aside(out: Path) -> Path | None:
    """Moves the run in `out` to `OUT.old-1` beside it; other files stay. None where there is none."""
    members, out = _members(out), out.absolute()
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


def _read_earlier(out: Path) -> Path | None:
    """The run that was set aside when the one in `out` began, where it is still there."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        name = read_json(out / layout.RUN)["earlier"]
        aside = out.absolute().with_name(name)
        if re.fullmatch(re.escape(out.absolute().name) + r"\.old-\d+", name) and holds_run(aside):
            return aside
    return None


def _remove(members: Iterable[Path]) -> None:
    for member in members:
        shutil.rmtree(member) if member.is_dir() else member.unlink()


def _discard(earlier: Path) -> None:
    """Removes a run that was set aside, and its folder if nothing else is in it."""
    with disk_errors(earlier):
        _remove(_members(earlier))
        with suppress(OSError):
            earlier.rmdir()


def _commit() -> str | None:
    """The git commit of the program's own source, where it runs from a checkout."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
