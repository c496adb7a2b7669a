"""The runs that are kept in the repository: whole, loadable, and free of the machine that made them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nrgan.runs import TrainedModel

KEPT = Path(__file__).parents[2] / "results" / "runs"
RUNS = sorted(path.parent for path in KEPT.glob("*/about.json"))


def test_there_are_some() -> None:
    assert {run.name for run in RUNS} >= {"cifar10ag25-sinrgan2", "cifar10bg25k5-sinrgan2"}
    assert sum(path.stat().st_size for path in KEPT.rglob("*") if path.is_file()) < 7 << 20
    assert all(f"`{run.name}`" in (KEPT / "README.md").read_text(encoding="utf-8") for run in RUNS)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_each_gives_images_and_their_noise(run: Path) -> None:
    model = TrainedModel.load(run)
    assert run.name == f"{model.about.setting}-{model.about.model}" and model.sampler is not None
    clean = model.sample(4)
    assert clean.shape == (4, 32, 32, 3) and clean.std() > 20
    for image in model.in_own_values(0, 4):
        assert image.noise is not None and image.clean.dtype == image.noisy.dtype == np.uint8
        assert 2 < image.noise.std() < 60


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_each_says_how_it_was_made(run: Path) -> None:
    made = json.loads((run / "training.json").read_text(encoding="utf-8"))
    about = json.loads((run / "about.json").read_text(encoding="utf-8"))
    assert made["config"]["iterations"] >= about["iteration"] and made["config"]["setting"] == about["setting"]
    record = about["chosen"]["record"]
    assert record["against"] == "observed" and record["iteration"] == about["iteration"]
    assert not {"out", "data_root", "cache_dir"} & made["config"].keys()
    check = json.loads((run / "noise-check.json").read_text(encoding="utf-8"))
    assert check["differences"]
