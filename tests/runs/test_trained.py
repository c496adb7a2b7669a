"""Trained models, loaded from where they lie: which snapshot, and whole copies for other processes."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from conftest import TINY, nrgan
from nrgan import Generator, NetworkSizes, TrainConfig, TrainedModel, generate, train
from nrgan.layout import BEST, snapshot_folder
from nrgan.models import all_models
from nrgan.networks import find_family
from nrgan.observation import GeneratorPair
from nrgan.runs import SnapshotMetadata
from nrgan.settings import SETTINGS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with snapshots of iterations 2, 4 and 6, of which the one of 2 is its best."""
    out = tmp_path_factory.mktemp("trained") / "run"
    options = TINY | {"snapshot_interval": 2, "ema_decay": 0.5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        for _ in train(TrainConfig(setting="shapes-ag25", model="sinrgan2", out=out, **options)):
            pass
    shutil.copytree(snapshot_folder(out, 2), out / BEST)
    return out


def pixels(folder: Path) -> npt.NDArray[np.uint8]:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def test_the_best_snapshot_is_taken_unless_the_newest_is_asked_for(run: Path) -> None:
    best, newest = (TrainedModel.load(snapshot_folder(run, iteration)) for iteration in (2, 6))
    assert (best.sample(3) != newest.sample(3)).any()
    for expected, options in ((best, {}), (best, {"snapshot": "best"}), (newest, {"snapshot": "newest"})):
        model = TrainedModel.load(run, **options)  # type: ignore[arg-type]
        assert model.about == expected.about and model.run == run
        assert np.array_equal(model.sample(3), expected.sample(3))
        assert np.array_equal(Generator.from_pretrained(run, **options).sample(3), expected.sample(3))
    middle = TrainedModel.load(snapshot_folder(run, 4), snapshot="best")
    assert middle.about.iteration == 4, "a snapshot is itself"


def test_generated_files_are_of_the_best_unless_the_newest_is_asked_for(run: Path, tmp_path: Path) -> None:
    best, newest = (TrainedModel.load(snapshot_folder(run, iteration)).sample(3, seed=5) for iteration in (2, 6))
    generate(run, tmp_path / "best", 3, seed=5)
    generate(run, tmp_path / "newest", 3, seed=5, snapshot="newest")
    words = ("generate", run, "--count", 3, "--seed", 5)
    assert nrgan(*words, "--out", tmp_path / "said best").returncode == 0
    assert nrgan(*words, "--out", tmp_path / "said newest", "--snapshot", "newest").returncode == 0
    for prefix in ("", "said "):
        for name, iteration, images in (("best", 2, best), ("newest", 6, newest)):
            folder = tmp_path / f"{prefix}{name}"
            assert np.array_equal(pixels(folder), images)
            assert json.loads((folder / "generated.json").read_text())["iteration"] == iteration


def test_without_a_best_one_it_is_the_newest(run: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(run, tmp_path / "run"))
    (own / BEST / "model.safetensors").unlink()
    assert TrainedModel.load(own).about.iteration == 6
    shutil.rmtree(own / BEST)
    assert TrainedModel.load(own).about.iteration == 6


@pytest.mark.parametrize("name", all_models())
def test_every_model_travels_to_other_processes(name: str, tmp_path: Path) -> None:
    row = all_models()[name]
    setting = next(s for s in SETTINGS.values() if s.source == "shapes" and row.unfit(s) is None)
    pair = GeneratorPair.untrained(find_family("resnet"), NetworkSizes(3, 16, 3, 2), row, setting)
    model = TrainedModel(pair.eval().requires_grad_(False), SnapshotMetadata(setting.name, name, 7), setting, tmp_path)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.about, copy.setting, copy.run) == (model.about, model.setting, model.run)
    assert (copy.sampler is None) == (model.sampler is None)
    ours, theirs = (m.observe(1, range(100)) for m in (model, copy))
    assert torch.equal(ours.y, theirs.y) and ours.parts.keys() == theirs.parts.keys()
    assert all(torch.equal(ours.parts[part], theirs.parts[part]) for part in ours.parts)
