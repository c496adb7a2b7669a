"""SIGKILL at random moments, again and again: the run goes on each time and ends as if nothing had happened."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from conftest import TINY
from nrgan import Generator
from test_run import assert_same_run, run

KILLS = 50
# a checkpoint and a line every iteration, pictures and snapshots every few: kills fall into all of them
OPTIONS = {
    **TINY,
    "iterations": 400,
    "log_interval": 1,
    "checkpoint_minutes": 0,
    "sample_interval": 7,
    "snapshot_interval": 5,
}


def _size(run: Path) -> int:
    path = run / "metrics.jsonl"
    return path.stat().st_size if path.exists() else -1


def _start_and_kill(command: list[str], out: Path, rng: random.Random) -> bool:
    """Starts the training and kills it at a random moment; whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if rng.random() < 0.2:  # while it starts
        time.sleep(rng.uniform(0, 4))
    else:  # while it trains and saves
        before, deadline = _size(out), time.monotonic() + 60
        while _size(out) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.3))
    alive = process.poll() is None
    process.kill()
    _, errors = process.communicate()
    assert alive or process.returncode == 0, errors.decode()
    return alive


def test_killed_fifty_times(tmp_path: Path) -> None:
    out, rng = tmp_path / "killed", random.Random(0)
    options = [f"--{k.replace('_', '-')}={v}" for k, v in OPTIONS.items()]
    command = [sys.executable, "-m", "nrgan", "train", "shapes-ag25", "sinrgan2", str(out), "--resume", *options]
    killed = 0
    while killed < KILLS:
        alive = _start_and_kill(command, out, rng)
        killed += alive
        for snapshot in (out / "snapshots").glob("iteration-*"):
            Generator.from_pretrained(snapshot)  # whatever has a snapshot's name is whole
        assert alive or killed == KILLS, f"the run was complete after {killed} kills; make it longer"
    subprocess.run(command, check=True, capture_output=True)
    whole = run(tmp_path / "whole", model="sinrgan2", **OPTIONS)
    assert_same_run(out, whole)
    pictures = [sorted(path.name for path in (folder / "samples").iterdir()) for folder in (out, whole)]
    assert pictures[0] == pictures[1]
    for name in pictures[0]:
        assert (out / "samples" / name).read_bytes() == (whole / "samples" / name).read_bytes()
    assert not list(out.rglob("*.part")), "leftovers of killed writers are cleared"
