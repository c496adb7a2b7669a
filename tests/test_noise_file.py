"""Noise files: what was measured once is the same noise in every range, and nothing else is taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import RandomState

from laws import FITTED
from nrgan.corruptions import AdditiveGaussian, Fitted, to_plain
from nrgan.errors import Damaged, UserError
from nrgan.frames import ValueRange
from nrgan.noise_file import MeasuredNoise, _digest, in_range, level_map, load_noise, read_noise, save_noise

RANGE = ValueRange.of(100, 4095, "uint16")


@pytest.mark.parametrize("name", FITTED)
def test_a_noise_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    """To the last bit, through a file and through the text that a configuration keeps."""
    measured = MeasuredNoise(FITTED[name], ValueRange.of([1.1, 2], [7, 1 / 3 + 9], "float32"))
    save_noise(tmp_path / "noise.json", measured.law, measured.range)
    again = load_noise(tmp_path / "noise.json")
    assert again == measured and repr(again) == repr(measured)
    assert read_noise(str(tmp_path / "noise.json")) == measured == read_noise(measured.text())
    assert "\n" not in measured.text() and read_noise(measured.text()).text() == measured.text()


def test_only_files_of_ours_are_written_over(tmp_path: Path) -> None:
    for level in (5.0, 6.0):
        save_noise(tmp_path / "noise.json", Fitted(level=(level,)), RANGE)
    assert load_noise(tmp_path / "noise.json").law.level == (6.0,)
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(UserError, match="nrgan did not make it"):
        save_noise(tmp_path / "mine.json", Fitted(), RANGE)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["mine.json", "noise.json"], "nothing is left beside"


def rewritten(path: Path, sign: bool = True, **changed: Any) -> None:
    """The file with other members, its checksum made anew where it is to be `sign`ed."""
    document = json.loads(path.read_text()) | changed
    if sign:
        document["sha256"] = _digest(document)
    path.write_text(json.dumps(document))


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.unlink(), "cannot be read as a noise file"),
    (lambda path: path.write_bytes(b"\xff\xfe{"), "cannot be read as a noise file"),
    (lambda path: path.write_text("[" * 10**5), "cannot be read as a noise file"),
    (lambda path: path.write_text(path.read_text()[:-20]), "cannot be read as a noise file"),
    (lambda path: path.write_text("[1]"), "cannot be read as a noise file"),
    (lambda path: path.write_text("{}"), "is no noise file; nrgan diagnose writes some"),
    (lambda path: rewritten(path, format="nrgan diagnosis"), "is no noise file"),
    (lambda path: rewritten(path, format_version=2), "of format 2; this version reads 1, measure it anew"),
    (lambda path: rewritten(path, format_version=None), "of format None; this version reads 1"),
    (lambda path: path.write_text(path.read_text().replace("25.0", "24.0")), "is not as it was written"),
    (lambda path: path.write_text(path.read_text().replace("100.0", "101.0")), "is not as it was written"),
    (lambda path: rewritten(path, sign=False, sha256=None), "is not as it was written"),
    (lambda path: rewritten(path, noise=to_plain(Fitted()) | {"level": [float("nan")]}), "level="),
    (lambda path: rewritten(path, noise=to_plain(Fitted()) | {"level": [10**400]}), "level="),
    (lambda path: rewritten(path, noise=to_plain(Fitted()) | {"dark": 10**400}), "holds no range with the numbers"),
    (lambda path: rewritten(path, noise=to_plain(Fitted()) | {"level": ["much"]}), "does not take these numbers"),
    (lambda path: rewritten(path, noise={"law": "os:system"}), "os:system is not known here"),
    (lambda path: rewritten(path, noise=to_plain(AdditiveGaussian())), "the law AdditiveGaussian, and Fitted is"),
    (lambda path: rewritten(path, range={"low": 0, "high": float("inf"), "dtype": "uint8"}), "must be finite"),
    (lambda path: rewritten(path, range={"low": 5, "high": 5, "dtype": "uint8"}), "must be finite and below"),
    (lambda path: rewritten(path, range={"low": 0, "high": 1, "dtype": "int64"}), "values of type int64 have no range"),
    (lambda path: rewritten(path, range={"low": 0, "high": "x", "dtype": "uint8"}), "holds no range with the numbers"),
    (lambda path: rewritten(path, range=[1]), "holds no range with the numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_is_no_noise_file_is_refused(change: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    path = tmp_path / "noise.json"
    save_noise(path, Fitted(), RANGE)
    change(path)
    with pytest.raises(UserError, match=words) as refused:
        load_noise(path)
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


def test_every_byte_of_a_noise_file_counts(tmp_path: Path) -> None:
    """A digit that has become another one is seen wherever it is, and so is what was cut off."""
    save_noise(tmp_path / "noise.json", FITTED["fitted all"], RANGE)
    text = (tmp_path / "noise.json").read_text()
    begin = text.index('"program"')
    for place in [k for k in range(begin, len(text)) if text[k].isdigit()][::7]:
        other = "1" if text[place] != "1" else "2"
        (tmp_path / "noise.json").write_text(text[:place] + other + text[place + 1 :])
        with pytest.raises(Damaged, match="is not as it was written"):
            load_noise(tmp_path / "noise.json")


def test_a_text_that_tells_no_noise_is_refused() -> None:
    for text, words in (
        ("{", "is no name of a file, nor"),
        ("{}", "holds no range"),
        ('{"noise":1,"range":{}}', "a law"),
    ):
        with pytest.raises(UserError, match=words) as refused:
            read_noise(text)
        assert refused.value.args[0].startswith("<noise>: ")


@pytest.mark.parametrize("name", ["fitted over the signal", "fitted many events", "fitted stripes", "fitted images"])
@pytest.mark.parametrize(("low", "high"), [(100, 4095), (0, 4095), (300, 2000), (-50, 65535)])
def test_another_range_is_the_same_noise_in_native_values(name: str, low: float, high: float) -> None:
    """The level at each native value, what is drawn at it, and back again."""
    measured, other = MeasuredNoise(FITTED[name], RANGE), ValueRange.of(low, high, "uint16")
    there = MeasuredNoise(in_range(measured, other), other)
    native = np.linspace(350, 3900, 24 * 24).reshape(24, 24, 1)
    drawn = []
    for noise in (measured, there):
        ((black, white),) = noise.range.limits
        unit = (native - black) / (white - black)
        level = noise.law.level_at(unit) * (white - black) / 255
        drawn.append((level, noise.law.corrupt(unit, RandomState(0)) * (white - black) + black))
    np.testing.assert_allclose(*(levels for levels, _ in drawn), rtol=1e-9)
    np.testing.assert_allclose(*(noisy for _, noisy in drawn), rtol=1e-9)
    back = in_range(there, RANGE)
    changing = ("signal", "level", "events", "dark", "rows", "columns")
    for field in changing:
        np.testing.assert_allclose(getattr(back, field), getattr(measured.law, field), rtol=1e-9, atol=1e-12)
    assert replace(measured.law, **{field: getattr(back, field) for field in changing}) == back


def test_the_same_range_changes_no_bit() -> None:
    for law in FITTED.values():
        assert in_range(MeasuredNoise(law, RANGE), RANGE) is law


def test_what_is_black_and_white_is_so_in_the_new_range() -> None:
    there = in_range(MeasuredNoise(FITTED["fitted impulses"], RANGE), ValueRange.of(0, 8191, "uint16"))
    y = there.corrupt(np.full((64, 64, 1), 0.5), RandomState(0))
    assert (y == 1).mean() == pytest.approx(0.03, abs=0.015) and (y == 0).mean() == pytest.approx(0.07, abs=0.02)


def test_ranges_of_each_channel() -> None:
    """They may change if they change alike; a range for all channels is one for each."""
    law = FITTED["fitted over the signal"]
    measured = MeasuredNoise(law, ValueRange.of([0, 100], [1000, 600], "uint16"))
    alike = in_range(measured, ValueRange.of([-1000, -400], [1000, 600], "uint16"), 2)
    np.testing.assert_allclose(alike.signal, [0.5 + s / 2 for s in law.signal])
    np.testing.assert_allclose(alike.level, [level / 2 for level in law.level])
    same = MeasuredNoise(law, ValueRange.of([0, 0], [1000, 1000], "uint16"))
    np.testing.assert_allclose(in_range(same, ValueRange.of(0, 500, "uint16"), 2).level, [2 * v for v in law.level])
    with pytest.raises(UserError, match=r"other ranges of the channels; give value_range 0\.0,1000\.0;100\.0,600\.0"):
        in_range(measured, ValueRange.of([0, 100], [1000, 1000], "uint16"), 2)


@pytest.mark.parametrize(
    ("value_range", "channels", "words"),
    [
        (ValueRange.of(0, 255, "uint8"), 2, "was measured in uint16 values, and these images are uint8"),
        (ValueRange.of([0, 0, 0], [9, 9, 9], "uint16"), 3, "on images of 2 channels, and these have 3"),
        (ValueRange.of([0, 0, 0], [9, 9, 9], "uint16"), None, "on images of 2 channels, and these have 3"),
        (ValueRange.of(0, 1000, "uint16"), 1, "on images of 2 channels, and these have 1"),
    ],
)
def test_images_of_another_kind_are_refused(value_range: ValueRange, channels: int | None, words: str) -> None:
    measured = MeasuredNoise(Fitted(), ValueRange.of([0, 0], [1000, 1000], "uint16"))
    with pytest.raises(UserError, match=words):
        in_range(measured, value_range, channels)


def test_the_map_of_levels_is_that_of_the_noise_that_is_drawn() -> None:
    law = replace(FITTED["fitted many events"], rows=6.0)
    measured = MeasuredNoise(law, ValueRange.of([100, 0], [4095, 500], "uint16"))
    native = np.stack(np.broadcast_arrays(np.array([900, 2000, 3500])[None], np.array([100, 250, 400])[:, None]), -1)
    native = native.repeat(8, 0).repeat(8, 1).astype(np.uint16)
    levels = level_map(measured, native)
    assert levels.shape == native.shape and levels.dtype == np.float32
    unit = measured.range.to_unit(native).astype(np.float64)
    drawn = np.stack([law.corrupt(unit, RandomState(k)) - unit for k in range(800)])
    found = (drawn**2).mean(0) ** 0.5 * [3995, 500]
    np.testing.assert_allclose(found / levels, 1, atol=0.15)
    np.testing.assert_allclose((found / levels).reshape(3, 8, 3, 8, 2).mean((1, 3)), 1, atol=0.02)
    with pytest.raises(UserError, match="measured in uint16 values, and this image is uint8"):
        level_map(measured, native.astype(np.uint8))
    for wrong in (native[..., 0], native[..., :1]):
        with pytest.raises(UserError, match=r"one \(H, W, C\) image"):
            level_map(measured, wrong)
