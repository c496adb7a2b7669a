"""A range that holds the signal: outliers do not set it, and nothing larger than a pixel is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nrgan.diagnosis import diagnose
from nrgan.errors import UserError
from nrgan.frames import ValueRange, choose_range, open_frames
from nrgan.frames.outliers import sharp_pixels
from nrgan.settings import choose_data
from own_files import Pixels


def scene(seed: int, count: int = 6, side: int = 96) -> Pixels:
    """(N, side, side) float: blobs of 20 to 400 over a background of 100, with noise that grows with the signal."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    images = np.full((count, side, side), 100.0)
    for image in images:
        for _ in range(8):
            top, left, width = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(1.5, 9)
            image += rng.uniform(20, 400) * np.exp(-((y - top) ** 2 + (x - left) ** 2) / (2 * width**2))
    return images + rng.normal(0, 1, images.shape) * np.sqrt(images)


def chosen(images: Pixels, path: Path) -> tuple[ValueRange, str]:
    np.save(path / "a.npy", images)
    frames = open_frames(str(path / "a.npy"))
    return choose_range("auto", frames.statistics, frames.dtype)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_hot_pixels_are_counted_named_and_clipped(dtype: str, tmp_path: Path) -> None:
    images = scene(0)
    low, high = float(np.rint(images).min()), float(np.rint(images).max())
    places = np.random.default_rng(1).integers(5, 90, (7, 2))
    for top, left in places:
        images[:, top, left] = 30_000
    found, said = chosen(np.rint(images).astype(dtype), tmp_path)
    assert found.low == (low,) and 0.9 * high <= found.high[0] <= high
    assert "42 values beyond it are single pixels that stand out, 30000 to 30000: 42 always at the same place" in said


def test_tracks_are_named(tmp_path: Path) -> None:
    images = scene(2)
    for step in range(12):
        images[3, 40 + step, 20 + step // 2] = 9_000
    found, said = chosen(images.astype(np.uint16), tmp_path)
    assert found.high[0] < 2_000 and "12 in tracks (as of cosmic rays)" in said


def test_structure_larger_than_a_pixel_is_kept(tmp_path: Path) -> None:
    images = scene(3)
    y, x = np.mgrid[:96, :96]
    images[2] += 20_000 * np.exp(-((y - 50) ** 2 + (x - 30) ** 2) / (2 * 1.1**2))  # one star, as sharp as optics are
    found, said = chosen(np.rint(images).astype(np.uint16), tmp_path)
    assert found.high[0] == np.rint(images).max()
    assert "99.8% of the values lie in" in said and "p0.1,p99.9 would clip those" in said


@pytest.mark.parametrize("mean", [0.0005, 0.05, 1.0, 8.0])
def test_counts_of_few_photons_are_no_outliers(mean: float, tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(mean, (20, 64, 64)).astype(np.uint16)
    found, said = chosen(counts, tmp_path)
    assert found == ValueRange.of(0, counts.max(), "uint16") and "stand out" not in said
    assert ("Few values are told apart" in said) == (counts.max() < 20)


def test_noise_alone_has_no_outliers(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 1, (40, 96, 96)).astype(np.float32)
    found, said = chosen(values, tmp_path)
    assert found == ValueRange.of(values.min(), values.max(), "float32") and "stand out" not in said
    assert len(sharp_pixels(values[0][..., None]).values) == 0


def test_twelve_bits_in_the_upper_ones_of_sixteen(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(3, 4000, (10, 32, 32)).astype(np.uint16) * 16
    found, said = chosen(values, tmp_path)
    assert found.step == 16 and found.levels == (values.max() - values.min()) // 16 + 1
    assert "All values are multiples of 16" in said
    unit = found.to_unit(values)
    assert np.array_equal(found.from_unit(unit), values)
    assert np.all((found.from_unit(unit + 0.0001).astype(int) - values.min()) % 16 == 0)
    assert ValueRange.of(**found.plain()) == found


def test_saturation_is_said(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(2500, 900, (10, 64, 64)).clip(0, 4095).astype(np.uint16)
    assert "of the values are the greatest, 4095: saturated" in chosen(values, tmp_path)[1]


def test_negative_numbers_come_through_and_back(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-900, 1200, (10, 32, 32)).astype(np.int16)
    found, _ = chosen(values, tmp_path)
    assert found == ValueRange.of(-900, 1199, "int16")
    assert np.array_equal(found.from_unit(found.to_unit(values)), values)


def test_channels_have_their_own_ranges_where_they_are_unlike(tmp_path: Path) -> None:
    images = np.stack([scene(0), 20 * scene(1)], axis=-1).astype(np.uint16)
    found, said = chosen(images, tmp_path)
    assert len(found.low) == 2 and "The range of channel 2 is" in said
    alike = np.stack([scene(0), 2 * scene(1), scene(2)], axis=-1).astype(np.uint16)
    assert len(chosen(alike, tmp_path)[0].low) == 1, "as colours of a photograph"


def test_a_range_that_cuts_much_is_said(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", scene(0).astype(np.uint16))
    frames = open_frames(str(tmp_path / "a.npy"))
    said = choose_range("130,3000", frames.statistics, frames.dtype)[1]
    assert "lie below" in said and "is that meant? They are clipped" in said


def test_a_range_that_cuts_nearly_all_is_named_by_the_diagnosis(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(3000, 300, (60, 32, 32)).astype(np.uint16)
    np.save(tmp_path / "a.npy", images)
    with pytest.raises(UserError, match=r"The range is 100 to 2000; .* of the values lie below .*: is that meant\?"):
        diagnose(choose_data(str(tmp_path / "a.npy"), value_range="100,2000"))
