"""What version 0.1 wrote (kept in `v0.1/`): its snapshots are used on, its runs do not go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import TINY, nrgan
from nrgan import Generator, Protocol, TrainConfig, TrainedModel, UserError, evaluate, train
from nrgan.corruptions import Sensor
from nrgan.layout import run_of, snapshot_folder
from nrgan.runs import read_config, read_records
from nrgan.runs.generate import generate

KEPT = Path(__file__).parent / "v0.1"
SEED = 7
"""Of the images that version 0.1 made of its runs: `clean.npy`, `noisy.npy`, and those it wrote as files."""
runs = pytest.mark.parametrize(
    ("name", "setting", "clip"), [("sinrgan2", "shapes-ag25", True), ("sdnrgan1", "shapes-mg25", False)]
)


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT / request.param, tmp_path / "run"))


some = pytest.mark.parametrize("old", ["sinrgan2", "sdnrgan1"], indirect=True)


@runs
def test_a_snapshot_gives_the_same_images(name: str, setting: str, clip: bool) -> None:
    model = TrainedModel.load(KEPT / name)
    assert (model.about.model, model.about.setting, model.about.iteration) == (name, setting, 4)
    assert model.setting.name == setting and model.setting.sensor == Sensor(clip)
    assert model.run == run_of(snapshot_folder(KEPT / name, 4)) == KEPT / name
    clean, noisy = (np.load(KEPT / name / f"{kind}.npy") for kind in ("clean", "noisy"))
    assert np.array_equal(model.sample(2, SEED), clean)
    assert np.array_equal(Generator.from_pretrained(KEPT / name).sample(2, SEED), clean)
    # in single precision, whose last bits are the machine's own
    for expected, observed in ((clean, False), (noisy, True)):
        (images,) = model.images(SEED, 2, observed)
        np.testing.assert_allclose(images.astype(int), expected, atol=1)
        assert (images != expected).mean() < 0.01


@runs
def test_the_same_files_are_generated(name: str, setting: str, clip: bool, tmp_path: Path) -> None:
    generate(KEPT / name, tmp_path / "out", 2, seed=SEED, file_format="npy", extras=("noisy",))
    for suffix, kept in (("", "clean"), ("-noisy", "noisy-files")):
        images = np.stack([np.load(tmp_path / "out" / f"00000{i}{suffix}.npy") for i in range(2)])
        assert np.array_equal(images, np.load(KEPT / name / f"{kept}.npy"))


@some
def test_figures_go_to_the_old_runs_lines(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    (record,) = evaluate(old / "snapshots" / "iteration-0000004", Protocol(("fid",), 500))
    assert read_records(old) == [record] and record.iteration == 4


@some
def test_a_run_does_not_go_on_and_nothing_of_it_is_touched(old: Path) -> None:
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    message = "is a run of version 0.1, which cannot go on here; its snapshots can be used, --overwrite begins anew"
    with pytest.raises(UserError) as refused:
        read_config(old)
    assert str(refused.value) == f"{old}: is a run of version 0.1, which this cannot read; use its snapshots"
    done = nrgan("train", "shapes-ag25", "sinrgan2", old, "--image-size", 16, "--resume")
    assert done.returncode == 2 and done.stderr == f"error: {old}: {message}\n"
    plainly = nrgan("train", "shapes-ag25", "sinrgan2", old, "--image-size", 16)
    assert plainly.returncode == 2 and f"{old}: holds a run already" in plainly.stderr
    assert before == {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}


@some
def test_another_run_may_take_its_place(old: Path) -> None:
    steps = train(TrainConfig(setting="shapes-ag25", model="gan", out=old, **TINY), overwrite=True)
    next(steps)
    aside = old.with_name("run.old-1")
    assert TrainedModel.load(aside).about.iteration == 4 and not (old / "config.json").exists(), "until a checkpoint"
    list(steps)
    assert read_config(old)["model"] == "gan" and TrainedModel.load(old).about.iteration == 6
    assert not aside.exists() and (old / "clean.npy").is_file(), "what is no run's stays"
