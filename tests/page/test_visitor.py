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
from skimage import data

from nrgan.errors import UserError
from nrgan.page.bounds import BOUNDS
from nrgan.page.means import BUILT_IN
from nrgan.page.opened import Opened, open_networks
from nrgan.page.visitor import Room

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
    room = Room.enter(visitors_files / "scene.png", built_in)
    assert room.found is not None and 20 < room.found.diagnosis.level < 30
    made = room.restore(1.0)
    assert made.file.name == "scene-clean.png" and "judged on this file by the noise that was found" in made.words
    assert Image.open(made.file).size == (192, 192)
    before, after = room.pictures(0)
    assert np.array_equal(before, np.asarray(Image.open(visitors_files / "scene.png")))
    assert after is not None and np.array_equal(after, np.asarray(Image.open(made.file)))
    room.restore(0.0)
    unchanged = room.pictures(0)[1]
    assert unchanged is not None and np.array_equal(unchanged, before), "strength 0"
    room.leave()
    assert not list(rooms.iterdir())


def test_what_is_asked_of_a_room_that_was_left_is_refused_in_words(visitors_files: Path, built_in: Opened) -> None:
    """A visitor may leave while a picture is made; what is no `UserError` would be printed as a bug."""
    room = Room.enter(visitors_files / "scene.png", built_in)
    room.restore(1.0)
    room.leave()
    with pytest.raises(UserError):
        room.pictures(0)
    with pytest.raises(UserError):
        room.restore(0.5)
    assert not room.folder.exists(), "and nothing is written there again"


def test_where_the_denoiser_does_not_fit_the_noise_that_was_found_does(visitors_files: Path, built_in: Opened) -> None:
    room = Room.enter(visitors_files / "stack.tif", built_in)
    made = room.restore(1.0)
    assert "non-local means, for the denoiser is of images of 3 channels, and these have 1" in made.words
    before, after = tifffile.imread(visitors_files / "stack.tif"), tifffile.imread(made.file)
    assert (before.shape, before.dtype) == (after.shape, after.dtype) and room.count == 3
    rough, smooth = (np.abs(np.diff(stack.astype(float), axis=2)).mean() for stack in (before, after))
    assert smooth < rough / 2
    room.leave()


def test_where_nothing_is_known_nothing_is_restored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "one.npy", rng.integers(0, 255, (20, 20), np.uint8))
    room = Room.enter(tmp_path / "one.npy", NOTHING)
    assert room.found is None and "one.npy" in room.why_not
    with pytest.raises(UserError, match=r"no denoiser is open, and nothing is known of the noise: one\.npy"):
        room.restore(1.0)
    assert room.pictures(5)[1] is None
    room.leave()


def entered(folder: Path, clean: np.ndarray, level: float, opened: Opened) -> tuple[Room, np.ndarray]:
    """A room with a photograph, white noise of a level on it; and the photograph."""
    truth = clean[:256, 100:356]
    noisy = np.rint(truth + np.random.default_rng(0).normal(0, level, truth.shape)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(folder / "photograph.png")
    return Room.enter(folder / "photograph.png", opened), truth if truth.ndim == 3 else truth[..., None]


def error(picture: np.ndarray, truth: np.ndarray) -> float:
    return float(((picture.astype(float) - truth) ** 2).mean())


PHOTOGRAPHS = {"chelsea": data.chelsea, "astronaut": data.astronaut, "camera": data.camera, "grass": data.grass}


@pytest.mark.parametrize("level", [1, 4])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_what_has_little_noise_is_not_made_worse(name: str, level: float, tmp_path: Path, built_in: Opened) -> None:
    """Fine detail looks like noise, and the built-in denoiser would take it all: 26 to 28 dB, of 36 and more."""
    room, truth = entered(tmp_path, PHOTOGRAPHS[name](), level, built_in)
    try:
        made = room.restore(1.0)
        assert BUILT_IN not in made.words.partition("and not by")[0]
    except UserError as said:
        assert "little noise" in str(said) or "not known well enough" in str(said) or "surely better" in str(said)
    before, after = room.pictures(0)
    assert after is None or error(after, truth) < error(before, truth)


@pytest.mark.parametrize(("name", "level"), [("chelsea", 12), ("chelsea", 40), ("astronaut", 25), ("camera", 25)])
def test_what_is_noisy_is_made_better(name: str, level: float, tmp_path: Path, built_in: Opened) -> None:
    room, truth = entered(tmp_path, PHOTOGRAPHS[name](), level, built_in)
    made = room.restore(1.0)
    before, after = room.pictures(0)
    assert after is not None and error(after, truth) < 0.6 * error(before, truth), made.words


def test_what_is_used_is_said_with_why(visitors_files: Path, built_in: Opened) -> None:
    """The built-in denoiser makes 32.5 dB of a drawing with noise of level 25, non-local means 35.4."""
    judged = "judged on this file by the noise that was found, without a clean image, it is best here (PSNR "
    for opened, why in ((built_in, f" and not by {BUILT_IN}: "), (NOTHING, ", for no denoiser is open: ")):
        room = Room.enter(visitors_files / "scene.png", opened)
        assert room.means.words.startswith(f"non-local means{why}{judged}")


def test_a_denoiser_of_one_s_own_is_what_is_shown(visitors_files: Path, built_in: Opened) -> None:
    own = replace(built_in, any_values=False)
    room = Room.enter(visitors_files / "scene.png", own)
    assert room.means.mapping is own.denoiser and room.means.words.startswith("the denoiser of ")


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
        Room.enter(visitors_files / name, NOTHING, bounds)  # type: ignore[arg-type]
    assert str(refused.value).startswith(words) and str(rooms) not in str(refused.value)
    assert not list(rooms.iterdir())


def test_a_decompression_bomb_is_not_decoded(
    visitors_files: Path, rooms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NRGAN_MAX_BYTES", str(BOUNDS.decode_bytes))
    with pytest.raises(UserError, match="decoding 20000x20000 pixels would take"):
        Room.enter(visitors_files / "bomb.png", NOTHING)
    assert not list(rooms.iterdir())


@pytest.mark.parametrize("name", ["run.sh", "data.zip", "image.zarr", "noending", "..", "x.PNG.exe"])
def test_only_kinds_of_images_are_looked_at(tmp_path: Path, name: str) -> None:
    path = tmp_path / "files" / name
    path.parent.mkdir()
    if name != "..":
        path.write_bytes(b"x")
    with pytest.raises(UserError, match="is no image or stack"):
        Room.enter(path, NOTHING)


@pytest.mark.parametrize(
    "name", ["a[1]*?.png", "{1..9}.png", "-rf.png", "  .png", "ü" * 60 + ".png", ".png", "$(x).png"]
)
def test_names_mean_nothing(visitors_files: Path, tmp_path: Path, rooms: Path, built_in: Opened, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((visitors_files / "scene.png").read_bytes())
    room = Room.enter(path, built_in)
    made = room.restore(1.0)
    assert made.file.parent == room.folder and made.file.is_file()
    assert set(made.file.name) & set("*?[]{}$/() ") == set()
    room.leave()
    assert not list(rooms.iterdir())
