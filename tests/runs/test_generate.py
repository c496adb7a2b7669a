"""A set of images that was stopped goes on, and ends as if nothing had happened."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conftest import TINY
from nrgan import TrainConfig, UserError, generate, train
from nrgan.manifest import write_manifest
from nrgan.runs.trained import TrainedModel


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generate") / "run"
    list(train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out=out, **TINY)))
    return out


class Stopped(Exception):
    """In the middle of it."""


def stopping_after(count: int) -> object:
    def preparing(what: str, steps: int) -> object:
        left = count

        def advance(done: int) -> None:
            nonlocal left
            left -= done
            if done and left <= 0:
                raise Stopped

        return advance

    return preparing


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("stopped_after", [1, 57, 129])
def test_the_same_call_goes_on(run: Path, tmp_path: Path, stopped_after: int) -> None:
    options = {"count": 130, "first": 20, "seed": 3, "extras": ("noise", "noisy")}
    generate(run, tmp_path / "whole", **options)
    with pytest.raises(Stopped):
        generate(run, tmp_path / "parts", **options, preparing=stopping_after(stopped_after))
    assert json.loads((tmp_path / "parts" / "generated.json").read_text())["unfinished"] is True
    (tmp_path / "parts" / ".000099.png.00000000-1.part").write_bytes(b"of another machine, still at it")
    with pytest.raises(UserError, match="not empty"):
        generate(run, tmp_path / "parts", **options | {"seed": 4})
    generate(run, tmp_path / "parts", **options)
    (tmp_path / "parts" / ".000099.png.00000000-1.part").unlink()
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    with pytest.raises(UserError, match="not empty"):
        generate(run, tmp_path / "parts", **options)


def test_a_set_of_another_network_does_not_go_on(run: Path, tmp_path: Path) -> None:
    """The same setting, model and iteration, from another training: its images would be mixed with these."""
    list(train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out=tmp_path / "other", **TINY | {"seed": 1})))
    with pytest.raises(Stopped):
        generate(run, tmp_path / "images", preparing=stopping_after(3))
    with pytest.raises(UserError, match="not empty"):
        generate(tmp_path / "other", tmp_path / "images")


def test_an_empty_file_that_a_power_cut_left_is_made_again(run: Path, tmp_path: Path) -> None:
    generate(run, tmp_path / "whole", 20)
    with pytest.raises(Stopped):
        generate(run, tmp_path / "images", 20, preparing=stopping_after(15))
    (tmp_path / "images" / "000007.png").write_bytes(b"")
    generate(run, tmp_path / "images", 20)
    assert contents(tmp_path / "images") == contents(tmp_path / "whole")


def test_images_that_would_not_fit_on_the_disk_are_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="the images would take about"):
        generate(run, tmp_path / "out", count=10**9)
    with pytest.raises(UserError, match=r"count must be from 1 to"):
        generate(run, tmp_path / "out", count=10**12)


def test_weights_and_metadata_of_another_kind_are_refused(run: Path, tmp_path: Path) -> None:
    """By the one sentence that says which, before anything is made."""
    (snapshot,) = (run / "snapshots").iterdir()
    about = json.loads((snapshot / "about.json").read_text())
    cases = {
        "iteration": [-1, "4", 1.5, None],
        "low": [float("nan"), "x", []],
        "dtype": ["float64", "uint8 ", 3],
        "fit": ["wide"],
        "clip": ["yes", 1],
        "data_seed": [-1, 10**30],
        "model": ["sdnrgan3", "nothing", 4],
        "corruption": [{"law": "AdditiveGaussian", "level": "x"}, [], {"law": "x"}],
        "high": [[255.0, 255.0], 0, -1.0],
        "source": ["elsewhere"],
        "view": ["x"],
        "objects": [{"a": 3}],
    }
    for name, values in cases.items():
        for value in values:
            copy = tmp_path / "copy"
            shutil.copytree(snapshot, copy)
            (copy / "about.json").write_text(json.dumps(about | {name: value}))
            write_manifest(copy)
            with pytest.raises(UserError) as refused:
                TrainedModel.load(copy)
            assert "\n" not in str(refused.value), (name, value)
            shutil.rmtree(copy)
