"""A run is found from wherever one stands: its figures go into its folder, and its data are used."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import nrgan
from nrgan import TrainConfig, train
from nrgan.data import CIFAR10
from nrgan.data.sources import cifar10
from nrgan.runs import read_config, read_records

SNAPSHOT = "snapshots/iteration-0000004"


@pytest.fixture
def own(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run, of whose snapshots that of iteration 4 is the best; few real images to compare with."""
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    out = Path(shutil.copytree(run, tmp_path / "run"))
    shutil.copytree(out / SNAPSHOT, out / "best")
    return out


def files(root: Path, pattern: str) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob(pattern)}


STANDING: dict[str, tuple[str, str]] = {
    "in a snapshot": (f"run/{SNAPSHOT}", "."),
    "beside the snapshots": ("run/snapshots", "iteration-0000004"),
    "in the best": ("run/best", "."),
    "in the run": ("run", SNAPSHOT),
    "in the run, the best": ("run", "best"),
    "beside the run": (".", f"run/{SNAPSHOT}"),
    "in another snapshot": ("run/snapshots/iteration-0000002", "../iteration-0000004"),
}
"""Where one stands, and how one calls the same snapshot there."""


@pytest.mark.parametrize("standing", STANDING)
def test_figures_go_into_the_run_folder(
    standing: str, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, path = STANDING[standing]
    monkeypatch.chdir(tmp_path / here)
    done = nrgan("evaluate", path, "--samples", 420, "--metrics", "fid", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    (record,) = read_records(own)
    assert record.iteration == 4
    assert files(tmp_path, "metric-*") == {"run/metric-fid420_full-random_convolutions.jsonl"}


@pytest.mark.parametrize("standing", ["in a snapshot", "in the best", "in the run, the best"])
def test_the_comparison_of_noises_goes_into_the_run_folder(
    standing: str, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, path = STANDING[standing]
    monkeypatch.chdir(tmp_path / here)
    done = nrgan("check-noise", path, "--samples", 100, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert json.loads((own / "noise-check.json").read_text())["iteration"] == 4
    assert files(tmp_path, "noise-check*") == {"run/noise-check.json", "run/noise-check.png"}


def test_the_best_is_kept_in_the_run_that_one_stands_in(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(own / "best")
    monkeypatch.chdir(own)
    done = nrgan("select", ".", "--samples", 420, "--only-observed", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (own / "best" / "model.safetensors").is_file() and len(read_records(own)) == 3


def test_a_run_in_the_folder_itself(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own)
    for options, iteration in (((), 6), (("--snapshot", "best"), 4)):
        done = nrgan("evaluate", ".", "--samples", 420, "--metrics", "fid", "--device", "cpu", *options)
        assert done.returncode == 0, done.stderr
        assert read_records(own)[-1].iteration == iteration


def test_the_data_of_the_run_are_used(stand_in_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    monkeypatch.setitem(cifar10.SPLITS, "train", ["data_batch_1"])
    monkeypatch.setattr(CIFAR10, "download", replace(CIFAR10.download, url="http://127.0.0.1:9/nothing"))
    monkeypatch.chdir(stand_in_root.parent)
    sizes = {"channels": 4, "latent_size": 4, "batch_size": 4, "iterations": 2, "device": "cpu"}
    where = {"data_root": Path(stand_in_root.name), "cache_dir": tmp_path / "cache"}
    list(train(TrainConfig(setting="cifar10ag25", model="sinrgan1", out=tmp_path / "run", **sizes, **where)))
    assert read_config(tmp_path / "run")["data_root"] == str(stand_in_root)
    monkeypatch.chdir(tmp_path / "run" / "snapshots" / "iteration-0000002")
    words = ("--samples", 420, "--features", "random_convolutions", "--metrics", "fid", "--device", "cpu")
    done = nrgan("evaluate", ".", *words)
    assert done.returncode == 0, done.stderr
    done = nrgan("check-noise", ".", "--samples", 100, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert len(read_records(tmp_path / "run")) == 1 and (tmp_path / "cache" / "references").is_dir()
    other = nrgan("evaluate", ".", *words, "--data-root", tmp_path / "nothing")
    assert other.returncode == 2 and f"{tmp_path / 'nothing'} holds neither" in other.stderr, "what is said comes first"
