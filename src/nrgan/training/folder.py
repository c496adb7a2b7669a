"""The run folder: what lies where, and whether a run may begin there."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from nrgan.errors import UserError
from nrgan.networks.generator import SNAPSHOTS
from nrgan.storage import disk_errors, writing
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
        is_run = (out / CONFIG).exists()
        strange = [name for name in _MADE_BY_RUNS if (out / name).exists() and not is_run]
    if is_run and resume:
        check_same_run(read_config(out), identity(config), out)
        if not (out / CHECKPOINT).exists() and (out / SNAPSHOTS).exists():
            raise UserError(f"{out}: has snapshots but has lost {CHECKPOINT}; --overwrite begins anew")
    elif is_run and not overwrite:
        raise UserError(f"{out}: holds a run already; --resume goes on with it, --overwrite deletes it")
    elif strange and not overwrite:
        raise UserError(f"{out}: is no run's folder, but holds {', '.join(strange)}; choose another folder")


def begin(config: TrainConfig, about: dict[str, Any], resume: bool) -> IO[str]:
    """Makes the folder and writes `config.json`; deletes the run that is there unless it goes on.

    Returns a file whose lock keeps other processes out until it is closed. Raises `UserError` where one is there.
    """
    out = config.out
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = _lock(out)
        if not resume:
            # not the configuration, which is replaced below: a kill in between leaves a run that can begin again
            for path in (*(out / name for name in _MADE_BY_RUNS), *out.glob("metric-*.jsonl")):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    document = {
        "config": config.model_dump(mode="json"),
        **about,
        "versions": {name: version(name) for name in ("nrgan", "torch", "numpy")}
        | {"python": platform.python_version()},
        "commit": _commit(),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    with writing(out / CONFIG) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return lock


def _lock(out: Path) -> IO[str]:
    """Takes the run folder for this process, where the system has such locks."""
    file = (out / ".lock").open("w", encoding="utf-8")
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise UserError(f"{out}: is being trained by another process; wait for it, or stop it") from error
    return file


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
