"""Training squares: what crop, resize and tiles take from an image, and which sets they refuse."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrgan.errors import UserError
from nrgan.frames import Fit, FrameSet, Patches, open_frames
from nrgan.frames.fit import tile_starts
from own_files import TYPES, Pixels, folder, noise, npy, png


def opened(root: Path, *images: Pixels) -> FrameSet:
    return open_frames(str(folder(root, {f"{i}.npy": npy(image) for i, image in enumerate(images)})))


@pytest.mark.parametrize("dtype", TYPES)
def test_crop_is_the_middle(dtype: str, tmp_path: Path) -> None:
    images = [noise(dtype, 40, 51, 3), noise(dtype, 24, 24, 3), noise(dtype, 25, 90, 3)]
    patches = Patches(opened(tmp_path, *images), Fit(24))
    assert len(patches) == 3 and patches.size == 24
    expected = [images[0][8:32, 13:37], images[1], images[2][0:24, 33:57]]
    for i, patch in enumerate(expected):
        assert np.array_equal(patches.read(i), patch) and patches.read(i).dtype == dtype
    assert patches.notes == ["3 squares of 24x24 pixels from 3 images (crop)."]


@pytest.mark.parametrize("dtype", TYPES)
def test_resize_averages_areas_and_rounds(dtype: str, tmp_path: Path) -> None:
    large, same, small = noise(dtype, 48, 80, 2), noise(dtype, 16, 16, 2), noise(dtype, 12, 20, 2)
    patches = Patches(opened(tmp_path, large, same, small), Fit(16, "resize"))
    middle = large[:, 16:64].astype(np.float64).reshape(16, 3, 16, 3, 2).mean((1, 3))
    step = 1e-6 if dtype == "float32" else 0.501
    np.testing.assert_allclose(patches.read(0), middle, atol=step)
    assert np.array_equal(patches.read(1), same), "an image of the size is left as it is"
    assert patches.read(2).shape == (16, 16, 2) and patches.read(2).dtype == dtype
    assert (
        "averages neighbouring pixels and so changes the noise (of 1 image); crop or tiles keep it" in patches.notes[1]
    )
    assert patches.notes[2].startswith("Enlarging makes blotches of the noise")


def test_tiles_cover_every_pixel_once_read(tmp_path: Path) -> None:
    images = [noise("uint16", 50, 71, 1, seed=i) for i in range(2)] + [noise("uint16", 16, 16, 1)]
    own = opened(tmp_path, *images)
    patches = Patches(own, Fit(16, "tiles"))
    assert len(patches) == 2 * 4 * 5 + 1
    assert patches.notes == ["41 squares of 16x16 pixels from 3 images (tiles)."]
    seen = [np.zeros(image.shape, bool) for image in images]
    for i in range(len(patches)):
        place = patches.place(i)
        rows, columns = slice(place.top, place.top + 16), slice(place.left, place.left + 16)
        assert np.array_equal(patches.read(i), images[place.frame][rows, columns]) and place.scale == 1
        seen[place.frame][rows, columns] = True
    assert all(mask.all() for mask in seen)
    with pytest.raises(IndexError):
        patches.read(41)


@given(st.integers(16, 256), st.integers(0, 3000))
def test_tiles_are_spread_evenly(size: int, more: int) -> None:
    length = size + more
    starts = tile_starts(length, size)
    steps = np.diff(starts)
    assert starts[0] == 0 and starts[-1] == length - size
    assert (steps <= size).all() and (len(steps) == 0 or steps.max() - steps.min() <= 1)
    if length >= 1.5 * size:
        assert (steps >= size // 2).all()


def test_reading_tiles_in_order_decodes_an_image_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = open_frames(str(folder(tmp_path, {f"{i}.png": png(noise("uint8", 64, 64, 1, seed=i)) for i in range(3)})))
    patches = Patches(own, Fit(16, "tiles"))
    calls: list[int] = []
    read = own.read
    monkeypatch.setattr(own, "read", lambda i, region=None: (calls.append(i), read(i, region))[1])
    first = patches.read(0)
    first[:] = 0
    assert patches.read(0).any(), "a patch is the caller's own"
    for i in range(len(patches)):
        patches.read(i)
    assert calls == [0, 1, 2]


def test_patches_pickle_and_are_read_by_threads(tmp_path: Path) -> None:
    own = opened(tmp_path, *(noise("uint8", 64, 64, 1, seed=i) for i in range(3)))
    for fit in (Fit(16, "tiles"), Fit(16, "resize"), Fit(None)):
        patches = Patches(own, fit)
        patches.read(0)
        copy = pickle.loads(pickle.dumps(patches))
        with ThreadPoolExecutor(4) as pool:
            for i, patch in enumerate(pool.map(copy.read, range(len(copy)))):
                assert np.array_equal(patch, patches.read(i))


def test_without_a_size_images_must_be_such_squares(tmp_path: Path) -> None:
    same = opened(tmp_path / "same", noise("uint8", 32, 32, 1), noise("uint8", 32, 32, 1, seed=1))
    assert Patches(same, Fit()).size == 32
    for name, shapes, message in (
        ("mixed", [(32, 32, 1), (32, 32, 1), (24, 40, 1)], r"of several sizes \(2 of 32x32, 1 of 40x24 pixels\); give"),
        ("oblong", [(32, 40, 1)], "the images are 40x32 pixels, and training takes squares of a multiple of 8 from 16"),
        ("odd", [(30, 30, 1)], "30x30 pixels.*give image_size and fit crop, resize or tiles"),
        ("large", [(264, 264, 1)], "264x264 pixels"),
        ("tiny", [(8, 8, 1)], "8x8 pixels"),
    ):
        with pytest.raises(UserError, match=message):
            Patches(opened(tmp_path / name, *(noise("uint8", *shape) for shape in shapes)), Fit())


@pytest.mark.parametrize("how", ["crop", "tiles"])
def test_images_that_are_too_small_are_named(how: Any, tmp_path: Path) -> None:
    files = {f"{i}.png": png(noise("uint8", 40, 30 + i % 2 * 4, 1)) for i in range(4)}
    own = open_frames(str(folder(tmp_path, files)))
    with pytest.raises(
        UserError, match=r"2 images smaller than 32x32 pixels: 0.png \(30x40\), 2.png \(30x40\); give a s"
    ):
        Patches(own, Fit(32, how))


def test_sizes_and_ways_are_checked() -> None:
    for size in (0, 8, 20, 264, -16):
        with pytest.raises(UserError, match=f"^image_size {size}: must be a multiple of 8 from 16 to 256"):
            Fit(size)
    wrong: Any = "squash"
    with pytest.raises(UserError, match=r"^fit squash: is unknown; it can be crop, resize, tiles"):
        Fit(32, wrong)
