"""What the program says of itself, in help and output, held against what it does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PATIENCE, TINY, nrgan
from nrgan import Protocol, TrainConfig, evaluate, select, train
from nrgan.evaluation.metrics import FID
from nrgan.layout import saved_snapshots

SMALL = Protocol(("fid",), 420)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three snapshots of a training of some length, so that they differ."""
    out = tmp_path_factory.mktemp("statements") / "run"
    options = TINY | {"iterations": 60, "snapshot_interval": 20}
    list(train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out=out, **options)))
    return out


def test_regret_is_what_the_choice_costs(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clean FID of the chosen snapshot less the lowest of all, each measured by itself."""
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 1000)

    def fid(snapshot: Path, against: str) -> float:
        (record,) = evaluate(snapshot, replace(SMALL, against=against))
        value = record.figure(FID.name)
        assert value is not None
        return value

    snapshots = saved_snapshots(run)
    clean, observed = ([fid(s, against) for s in snapshots] for against in ("clean", "observed"))
    assert len(set(clean)) == 3 == len(set(observed))
    found = select(run, SMALL)
    assert found.chosen.snapshot == snapshots[int(np.argmin(observed))]
    assert found.regret == pytest.approx(clean[int(np.argmin(observed))] - min(clean))
    worst = replace(SMALL, seed=1)
    assert select(run, worst, by_clean=True).regret == 0


def test_image_i_of_a_seed_is_always_the_same_one(run: Path, tmp_path: Path) -> None:
    """In other processes, with other threads, alone, among many and in parts, through the help's own words."""
    wanted = {7, 99, 100, 131}

    def image(out: Path, index: int) -> np.ndarray:
        return np.asarray(Image.open(out / f"{index:06d}.png"))

    assert nrgan("generate", run, "--out", tmp_path / "all", "--count", 140, "--device", "cpu").returncode == 0
    for index in wanted:
        alone = tmp_path / f"alone-{index}"
        command = [
            "generate",
            run,
            "--out",
            alone,
            "--first",
            index,
            "--count",
            1,
            "--device",
            "cpu",
            "--with",
            "noisy",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "nrgan", *map(str, command)],
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            env=os.environ | {"OMP_NUM_THREADS": "2" if index % 2 else "1"},
        )
        assert done.returncode == 0, done.stderr
        assert np.array_equal(image(alone, index), image(tmp_path / "all", index)), index


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "shapes-ag25", "gan", "out", "--channels", "60000", "--image-size", "256"),
        ("train", "shapes-ag25", "gan", "out", "--device", "cuda:77"),
        ("train", "shapes-ag25", "gan", "RUN", "--overwrite", "--generator-batch-size", "-1"),
        ("train", "shapes-ag25", "gan", "RUN", "--overwrite", "--channels", "60000", "--image-size", "256"),
        ("train", "shapes-ag25", "gan", "RUN", "--overwrite", "--data-seed", "99999999"),
        ("train", "shapes-ag25", "gan", "RUN", "--overwrite", "--generator-batch-size", "2000000000"),
        ("generate", "RUN", "--out", "out", "--with", "sound"),
        ("generate", "RUN", "--out", "out", "--count", "1000000000"),
        ("evaluate", "RUN", "--samples", "2000000000"),
        ("evaluate", "RUN", "--samples", "10"),
        ("check-noise", "RUN", "--samples", "1"),
        ("select", "RUN", "--features", "nothing.pt"),
        ("compare", "RUN", "--out", "out.png"),
        ("report", "RUN", "nowhere", "--out", "out.html"),
        ("reproduce", "nothing.toml", "--out", "out"),
    ],
)
def test_what_cannot_be_done_writes_nothing(
    run: Path, tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    done = nrgan(*(str(run) if word == "RUN" else word for word in arguments))
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert not list(tmp_path.iterdir()) and before == {path: path.stat().st_mtime_ns for path in run.rglob("*")}
