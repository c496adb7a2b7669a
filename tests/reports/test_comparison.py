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
