"""Runs side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from conftest import TINY, nrgan
from nrgan import TrainConfig, train
from nrgan.errors import UserError
from nrgan.reports.comparison import compare


def test_two_runs(tmp_path: Path) -> None:
    watching = {"evaluate_every": 3, "evaluate_samples": 420}
    for name, model, more in (("a/run", "gan", watching), ("b/run", "sinrgan2", {})):
        for _ in train(TrainConfig(setting="shapes-ag25", model=model, out=tmp_path / name, **TINY | more)):
            pass
    done = nrgan("compare", tmp_path / "a/run", tmp_path / "b/run", "--out", tmp_path / "seen.png")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "seen.png").size[0] > 500
    text = (tmp_path / "seen.md").read_text()
    assert "| a/run | shapes-ag25 | gan | 0 | 6 |" in text and "b/run" in text
    assert "fid420_full-observed-random_convolutions" in text
    with pytest.raises(UserError, match="two runs or more"):
        compare([tmp_path / "a/run"], tmp_path / "one.png")
    with pytest.raises(UserError, match="same run twice"):
        compare([tmp_path / "a/run"] * 2, tmp_path / "one.png")
    with pytest.raises(UserError, match="holds no run"):
        compare([tmp_path / "a", tmp_path / "b"], tmp_path / "one.png")


def test_nothing_of_the_users_is_lost(tmp_path: Path) -> None:
    runs = [tmp_path / "a", tmp_path / "b"]
    for out in runs:
        for _ in train(TrainConfig(setting="shapes-ag25", model="gan", out=out, **TINY)):
            pass
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "mine").write_text("x")
    (tmp_path / "notes.md").write_text("mine")
    refused = {
        tmp_path / "folder.png": "is a folder",
        runs[0]: "ends in .png",
        tmp_path: "ends in .png",
        tmp_path / "notes.png": r"notes\.md: is there already",
        tmp_path / "fig.md": "ends in .png",
        runs[0] / "metrics.jsonl": "ends in .png",
        runs[0] / "samples" / "real_noisy.png": r"real_noisy\.png: is there already",
    }
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for out, message in refused.items():
        with pytest.raises(UserError, match=message):
            compare(runs, out)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for _ in range(2):
        compare(runs, tmp_path / "new.png")
    compare(runs, tmp_path / "notes.png", overwrite=True)
    assert (tmp_path / "notes.md").read_text() != "mine"
