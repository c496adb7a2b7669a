"""The run folder of any trainer: whether a run may begin there, checkpoints to go on from, the log, one process at a
time.

Nothing is written before `begin`; a run that is overwritten is kept until the first checkpoint of the new one.
"""

from __future__ import annotations

import json
import logging
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from nrgan import layout
from nrgan.errors import Damaged, UserError, first_line
from nrgan.runs.checkpoint import Resumable, load_checkpoint, save_checkpoint
from nrgan.runs.folder import (
    ENDED_AT,
    FORMAT_VERSION,
    checkpoints,
    claim,
    discard,
    members_of,
    read_config,
    read_document,
    read_earlier,
    remove,
    set_aside,
)
from nrgan.runs.identity import check_same_run
from nrgan.runs.log import RunLog
from nrgan.storage import clear_parts, disk_errors, locked, writing

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
        self.goes_on = claim(out, resume, overwrite)
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
        return self.goes_on and bool(checkpoints(self.out))

    def config(self) -> dict[str, Any]:
        """The configuration of the run that goes on, as it was saved."""
        return read_config(self.out)

    def check(self, identity: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Raises `UserError` where another run is there than the one of this identity; see `check_same_run`."""
        self._identity, self._defaults = identity, defaults
        if self.goes_on:
            check_same_run(read_document(self.out)["identity"], identity, defaults, self.out)

    def restore(self, state: Resumable) -> None:
        """Restores the state from the last checkpoint that is whole, if any; `notes` say what is not as it was.

        Raises `UserError` where there are some, and none can serve.
        """
        if not self.has_checkpoint:
            return
        self._restored_from = self._stamp()
        exact, damage = self._load_newest(state)
        self.saved_iteration = state.progress()["iteration"]
        if damage is not None:
            self._damaged = True
            self.notes.append(
                f"{damage}; going on from the checkpoint before, of iteration {self.saved_iteration:,}. The damaged "
                f"one is kept as {layout.DAMAGED_CHECKPOINT}, later losses in {layout.LATER_METRICS}"
            )
        if not exact:
            self.notes.append(
                "the checkpoint is from another kind of device: the weights go on, random numbers begin anew"
            )

    def _load_newest(self, state: Resumable) -> tuple[bool, Damaged | None]:
        """Loads the newest whole checkpoint; returns whether exactly, and what was wrong with a newer one."""
        damage: Damaged | None = None
        for path in checkpoints(self.out):
            try:
                return load_checkpoint(state, path, self._identity, self._defaults), damage
            except Damaged as error:
                damage = damage or error
        raise UserError(f"{damage}; there is no other to go on from, <overwrite> begins anew")

    def _stamp(self) -> tuple[int, int] | None:
        """Changes whenever the checkpoint does; None where there is none."""
        if not self.has_checkpoint:
            return None
        state = checkpoints(self.out)[0].stat()
        return state.st_mtime_ns, state.st_ino

    def begin(self, config: Mapping[str, Any], about: Mapping[str, Any], iteration: int) -> None:
        """Takes the folder and writes `run.json`; the run that is there is set aside unless it goes on.

        Raises `UserError` where another process trains there, or the folder cannot be written.
        """
        with disk_errors(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.out / layout.LOCK, patience=1.0)
            if self._lock is None:
                raise UserError(f"{self.out}: is being trained by another process; wait for it, or stop it")
            # what was asked when this was made may have changed: another process had the folder, and has let it go
            is_there = claim(self.out, self._resume, self._overwrite)
            if is_there != self.goes_on or self._stamp() != self._restored_from:
                raise UserError(f"{self.out}: was trained on meanwhile by another process; begin again")
            self.earlier = read_earlier(self.out) if self.goes_on else set_aside(self.out)
            if self._damaged:
                self.checkpoint_file.replace(self.out / layout.DAMAGED_CHECKPOINT)
            if not checkpoints(self.out):  # it begins from nothing, also where a kill came before the first one
                remove(path for path in members_of(self.out) if path.name != layout.RUN)
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
        self.check_there()
        if not state.whole:
            raise ValueError("a state in the middle of an iteration is not to be saved")
        save_checkpoint(state, self.checkpoint_file, self.out / layout.EARLIER_CHECKPOINT, self._identity)
        self.saved_iteration, self._saved_at = state.progress()["iteration"], time.monotonic()
        if settled and self.earlier is not None:
            earlier, self.earlier = self.earlier, None
            self._write_document()  # first: from now on a folder of that name is no business of this run
            try:
                discard(earlier)
            except UserError as error:  # no reason to stop a training
                _log.warning("the earlier run stays in %s: %s", earlier, first_line(error))

    def ended(self, iteration: int) -> None:
        """Says in `run.json` that the run's minutes were over there; one that goes on does not say it any more."""
        self._document[ENDED_AT] = iteration
        self._write_document()

    def check_there(self) -> None:
        """Raises `UserError` where the folder is not there any more: nothing is made in its place."""
        if not (self.out / layout.RUN).exists():
            raise UserError(f"{self.out}: has been moved or removed while it was trained; nothing more is written")

    def minutes_since_checkpoint(self) -> float:
        """Since the last one, or since `begin`."""
        return (time.monotonic() - self._saved_at) / 60

    def close(self) -> None:
        """Ends the log and lets the folder go; may be called at any time."""
        if hasattr(self, "log"):
            self.log.close()
        if self._lock is not None:
            self._lock.close()


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
