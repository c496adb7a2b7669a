"""What is told of files: in their own values, by repeats, by frames without light, and in a noise file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from nrgan import UserError
from nrgan.diagnosis import Dark, dark_frames, diagnose
from nrgan.noise_file import load_noise
from nrgan.reports.diagnosis_files import noise_file, write_diagnosis
from nrgan.reports.diagnosis_table import found_rows

OFFSET, GAIN, READ = 100.0, 3.0, 4.0


def light(count: int, side: int = 96, seed: int = 0) -> npt.NDArray[np.float64]:
    """Events: smooth spots, other ones in each frame; 15 to 400."""
    rng = np.random.default_rng(seed)
    seeds = (rng.random((count, side, side)) < 1.5e-3) * rng.uniform(0.5, 1, (count, side, side))
    return np.minimum(15 + ndimage.gaussian_filter(seeds, (0, 4, 4)) * 30000, 400)


def camera(events: npt.NDArray[np.float64], seed: int = 1) -> npt.NDArray[np.uint16]:
    rng = np.random.default_rng(seed)
    values = OFFSET + GAIN * rng.poisson(events) + READ * rng.standard_normal(events.shape)
    return np.clip(np.rint(values), 0, 65535).astype(np.uint16)


def saved(folder: Path, values: npt.NDArray[np.uint16], name: str = "stack.npy") -> str:
    np.save(folder / name, values)
    return str(folder / name)


def test_the_gain_of_counts_and_levels_in_the_files_values(tmp_path: Path) -> None:
    found = diagnose(saved(tmp_path, camera(light(60))), dark=Dark(OFFSET)).diagnosis
    native = found.native
    assert native is not None and native.gain == pytest.approx(GAIN, rel=0.1)
    assert native.gain_error is not None and native.gain_error < 0.1 * GAIN
    told = [(v, s, e) for v, s, e in zip(native.value, native.level, native.error, strict=True) if s is not None]
    assert len(told) >= 5
    for value, level, error in told:
        true = (GAIN * (value - OFFSET) + READ**2) ** 0.5
        assert error is not None and abs(level - true) < max(0.05 * true, 3 * error)
    at_offset = native.read_noise_at(OFFSET)
    assert native.read_noise == at_offset
    assert native.intercept is not None and native.intercept == pytest.approx(READ**2 - GAIN * OFFSET, rel=0.25)


def test_without_an_offset_the_read_noise_is_not_told(tmp_path: Path) -> None:
    native = diagnose(saved(tmp_path, camera(light(60)))).diagnosis.native
    assert native is not None and native.gain is not None
    assert native.offset is None and native.read_noise is None


def test_of_single_events_gain_and_levels_are_exact(tmp_path: Path) -> None:
    """Stored with gaps, so that the distance of events is told by the values, and where none is."""
    events = np.random.default_rng(3).poisson(light(40) / 40)
    diagnosed = diagnose(saved(tmp_path, (OFFSET + GAIN * events).astype(np.uint16)))
    found, native = diagnosed.diagnosis, diagnosed.diagnosis.native
    assert found.finding("few photons") is not None and native is not None
    assert (native.gain, native.gain_error) == (pytest.approx(GAIN, rel=1e-6), 0)
    assert (native.offset, native.read_noise) == (pytest.approx(OFFSET, rel=1e-6), 0)
    told = [(v, s) for v, s in zip(native.value, native.level, strict=True) if s is not None]
    assert len(told) >= 5
    assert [s for _, s in told] == pytest.approx([(GAIN * (v - OFFSET)) ** 0.5 for v, _ in told])
    rows = dict(found_rows(found))
    assert "3 apart: variance = 3·(value - 100), exactly" in rows["counts"] and "±" not in rows["level (file values)"]


def test_frames_without_light(tmp_path: Path) -> None:
    path = saved(tmp_path, camera(np.zeros((8, 64, 64))), "dark.npy")
    dark = dark_frames(path)
    assert dark.offset == pytest.approx(OFFSET, abs=0.5)
    assert dark.read_noise == pytest.approx(READ, rel=0.05)
    one = dark_frames(saved(tmp_path, camera(np.zeros((1, 64, 64))), "one.npy"))
    assert one.read_noise == pytest.approx(READ, rel=0.1)


def test_repeats_of_a_scene_tell_the_noise_whatever_its_texture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texture = 3000 + 500 * ndimage.gaussian_filter(rng.standard_normal((128, 128)), 1.0) * 4
    frames = np.rint(texture + 40 * rng.standard_normal((12, 128, 128))).astype(np.uint16)
    found = diagnose(saved(tmp_path, frames)).diagnosis
    assert found.repeated and found.white and not found.little_noise
    span = float(frames.max() - frames.min())
    assert found.level * span / 255 == pytest.approx(40, rel=0.03)
    assert found.finding("fixed pattern") is None, "the scene is no pattern of the sensor"


def test_the_law_is_kept_in_a_file(tmp_path: Path) -> None:
    done = diagnose(saved(tmp_path, camera(light(60))))
    assert done.advice.law is not None
    write_diagnosis(done, tmp_path / "told", tmp_path / "mine.json")
    for path in (noise_file(tmp_path / "told"), tmp_path / "mine.json"):
        kept = load_noise(path)
        assert kept.law == done.advice.law and kept.range == done.value_range


def test_where_there_is_no_law_that_is_said(tmp_path: Path) -> None:
    smooth = np.rint(ndimage.gaussian_filter(light(60), (0, 2, 2)) * 50).astype(np.uint16)
    done = diagnose(saved(tmp_path, smooth))
    assert done.advice.law is None
    with pytest.raises(UserError, match="no law here has this noise"):
        write_diagnosis(done, tmp_path / "told", tmp_path / "mine.json")
    assert not (tmp_path / "mine.json").exists() and (tmp_path / "told" / "diagnosis.png").exists()


def test_one_small_slice_is_not_refused(tmp_path: Path) -> None:
    """Too few pixels for any one signal: then they are looked at together, and nothing is certain."""
    rng, (down, across) = np.random.default_rng(0), np.indices((128, 128)) - 64
    slice_ = np.where(np.hypot(down, across) < 50, 1000, 200) + 900 * ndimage.gaussian_filter(
        rng.standard_normal((128, 128)), 1.5
    )
    values = np.rint(slice_ + 15 * rng.standard_normal(slice_.shape)).astype(np.int16)
    done = diagnose(saved(tmp_path, values))
    low, high = done.value_range.limits[0]
    level = (high - low) / 255
    assert not done.diagnosis.certain and done.diagnosis.level_below * level > 15
