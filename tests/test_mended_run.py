"""A run on mended images: asked for on the command line, told, kept, and gone on with to the same bits."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from conftest import TINY, nrgan
from drawn_frames import Plane, cells, noisy
from nrgan import TrainConfig, train
from nrgan.data import open_data
from nrgan.errors import UserError
from nrgan.frames import MENDS
from nrgan.runs import TrainedModel
from nrgan.training.plan import data_choice
from test_run import assert_same_run

SIDE, COUNT = 64, 12
SMALL = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def scans(folder: Path) -> Path:
    """Frames with stripes, and pixels that are hot in all."""
    rng = np.random.default_rng(0)
    hot: Plane = np.zeros((SIDE, SIDE))
    hot.ravel()[rng.choice(SIDE * SIDE, 9, replace=False)] = 3000
    stack = noisy(rng, [200 + cells(rng, SIDE) for _ in range(COUNT)], 5) + rng.normal(0, 8, (COUNT, SIDE, 1)) + hot
    np.save(folder / "scans.npy", np.clip(np.rint(stack), 0, 65535).astype(np.uint16)[..., None])
    np.save(folder / "dark.npy", noisy(rng, [100 + hot] * 4, 3).astype(np.uint16)[..., None])
    return folder / "scans.npy"


def weights(run: Path) -> bytes:
    return (run / "snapshots" / "iteration-0000006" / "model.safetensors").read_bytes()


def test_a_mended_run_says_so_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    path, mend = scans(tmp_path), ["--mend", "stripes,hot-pixels"]
    done = nrgan("train", path, "sinrgan2", tmp_path / "whole", *mend, *SMALL)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    sentence = "Mended: 9 hot, dead or stuck pixels (0.22% of 64x64), at fixed places in most frames."
    assert f"note: {sentence}" in said and "note: Mended: offsets of rows (rms" in said
    document = json.loads((tmp_path / "whole" / "run.json").read_text())
    assert sentence in document["notes"] and document["config"]["mend"] == "stripes,hot-pixels"

    config = TrainConfig(**document["config"] | {"out": tmp_path / "halves"})
    for progress in train(config):
        if progress.iteration == 3:
            break
    gone_on = nrgan("train", path, "sinrgan2", tmp_path / "halves", "--resume", *mend, *SMALL)
    assert gone_on.returncode == 0, gone_on.stderr
    assert_same_run(tmp_path / "whole", tmp_path / "halves")
    streamed = nrgan("train", path, "sinrgan2", tmp_path / "streamed", *mend, *SMALL, "--stream", "always")
    assert streamed.returncode == 0 and weights(tmp_path / "streamed") == weights(tmp_path / "whole")

    for other in ([], ["--mend", "stripes"]):
        refused = nrgan("train", path, "sinrgan2", tmp_path / "halves", "--resume", *other, *SMALL)
        assert refused.returncode == 2 and "--mend" in refused.stderr
    data = open_data(TrainedModel.load(tmp_path / "whole").about.data(16))
    np.testing.assert_array_equal(data.all_noisy(), open_data(data_choice(config)).all_noisy())
    assert data.value_range.dtype == "uint16" and data.value_range.few_levels
    assert data.levels is None, "what is mended has values between those few"


def test_unmended_runs_are_other_runs(tmp_path: Path) -> None:
    path = scans(tmp_path)
    options = {**TINY, "setting": str(path), "model": "sinrgan2", "out": tmp_path / "run"}
    plain, mended = (open_data(data_choice(TrainConfig(**options, mend=mend))) for mend in (None, "hot-pixels"))
    assert "mended" not in str(plain.key) and plain.key["data"] != mended.key["data"]
    assert plain.key.keys() == mended.key.keys()
    assert not [note for note in plain.notes if "Mended" in note]
    assert plain.value_range.high > (1000,) or plain.all_noisy().max() > 2  # hot pixels are beyond all else
    assert mended.all_noisy().max() < 1.5


def test_diagnose_proposes_the_same_repairs(tmp_path: Path) -> None:
    path = scans(tmp_path)
    mend = ["--mend", "hot-pixels", "--dark", tmp_path / "dark.npy"]
    found = nrgan("diagnose", path, "--out", tmp_path / "diagnosis", "--size", 16, *mend)
    assert found.returncode == 0, found.stderr
    assert "in most of 4 dark frames" in found.stderr + found.stdout
    command = shlex.split(found.stdout.split("train with: ")[1])
    assert command[command.index("--mend") + 1] == "hot-pixels"
    assert command[command.index("--dark") + 1] == str(tmp_path / "dark.npy")


def test_a_moved_dark_frame_is_the_same_one(tmp_path: Path) -> None:
    path, dark = scans(tmp_path), tmp_path / "dark.npy"
    options = {**TINY, "setting": str(path), "model": "sinrgan2", "out": tmp_path / "run", "mend": "hot-pixels"}
    for progress in train(TrainConfig(**options, dark=str(dark))):
        if progress.iteration == 3:
            break
    (tmp_path / "moved").mkdir()
    dark.rename(tmp_path / "moved" / "dark.npy")
    for _ in train(TrainConfig(**options, dark=str(tmp_path / "moved" / "dark.npy")), resume=True):
        pass
    with pytest.raises(UserError, match="its images are not those that it was begun with"):
        list(train(TrainConfig(**options), resume=True))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--mend", "hot-pixel"], "--mend hot-pixel: unknown repair 'hot-pixel'; the nearest are hot-pixels"),
        (["--dark", "d.npy"], "--dark d.npy: is for --mend fixed-pattern or hot-pixels; ask for that too"),
        (["--mend", "fixed-pattern", "--flat", "f.npy"], "--flat f.npy: holds the camera's offset too; give --dark"),
        (["--mend", "fixed-pattern", "--dark", "no.npy"], "no.npy"),
    ],
)
def test_refusals_name_the_option(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    path = scans(tmp_path)
    refused = nrgan("train", path, "sinrgan2", tmp_path / "run", *arguments, *SMALL)
    assert refused.returncode == 2 and sentence in refused.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("verb", ["train", "diagnose"])
def test_the_help_names_every_repair(verb: str) -> None:
    said = nrgan(verb, "--help").stdout
    assert all(name in said for name in MENDS)


@pytest.mark.parametrize("name", ["mend", "dark", "flat"])
def test_settings_are_not_mended(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: is for images of your own, and shapes-ag25 is a setting"):
        TrainConfig(setting="shapes-ag25", model="sinrgan1", out=tmp_path, **{name: "stripes"})
