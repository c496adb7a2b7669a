"""Every script in `benchmarks/`: it says what it takes, and runs, here as small as it goes."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from conftest import TINY
from nrgan import train
from nrgan.data import Shapes
from nrgan.data.sources import cifar10
from nrgan.settings import SETTINGS
from nrgan.studies.grid import load_grid
from nrgan.studies.reproduce import reproduce

FOLDER = Path(__file__).parents[2] / "benchmarks"


def names() -> list[str]:
    """All scripts and what they import."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def scripts() -> list[str]:
    """Those that are commands."""
    return [name for name in names() if '__name__ == "__main__"' in (FOLDER / f"{name}.py").read_text(encoding="utf-8")]


Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a script's command in this process; gives the exit code."""

    def run(name: str, *arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        try:
            return import_module(name).main() or 0
        except SystemExit as stopped:
            return int(stopped.code or 0)

    return run


@pytest.mark.parametrize("name", names())
def test_each_imports_and_says_what_it_is(name: str) -> None:
    module = import_module(name)
    assert module.__doc__ and Path(str(module.__file__)).parent == FOLDER


@pytest.mark.parametrize("name", scripts())
def test_each_command_has_a_help(name: str, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(name, "--help") == 0
    shown = capsys.readouterr().out
    assert f"{name}.py" in shown and "--" in shown.replace("--help", "")


def test_nothing_is_run_by_importing() -> None:
    """Else the help of one would wait for another's work."""
    for name in names():
        tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        assert not [node for node in tree.body if isinstance(node, (ast.For, ast.While, ast.With))], name


@pytest.fixture
def small_cifar10(stand_in_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in of a fifth of the images, of which 500 are compared with."""
    monkeypatch.setitem(cifar10.SPLITS, "train", ["data_batch_1"])
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    return stand_in_root


def few_settings(*keys: str) -> dict[str, Any]:
    return {name: SETTINGS[name] for name in (f"cifar10{key}" for key in keys)}


@pytest.mark.parametrize("truth", ["row-stripes", "along-rows", "shared"])
def test_composed(truth: str, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shapes, "open", lambda image_size, *_: Shapes(image_size, count=500))
    monkeypatch.setattr("composed.SAMPLES", 300)
    sizes = ("--iterations", 2, "--channels", 4, "--batch", 4, "--size", 16)
    assert call("composed", "--truth", truth, "--out", tmp_path / "run", "--json", tmp_path / "found.json", *sizes) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    told = found["truth"]
    stripes, along, shared = (truth == name for name in ("row-stripes", "along-rows", "shared"))
    assert told["row_offset_share"] == pytest.approx(0.5 if stripes else 0.06 if along else 0, abs=0.03)
    assert told["across"] == pytest.approx([0.5] * 3 if stripes else [0.6, 0.36, 0.216] if along else [0] * 3, abs=0.03)
    assert told["channel_correlation"] == pytest.approx(0.5 if stripes else 0.64 if shared else 0, abs=0.03)
    assert told["down"] == pytest.approx([0, 0, 0], abs=0.03)
    assert [row["iteration"] for row in found["learned"]] == [1, 2]
    assert found["learned"][0].keys() - {"iteration", "seconds"} == told.keys()


@pytest.mark.parametrize("truth", ["row-stripes", "along-rows", "shared"])
def test_the_noise_of_composed_is_what_its_simulator_draws(truth: str) -> None:
    import composed

    law = composed.CASES[truth].law
    image = torch.full((800, 3, 8, 8), 0.5)
    exact = np.stack([law.noise(np.full((8, 8, 3), 0.5), RandomState(k)) for k in range(800)]).transpose(0, 3, 1, 2)
    simulated = law.simulate_noise(image, torch.Generator().manual_seed(0)).numpy()
    one, two = (composed.statistics(noise, image.numpy()) for noise in (exact, simulated))
    assert one["level"] == pytest.approx(two["level"], rel=0.03)
    for name in ("across", "down", "row_offset_share", "column_offset_share", "channel_correlation"):
        assert one[name] == pytest.approx(two[name], abs=0.04), name


def test_data(small_cifar10: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.SETTINGS", few_settings("ag25", "mg25"))
    checkout = tmp_path / "checkout"
    (checkout / "datasets").mkdir(parents=True)
    assert call("data", "--data-root", small_cifar10, "--reference", checkout) == 2, "no data sets of the reference"
    (checkout / "datasets" / "cifar.py").write_text(
        "class CIFAR10AdditiveGaussianNoise:\n"
        "    def __init__(self, noise_scale, images): self.images = images\n"
        "    def __getitem__(self, i): return self.images[i]\n"
    )
    out = tmp_path / "data.json"
    assert call("data", "--data-root", small_cifar10, "--reference", checkout, "--out", out) == 0
    figures = json.loads(out.read_text())
    assert list(figures["making 50,000 noisy images, s"]) == ["cifar10ag25", "cifar10mg25"]
    assert figures["simulators, times additive Gaussian"]["cifar10ag25"] == 1
    assert figures["feeding, images/s"] > 0 and figures["reference, one image of cifar10ag25, s"] > 0


def test_diagnose(cifar10_root: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.SETTINGS", few_settings("ag25", "mg25"))
    files = ("--json", tmp_path / "found.json", "--markdown", tmp_path / "found.md")
    assert call("diagnose", "--data-root", cifar10_root, "--seeds", 1, "--images", 100, *files) == 0
    rows = json.loads((tmp_path / "found.json").read_text())
    assert [row["setting"] for row in rows] == ["cifar10ag25", "cifar10mg25"]
    assert rows[0]["true_level"] == pytest.approx(25, rel=0.02)
    assert "Seed 0: the model suits" in (tmp_path / "found.md").read_text()


def test_denoising(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Shapes, "open", lambda image_size, *_: Shapes(image_size, count=300))
    monkeypatch.setattr("nrgan.data.sources.shapes._FEWER", 20)
    out, kept = tmp_path / "out", tmp_path / "denoising.json"
    sizes = ("--steps", 2, "--width", 8, "--batch-size", 4, "--images", 20, "--cache-dir", tmp_path / "cache")
    methods = ("--settings", "shapes-ag25", "--methods", "n2c", "gn2gc", "nlm", "--seeds", 2)
    words = ("denoising_table", "--out", out, "--json", kept, *methods)
    assert call(*words, *sizes) == 0
    printed = capsys.readouterr().out
    assert "shapes-ag25-gn2gc-seed0: left out (no run of shapes-ag25 is kept)" in printed
    assert "| PSNR | shapes-ag25 |" in printed and "| nlm | " in printed
    found = json.loads(kept.read_text())
    assert [(cell["method"], cell["seed"]) for cell in found["cells"]] == [("n2c", 0), ("n2c", 1), ("nlm", 0)]
    assert found["cells"][2]["gain"]["low"] > 2 and not found["clip"] and str(tmp_path) not in kept.read_text()
    written = {path: path.stat().st_mtime_ns for path in out.glob("*.json")}
    assert call(*words, *sizes) == 0
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.json")} == written, "what is there is not done again"
    assert call(*words, *sizes, "--clip") == 2, "a table is of one kind of images"


def test_full_length(
    small_cifar10: Path,
    tmp_path: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("full_length.RUNS", [("cifar10ag25", "sinrgan1")])
    sizes = ("--channels", 4, "--interval", 2, "--samples", 420, "--features", "random_convolutions")
    words = ("full_length", "--out", tmp_path, "--data-root", small_cifar10, "--device", "cpu", *sizes)
    assert call(*words, "--iterations", 2, "--minutes", 0) == 0
    assert "cifar10ag25-sinrgan1-seed0: 0 of 2 iterations" in capsys.readouterr().out
    assert call(*words, "--iterations", 2) == 0
    assert "cifar10ag25-sinrgan1-seed0 2: {'fid[random_convolutions]'" in capsys.readouterr().out
    best = tmp_path / "cifar10ag25-sinrgan1-seed0" / "best" / "model.safetensors"
    written = best.stat().st_mtime_ns
    assert call(*words, "--iterations", 2) == 0, "what is trained is left as it is"
    assert best.stat().st_mtime_ns == written


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, and it takes minutes there")
def test_gpu_says_that_there_is_none(tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("gpu", "--out", tmp_path / "gpu.json") == 2
    assert "--device cuda: no CUDA GPU is visible" in capsys.readouterr().err
    assert call("gpu", "--out", tmp_path / "gpu.json", "--reference", tmp_path) == 2
    assert f"--reference {tmp_path}: no checkout of the reference" in capsys.readouterr().err
    assert not (tmp_path / "gpu.json").exists()


def test_precision(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    # here: a new process takes seconds to load torch
    monkeypatch.setattr("precision.ProcessPoolExecutor", lambda count, mp_context: ThreadPoolExecutor(1))
    assert call("precision", "--out", tmp_path / "precision.json", "--seeds", 2, "--iterations", 2) == 0
    rows = json.loads((tmp_path / "precision.json").read_text())["rows"]
    assert [(row["precision"], row["seed"]) for row in rows] == [
        (p, s) for s in (0, 1) for p in ("float32", "bfloat16")
    ]
    assert all(0 < row["learned noise"] < 255 and row["noise left"] >= 0 and row["r1"] > 0 for row in rows)


def test_sizes(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizes.CASES", ((16, 4, 4, 2),))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the new process: threads that wait for each other are slow
    assert call("sizes", "--out", tmp_path / "sizes.json", "--device", "cpu", "--rounds", 1) == 0
    (row,) = json.loads((tmp_path / "sizes.json").read_text())
    assert (row["image_size"], row["channels"], row["batch_size"], row["packed"]) == (16, 4, 4, 2)


def test_streaming(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.ITERATIONS", 1)
    monkeypatch.setattr("streaming.ROUNDS", 1)
    assert call("streaming", "--json", tmp_path / "streaming.json", "--channels", 4, "--batch-size", 4) == 0
    figures = json.loads((tmp_path / "streaming.json").read_text())
    for name in ("16-bit PNG files, 32x32", "tiles of a stack, 64x64"):
        assert figures[name]["seconds"].keys() == {"never", "always"} and 0 <= figures[name]["share waited"] < 1


GRID = """
title = "Small"
settings = ["shapes-ag25"]
models = ["gan", "sinrgan1"]
[training]
image_size = {image_size}
channels = {channels}
latent_size = {latent_size}
batch_size = {batch_size}
iterations = {iterations}
snapshot_interval = 3
[evaluation]
samples = 420
select_samples = 420
"""


def test_the_page_of_results_is_what_is_kept() -> None:
    import results

    assert results.page().encode() == results.PAGE.read_bytes()


def test_results_of_new_runs_are_kept_and_shown(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    for name in ("ROOT", "KEPT", "PAGE"):
        monkeypatch.setattr(f"results.{name}", tmp_path / name)
    monkeypatch.setattr("results.KEPT", tmp_path / "ROOT" / "kept")
    grid, out = tmp_path / "grid.toml", tmp_path / "out"
    grid.write_text(GRID.format(**TINY))
    for config in load_grid(str(grid)).cells(out, device="cpu"):
        list(train(config))
    table = reproduce(str(grid), out, device="cpu")
    assert table is not None and table.failures == []
    table.write(out)
    assert call("results", "--collect", out) == 2, "needs to know of what it is"
    assert call("results", "--collect", out, "--grid", grid, "--name", "small", "--hardware", "some cores") == 0
    runs = [f"shapes-ag25-{model}-seed0" for model in ("gan", "sinrgan1")]
    for run in runs:
        kept = tmp_path / "ROOT" / "kept" / "small" / run
        document = json.loads((kept / "run.json").read_text())
        assert not {"out", "data_root", "cache_dir"} & document["config"].keys()
        assert document["chosen"]["record"]["against"] == "observed" and (kept / "noise-check.png").is_file()
        assert str(tmp_path) not in (kept / "run.json").read_text(), "nothing of the machine's paths"
        assert not list(kept.rglob("*.safetensors"))
    page = (tmp_path / "PAGE").read_text()
    assert "Hardware: some cores." in page and f"../kept/small/{runs[1]}/best-samples.png" in page
    assert page.count(f"| {runs[1]} | ") == 1, "its noise; one clean figure alone tells no regret"
    assert call("results") == 0 and (tmp_path / "PAGE").read_text() == page
