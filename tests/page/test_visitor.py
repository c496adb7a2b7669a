"""A visitor's file: bounded, restored in its own type, and gone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from nrgan.errors import UserError
from nrgan.page.bounds import BOUNDS
from nrgan.page.opened import Opened, open_networks
from nrgan.page.visitor import BUILT_IN, Room

NOTHING = Opened("nothing", None, None)


@pytest.fixture(autouse=True)
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where visitors are: nothing may be left in it."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def built_in() -> Opened:
    return open_networks([], torch.device("cpu"))


def test_a_picture_is_diagnosed_and_restored_and_gone(visitors_files: Path, rooms: Path, built_in: Opened) -> None:
    room = Room.enter(visitors_files / "scene.png")
    assert room.found is not None and 20 < room.found.diagnosis.level < 30
    made = room.restore(built_in, 1.0)
    assert made.file.name == "scene-clean.png" and BUILT_IN in made.words
    assert Image.open(made.file).size == (192, 192)
    before, after = room.pictures(0)
    assert np.array_equal(before, np.asarray(Image.open(visitors_files / "scene.png")))
    assert after is not None and np.array_equal(after, np.asarray(Image.open(made.file)))
    room.restore(built_in, 0.0)
    unchanged = room.pictures(0)[1]
    assert unchanged is not None and np.array_equal(unchanged, before), "strength 0"
    room.leave()
    assert not list(rooms.iterdir())


def test_where_the_denoiser_does_not_fit_the_noise_that_was_found_does(visitors_files: Path, built_in: Opened) -> None:
    room = Room.enter(visitors_files / "stack.tif")
    made = room.restore(built_in, 1.0)
    assert "non-local means, for the denoiser is of images of 3 channels, and these have 1" in made.words
    before, after = tifffile.imread(visitors_files / "stack.tif"), tifffile.imread(made.file)
    assert (before.shape, before.dtype) == (after.shape, after.dtype) and room.count == 3
    rough, smooth = (np.abs(np.diff(stack.astype(float), axis=2)).mean() for stack in (before, after))
    assert smooth < rough / 2
    room.leave()


def test_where_nothing_is_known_nothing_is_restored(tmp_path: Path, built_in: Opened) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "one.npy", rng.integers(0, 255, (20, 20), np.uint8))
    room = Room.enter(tmp_path / "one.npy")
    assert room.found is None and "one.npy" in room.why_not
    with pytest.raises(UserError, match=r"no denoiser is open, and nothing is known of the noise: one\.npy"):
        room.restore(NOTHING, 1.0)
    assert room.pictures(5)[1] is None
    room.leave()


@pytest.mark.parametrize(
    ("name", "bounds", "words"),
    [
        ("words.png", BOUNDS, "words.png: none of its images can be read"),
        ("scene.png", replace(BOUNDS, file_bytes=1000), "scene.png: has 0.1 MB; the page takes 0.0 MB"),
        ("scene.png", replace(BOUNDS, values=1000), "scene.png: holds 110,592 values; the page takes 1,000"),
        ("stack.tif", replace(BOUNDS, images=2), "stack.tif: holds more than 2 images"),
        ("stack.tif", replace(BOUNDS, seconds=-1), "stack.tif: takes longer than -1 s to read"),
    ],
)
def test_what_is_too_much_or_no_image_is_refused(
    visitors_files: Path, rooms: Path, name: str, bounds: object, words: str
) -> None:
    with pytest.raises(UserError) as refused:
        Room.enter(visitors_files / name, bounds)  # type: ignore[arg-type]
    assert str(refused.value).startswith(words) and str(rooms) not in str(refused.value)
    assert not list(rooms.iterdir())


def test_a_decompression_bomb_is_not_decoded(
    visitors_files: Path, rooms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NRGAN_MAX_BYTES", str(BOUNDS.decode_bytes))
    with pytest.raises(UserError, match="decoding 20000x20000 pixels would take"):
        Room.enter(visitors_files / "bomb.png")
    assert not list(rooms.iterdir())


@pytest.mark.parametrize("name", ["run.sh", "data.zip", "image.zarr", "noending", "..", "x.PNG.exe"])
def test_only_kinds_of_images_are_looked_at(tmp_path: Path, name: str) -> None:
    path = tmp_path / "files" / name
    path.parent.mkdir()
    if name != "..":
        path.write_bytes(b"x")
    with pytest.raises(UserError, match="is no image or stack"):
        Room.enter(path)


@pytest.mark.parametrize(
    "name", ["a[1]*?.png", "{1..9}.png", "-rf.png", "  .png", "ü" * 60 + ".png", ".png", "$(x).png"]
)
def test_names_mean_nothing(visitors_files: Path, tmp_path: Path, rooms: Path, built_in: Opened, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((visitors_files / "scene.png").read_bytes())
    room = Room.enter(path)
    made = room.restore(built_in, 1.0)
    assert made.file.parent == room.folder and made.file.is_file()
    assert set(made.file.name) & set("*?[]{}$/() ") == set()
    room.leave()
    assert not list(rooms.iterdir())
