"""Snapshots: every byte of every file is covered, the manifest's own too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import TINY
from nrgan import Generator, TrainConfig, TrainedModel, train
from nrgan.errors import Damaged
from nrgan.manifest import check_manifest, check_snapshot, write_manifest
from nrgan.runs.snapshot import add_to_about

FILES = {"about.json": '{"format": 2}', "model.safetensors": "weights", "noise/model.safetensors": "more"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "snapshot" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "snapshot" / name).write_text(text)
    write_manifest(tmp_path / "snapshot")
    check_snapshot(tmp_path / "snapshot")
    return tmp_path / "snapshot"


@pytest.mark.parametrize("flip", [1, 0x20, 0x80])
def test_every_byte_of_every_file_is_covered(folder: Path, flip: int) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
            with pytest.raises(Damaged):
                check_snapshot(folder)
        path.write_bytes(whole)
    check_snapshot(folder)


@pytest.mark.parametrize("name", [*FILES, "SHA256SUMS"])
@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text(""), lambda path: path.write_text("x")])
def test_files_that_are_gone_or_others_are_seen(folder: Path, name: str, change: Callable[[Path], object]) -> None:
    change(folder / name)
    with pytest.raises(Damaged):
        check_snapshot(folder)


def test_a_manifest_of_which_lines_are_gone_is_seen(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    for k in range(len(lines) - 1):
        (folder / "SHA256SUMS").write_text("".join(lines[:k] + lines[k + 1 :]))
        with pytest.raises(Damaged):
            check_manifest(folder, {"about.json", "model.safetensors"})


def test_files_that_were_added_are_nobodys_business(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    check_snapshot(folder)
    add_to_about(folder, chosen="yes")
    check_snapshot(folder)


def test_a_manifest_of_the_users_above_is_no_business_of_ours(folder: Path) -> None:
    above = folder.parent
    (folder / "SHA256SUMS").unlink()
    (folder / "about.json").write_text("{}")
    (above / "SHA256SUMS").write_text("of all my models\n")
    check_snapshot(folder)


def test_a_snapshot_of_a_run_is_covered(tmp_path: Path) -> None:
    list(train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out=tmp_path / "run", **TINY)))
    (snapshot, *_) = (tmp_path / "run" / "snapshots").iterdir()
    assert json.loads((snapshot / "about.json").read_text())["format"] == 2
    for name in ("model.safetensors", "noise_generator/model.safetensors", "noise_generator/config.json"):
        damaged = tmp_path / "damaged"
        shutil.copytree(snapshot, damaged)
        content = bytearray((damaged / name).read_bytes())
        content[-1] ^= 1
        (damaged / name).write_bytes(content)
        for load in (TrainedModel.load, Generator.from_pretrained):
            with pytest.raises(Damaged, match=name):
                load(damaged)
        shutil.rmtree(damaged)
    assert TrainedModel.load(snapshot).about.model == "sinrgan1"
    assert Generator.from_pretrained(snapshot / "noise_generator").sizes.image_size == 16
