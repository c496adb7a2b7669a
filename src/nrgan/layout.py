"""What lies where in a run folder, and in a snapshot: the only place that knows the names of their files.

    OUT/
      run.json                    the configuration and what it was resolved to
      checkpoint.safetensors      the whole training state, to go on from; checkpoint.earlier.…: the one before
      metrics.jsonl               losses; metric-NAME.jsonl: the lines of evaluations
      tensorboard/  samples/
      snapshots/iteration-N/      the averaged networks of an iteration
      best/                       the best of them so far, by the run's own evaluations
      live.html                   with --live: the report of the run as it goes on

A snapshot holds `about.json` (what it is of), `config.json` and `model.safetensors` (the generator), a folder for each
other network, and `SHA256SUMS` over all of them. Paths only: nothing here reads what is inside.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from nrgan.errors import UserError

RUN = "run.json"
CHECKPOINT = "checkpoint.safetensors"
EARLIER_CHECKPOINT = "checkpoint.earlier.safetensors"
"""The one before, which a run goes on from where the last is damaged."""
DAMAGED_CHECKPOINT = "checkpoint.damaged.safetensors"
"""One that was damaged, set aside."""
METRICS = "metrics.jsonl"
DAMAGED_METRICS = "metrics.damaged.jsonl"
"""Lines of losses that could not be read, set aside."""
LATER_METRICS = "metrics.later.jsonl"
"""Lines of losses after the checkpoint that a run went on from, the last one being damaged."""
SAMPLES = "samples"
SNAPSHOTS = "snapshots"
BEST = "best"
TENSORBOARD = "tensorboard"
LIVE = "live.html"
"""The report of a run that is rewritten as it goes on."""
JUDGEMENT = "judgement.json"
"""What is known of a denoiser without clean images."""
LOCK = ".lock"
NOISE_CHECK = "noise-check"
"""Comparison of a run's noise with the truth: `.json` and `.png`."""

ABOUT = "about.json"
SIZES = "config.json"
"""The sizes of a network, beside its weights; the name is the Hub's."""
WEIGHTS = "model.safetensors"
DISCRIMINATOR = "discriminator"
MANIFEST = "SHA256SUMS"
"""The SHA-256 of every file of a snapshot, as `sha256sum --check` takes them."""

SHARED_FILES = (ABOUT, SIZES, WEIGHTS, MANIFEST)
"""Names of the files of a snapshot that is shared; its discriminator stays with the run."""
SHARED_DENOISER = "denoiser"
"""Folder of the denoiser's snapshot within a snapshot that is shared."""
README = "README.md"
"""What a shared snapshot, or a package, says to people. It may be changed later, so no manifest has it."""

BEST_SAMPLES = "best-samples.png"
"""Samples of a reproduction's best snapshot."""

MEMBERS = (
    *(CHECKPOINT, EARLIER_CHECKPOINT, DAMAGED_CHECKPOINT),
    *(METRICS, DAMAGED_METRICS, LATER_METRICS, SAMPLES, SNAPSHOTS, TENSORBOARD, BEST, LIVE),
    *(f"{NOISE_CHECK}.json", f"{NOISE_CHECK}.png", BEST_SAMPLES),
)
"""What a run, and what is asked of it, makes beside `run.json` and the lines of evaluations."""

OLD_RUN = "config.json"
"""What `run.json` was called by version 0.1, whose runs do not go on."""

Which = Literal["best", "newest"]


def records_file(folder: Path, metric: str) -> Path:
    """The lines of a metric."""
    return folder / f"metric-{metric}.jsonl"


def records_files(folder: Path) -> list[Path]:
    """The lines of all metrics."""
    return sorted(folder.glob("metric-*.jsonl"))


def members(run: Path) -> list[Path]:
    """What a run has written in its folder; last the file by which the folder is known as a run's."""
    there = [run / name for name in MEMBERS if (run / name).exists()]
    last = [run / RUN] if (run / RUN).exists() else []
    return [*there, *records_files(run), *last]


def snapshot_folder(run: Path, iteration: int) -> Path:
    """Where the snapshot of an iteration lies. The names sort by iteration."""
    return run / SNAPSHOTS / f"iteration-{iteration:07d}"


def iteration_of(snapshot: Path) -> int:
    """The iteration that a snapshot's folder is named after."""
    found = re.fullmatch(r"iteration-(\d+)", snapshot.name)
    if found is None:
        raise ValueError(f"{snapshot} is not named after an iteration")
    return int(found[1])


def sample_picture(run: Path, iteration: int, part: str) -> Path:
    """The picture of some samples: `clean`, or another part of their observation."""
    return run / SAMPLES / f"iteration-{iteration:07d}-{part}.png"


def pictured_iterations(run: Path) -> list[int]:
    """The iterations that there are pictures of clean samples of, in order."""
    found = (re.fullmatch(r"iteration-(\d+)-clean\.png", path.name) for path in (run / SAMPLES).glob("iteration-*"))
    return sorted(int(match[1]) for match in found if match is not None)


def data_picture(run: Path) -> Path:
    """The picture of some of the noisy images that it is trained on."""
    return run / SAMPLES / "real_noisy.png"


def is_snapshot(folder: Path) -> bool:
    """Whether a snapshot's generator lies there."""
    return (folder / WEIGHTS).is_file()


def saved_snapshots(run: Path, until: int | None = None) -> list[Path]:
    """The snapshots of a run, up to an iteration, oldest first."""
    found = sorted(path for path in (run / SNAPSHOTS).glob("iteration-*") if is_snapshot(path))
    return found if until is None else [path for path in found if iteration_of(path) <= until]


def expanded(path: Path) -> Path:
    """The path with ~ as the user's folder, absolute; raises `UserError` for a user that there is not."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise UserError(f"{path}: there is no user of that name; give the whole path") from error


def same_place(one: Path, other: Path) -> bool:
    """Whether both lead to the same place, there or not; links that go round lead nowhere."""
    places = [os.path.realpath(expanded(path)) for path in (one, other)]
    return places[0] == places[1]


def find_snapshot(path: Path, which: Which = "best") -> Path:
    """`path` itself where it is a snapshot, else the best one of the run in it, or, where none is known, the newest.

    Absolute. Raises `UserError` where there is none.
    """
    path = expanded(path)
    if is_snapshot(path):
        return path
    if which == "best" and is_snapshot(path / BEST):
        return path / BEST
    if not (snapshots := saved_snapshots(path)):
        raise UserError(f"{path}: holds neither a snapshot ({WEIGHTS}) nor {SNAPSHOTS}/ with one")
    return snapshots[-1]


def _is_run(folder: Path) -> bool:
    return (folder / RUN).is_file() or (folder / OLD_RUN).is_file()


def run_of(path: Path) -> Path:
    """The run folder that a snapshot, `best/` or a run folder belongs to, absolute; a lone snapshot is its own."""
    path = expanded(path)
    if not is_snapshot(path):
        return path
    # as it was named, and where it really is: a snapshot may be reached through a link
    for folder in (path, Path(os.path.realpath(path))):
        if folder.name == BEST and _is_run(folder.parent):
            return folder.parent
        if folder.parent.name == SNAPSHOTS and _is_run(folder.parent.parent):
            return folder.parent.parent
    return path
