"""SIGKILL at random moments, again and again: the run goes on each time and ends as if nothing had happened."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PATIENCE, TINY
from nrgan import Generator
from nrgan.runs.log import read_metrics
from test_run import assert_same_run, run

KILLS = 50
MORE = 20
"""Iterations after the last kill."""
# a checkpoint and a line every iteration, pictures and snapshots every few: kills fall into all of them
OPTIONS = {
    **TINY,
    "log_interval": 1,
    "checkpoint_minutes": 0,
    "sample_interval": 7,
    "snapshot_interval": 5,
}


def _saved(run: Path) -> int:
    """When the last checkpoint was written: each kill after one leaves some progress, however slow the machine."""
    try:
        return (run / "checkpoint.safetensors").stat().st_mtime_ns
    except FileNotFoundError:  # there is none yet, or the next is about to take its place
        return -1


def _start_and_kill(command: list[str], out: Path, rng: random.Random) -> None:
    """Starts a training that would never end, and kills it at a random moment."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if rng.random() < 0.2:  # while it starts
        time.sleep(rng.uniform(0, 4))
    else:  # while it trains and saves
        before, deadline = _saved(out), time.monotonic() + PATIENCE
        while _saved(out) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.3))
    alive = process.poll() is None
    process.kill()
    _, errors = process.communicate()
    assert alive, errors.decode()


@pytest.mark.slow
def test_killed_fifty_times(tmp_path: Path) -> None:
    out, rng = tmp_path / "killed", random.Random(0)

    def command(iterations: int) -> list[str]:
        options = [f"--{k.replace('_', '-')}={v}" for k, v in (OPTIONS | {"iterations": iterations}).items()]
        return [sys.executable, "-m", "nrgan", "train", "shapes-ag25", "sinrgan2", str(out), "--resume", *options]

    for _ in range(KILLS):
        _start_and_kill(command(10**9), out, rng)
        for snapshot in (out / "snapshots").glob("iteration-*"):
            Generator.from_pretrained(snapshot)  # whatever has a snapshot's name is whole
    end = read_metrics(out / "metrics.jsonl")[-1]["iteration"] + MORE
    subprocess.run(command(end), check=True, capture_output=True)
    whole = run(tmp_path / "whole", model="sinrgan2", **OPTIONS | {"iterations": end})
    assert_same_run(out, whole)
    pictures = [sorted(path.name for path in (folder / "samples").iterdir()) for folder in (out, whole)]
    assert pictures[0] == pictures[1]
    for name in pictures[0]:
        assert (out / "samples" / name).read_bytes() == (whole / "samples" / name).read_bytes()
    assert not list(out.rglob("*.part")), "leftovers of killed writers are cleared"
