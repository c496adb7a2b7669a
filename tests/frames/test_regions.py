"""A region of an image is that part of the whole, whatever the file is like; large images are never held whole."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nrgan.data import open_data
from nrgan.frames import EVERYTHING, Fit, Patches, Wanted, open_frames
from nrgan.frames.file_slice import FileSlice
from nrgan.frames.formats import read_image
from nrgan.frames.opened import Region
from nrgan.settings import choose_data
from own_files import TYPES, noise

HEIGHT, WIDTH = 70, 90


def source(path: Path) -> FileSlice:
    size = path.stat().st_size
    return FileSlice(str(path), path.name, 0, size, size, stamp=path.stat().st_mtime_ns, alone=True)


LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {"rowsperstrip": HEIGHT},
    "strips": {"rowsperstrip": 7},
    "packed strips": {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
    "packed in one": {"rowsperstrip": HEIGHT, "compression": "lzw"},
    "tiles": {"tile": (32, 16)},
    "packed tiles": {"tile": (16, 32), "compression": "zlib"},
    "planes": {"planarconfig": "separate", "tile": (16, 32)},
    "big-endian": {"byteorder": ">", "rowsperstrip": 11},
    "upside down": {"extratags": [(274, 3, 1, 3, True)]},
    "white is zero": {"photometric": "miniswhite", "tile": (32, 32)},
}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("channels", [1, 3])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_region_of_a_tiff(layout: str, channels: int, tmp_path: Path, data: st.DataObject) -> None:
    options = dict(LAYOUTS[layout])
    dtype = data.draw(st.sampled_from(TYPES))
    if options.get("predictor") and dtype == "float32":
        options["predictor"] = 3
    shape = (2, HEIGHT, WIDTH) if channels == 1 else (2, HEIGHT, WIDTH, channels)
    image = noise(dtype, *shape)
    if "separate" in str(options.get("planarconfig")):
        if channels == 1:
            return
        image = np.ascontiguousarray(image.transpose(0, 3, 1, 2))
    if layout == "white is zero" and channels == 3:
        return
    colours = {"photometric": "rgb"} if channels == 3 else {"photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", image, metadata=None, **(colours | options))
    check_regions(tmp_path / "a.tif", data)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), order=st.sampled_from("CF"), letters=st.sampled_from(["NYXC", "NCYX", "NYX"]))
def test_a_region_of_an_array(data: st.DataObject, order: Any, letters: str, tmp_path: Path) -> None:
    sides = {"N": 3, "Y": HEIGHT, "X": WIDTH, "C": 3}
    array = noise(data.draw(st.sampled_from(TYPES)), *(sides[axis] for axis in letters))
    np.save(tmp_path / "a.npy", np.asarray(array, order=order))
    check_regions(tmp_path / "a.npy", data)


def check_regions(path: Path, data: st.DataObject) -> None:
    top, left = data.draw(st.integers(0, HEIGHT - 1)), data.draw(st.integers(0, WIDTH - 1))
    height, width = data.draw(st.integers(1, HEIGHT - top)), data.draw(st.integers(1, WIDTH - left))
    region = Region(top, left, height, width)
    for number in (0, 1):
        whole = read_image(source(path), number, EVERYTHING)
        part = read_image(source(path), number, EVERYTHING, region)
        assert np.array_equal(part.pixels, region.of(whole.pixels)) and part.pixels.dtype == whole.pixels.dtype
        assert (part.place.top, part.place.left) == (top, left)


@pytest.mark.parametrize("kind", ["tiled", "strips", "npy"])
def test_a_large_image_is_trained_on_and_never_held(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB in one image, with a limit of 40 MB for a decode: in bands while surveyed, by regions for tiles."""
    side = 7168
    image = np.random.default_rng(0).integers(100, 4000, (side, side), np.uint16)
    if kind == "npy":
        np.save(tmp_path / "a.npy", image)
    else:
        tiles: dict[str, Any] = {"tile": (256, 256)} if kind == "tiled" else {"rowsperstrip": 64}
        tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", metadata=None, **tiles)
    path = str(next(tmp_path.iterdir()))
    monkeypatch.setenv("NRGAN_MAX_BYTES", "220000000")
    monkeypatch.setattr("nrgan.frames.survey._LARGE", 8 << 20)
    tracemalloc.start()
    data = open_data(choose_data(path, 64, fit="tiles"))
    rows = np.array([0, 5000, 12543])
    some = data.noisy(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) == 112**2 and peak < 150e6
    low, high = data.value_range.limits[0]
    for index, seen in zip(rows, some, strict=True):
        top, left = int(index) // 112 * 64, int(index) % 112 * 64
        unit = (image[top : top + 64, left : left + 64] - low) / (high - low)
        np.testing.assert_allclose(seen[0], unit, atol=1e-6)
    assert (low, high) == (image.min(), image.max())


def test_tiles_in_order_read_each_band_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", noise("uint16", 1, 128, 160))
    frames = open_frames(str(tmp_path / "a.npy"))
    patches = Patches(frames, Fit(32, "tiles"))
    read, regions = frames.read, []

    def counted(index: int, region: Region | None = None) -> Any:
        regions.append(region)
        return read(index, region)

    monkeypatch.setattr(frames, "read", counted)
    for index in range(len(patches)):
        patches.read(index)
    assert len(regions) == 4 * 2, "a tile, and then the band that it lies in"
    assert sum(region.width == 160 for region in regions) == 4


def test_channels_and_frames_that_are_wanted(tmp_path: Path) -> None:
    stack = noise("uint16", 4, 3, 5, 24, 32)  # T C Z Y X
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, photometric="minisblack", metadata={"axes": "TCZYX"})
    wanted = Wanted(frames="T=1:3,Z=2", channels="2,0")
    frames = open_frames(str(tmp_path / "a.ome.tif"), wanted=wanted)
    assert len(frames) == 2 and frames.channels == 2
    for index, t in enumerate((1, 2)):
        assert np.array_equal(frames.read(index).pixels, stack[t, [2, 0], 2].transpose(1, 2, 0))
    assert frames.key() != open_frames(str(tmp_path / "a.ome.tif")).key()
