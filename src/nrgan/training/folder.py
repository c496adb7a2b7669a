"""The run folder: what lies where, and whether a run may begin there."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import IO, Any

from nrgan.errors import UserError
from nrgan.networks.generator import SNAPSHOTS
from nrgan.storage import disk_errors, locked, writing
from nrgan.training.checkpoint import CHECKPOINT
from nrgan.training.config import TrainConfig, check_same_run, identity

CONFIG = "config.json"
SAMPLES = "samples"
METRICS = "metrics.jsonl"
BEST = "best"
TENSORBOARD = "tensorboard"
_MADE_BY_RUNS = (CHECKPOINT, METRICS, SAMPLES, SNAPSHOTS, TENSORBOARD, BEST)


def claim(config: TrainConfig, resume: bool, overwrite: bool) -> None:
    """Raises `UserError` unless a run of this configuration may begin, or go on, in `config.out`. Changes nothing."""
    out = config.out
    if resume and overwrite:
        raise UserError("--resume and --overwrite: choose one")
    with disk_errors(out):
        nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
        if not nearest.is_dir():
            raise UserError(f"{out}: {nearest} is a file; choose a folder")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        is_run = holds_run(out)
        strange = [name for name in (CONFIG, *_MADE_BY_RUNS) if os.path.lexists(out / name) and not is_run]
        links = [name for name in (CONFIG, *_MADE_BY_RUNS) if (out / name).is_symlink()]
    if links:
        raise UserError(f"{out}: its {', '.join(links)} lead elsewhere, and a run writes to its own folder only")
    if is_run and resume:
        check_same_run(read_config(out), identity(config), out)
        if not (out / CHECKPOINT).exists() and (out / SNAPSHOTS).exists():
            raise UserError(f"{out}: has snapshots but has lost {CHECKPOINT}; --overwrite begins anew")
    elif is_run and not overwrite:
        raise UserError(f"{out}: holds a run already; --resume goes on with it, --overwrite puts this one in its place")
    elif strange:
        raise UserError(f"{out}: is no run's folder, but holds {', '.join(strange)}; choose another folder")


def holds_run(out: Path) -> bool:
    """Whether a run has written its configuration there; not whether it is a good one."""
    try:
        document = json.loads((out / CONFIG).read_text(encoding="utf-8"))
        return {"setting", "model", "out"} <= document["config"].keys() and "versions" in document
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return False


@dataclass(frozen=True)
class Begun:
    """A run folder that this process has taken."""

    lock: IO[str]
    """Keeps other processes out until it is closed."""
    earlier: Path | None
    """Where the run is that was there before, until `discard` is called."""


def begin(config: TrainConfig, about: dict[str, Any], resume: bool) -> Begun:
    """Makes the folder and writes `config.json`; the run that is there is set aside unless it goes on.

    Raises `UserError` where another process trains there, or the folder cannot be written.
    """
    out = config.out
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = locked(out / ".lock")
        if lock is None:
            raise UserError(f"{out}: is being trained by another process; wait for it, or stop it")
        earlier = _read_earlier(out) if resume else _set_aside(out)
        if not (
            out / CHECKPOINT
        ).exists():  # it begins from nothing, also where a kill came before the first checkpoint
            _remove(path for path in _members(out) if path.name != CONFIG)
    document = {
        "config": config.model_dump(mode="json"),
        **about,
        "versions": {name: version(name) for name in ("nrgan", "torch", "numpy")}
        | {"python": platform.python_version()},
        "commit": _commit(),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "earlier": earlier.name if earlier else None,
    }
    with writing(out / CONFIG) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return Begun(lock, earlier)


def _members(out: Path) -> list[Path]:
    """What a run has written in its folder; the configuration last, by which the folder is known as a run's."""
    names = [out / name for name in _MADE_BY_RUNS if (out / name).exists()]
    return [*names, *sorted(out.glob("metric-*.jsonl")), *(out / name for name in (CONFIG,) if (out / name).exists())]


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
        name = json.loads((out / CONFIG).read_text(encoding="utf-8"))["earlier"]
        aside = out.absolute().with_name(name)
        if re.fullmatch(re.escape(out.absolute().name) + r"\.old-\d+", name) and holds_run(aside):
            return aside
    return None


def _remove(members: Iterable[Path]) -> None:
    for member in members:
        shutil.rmtree(member) if member.is_dir() else member.unlink()


def discard(earlier: Path) -> None:
    """Removes a run that was set aside, and its folder if nothing else is in it."""
    with disk_errors(earlier):
        _remove(_members(earlier))
        with suppress(OSError):
            earlier.rmdir()


def read_config(run: Path) -> dict[str, Any]:
    """The saved options of a run; raises `UserError` where the folder holds none."""
    try:
        config = json.loads((run / CONFIG).read_text(encoding="utf-8"))["config"]
    except FileNotFoundError as error:
        raise UserError(f"{run}: holds no run ({CONFIG} is missing)") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(f"{run / CONFIG}: cannot be read ({error})") from error
    return dict(config)


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
