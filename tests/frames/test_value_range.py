"""Ranges of values: exact inverses, what each way to choose one gives, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrgan.errors import UserError
from nrgan.frames import Statistics, ValueRange, choose_range, open_frames
from own_files import TYPES, Pixels, noise


def statistics(values: Pixels, path: Path) -> Statistics:
    """Of the values as images of 20 x 20 (float32: or more than are sampled)."""
    np.save(path / "a.npy", values.reshape(-1, 20, 20))
    return open_frames(str(path / "a.npy")).statistics


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [(0, 255, "uint8"), (3.5, 77.25, "uint8"), (0, 65535, "uint16"), (100, 4095, "uint16"), (0, 1023, "uint16")],
)
def test_integers_come_back_exactly(low: float, high: float, dtype: str) -> None:
    chosen = ValueRange.of(low, high, dtype)
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    unit = chosen.to_unit(every)
    assert unit.dtype == np.float32
    back = chosen.from_unit(unit)
    assert back.dtype == dtype and np.array_equal(back, every)
    np.testing.assert_allclose(unit, (every.astype(float) - low) / (high - low), rtol=1e-6, atol=1e-7)
    assert chosen.from_unit(np.array([-1e9, 1e9])).tolist() == [0, np.iinfo(dtype).max], "clipped to the type"
    step = np.array([0.4, 0.6]) / (high - low) + (5 - low) / (high - low)
    assert chosen.from_unit(step).tolist() == [5, 6], "rounded to nearest"


def test_floats_come_back_and_are_not_clipped() -> None:
    for low, high in ((0, 1), (-3, 8), (1e6, 1e6 + 1)):
        chosen = ValueRange.of(low, high, "float32")
        native = np.linspace(low - 1, high + 1, 1001).astype(np.float32)
        unit = chosen.to_unit(native)
        assert unit.dtype == np.float32 and unit.min() < 0 and unit.max() > 1
        back = chosen.from_unit(unit)
        assert back.dtype == np.float32
        np.testing.assert_allclose(back, native, rtol=3e-7, atol=3e-7)
        assert chosen.levels is None


def test_levels() -> None:
    assert ValueRange.of(0, 255, "uint8").levels == 256
    assert ValueRange.of(0, 4095, "uint16").levels == 4096
    assert ValueRange.of(0.5, 3.5, "uint8").levels == 3


def test_a_range_is_checked_at_birth() -> None:
    for low, high in ((1, 1), (2, 1), (0, float("inf")), (float("nan"), 1)):
        with pytest.raises(UserError, match="must be finite and below the second"):
            ValueRange.of(low, high, "uint8")
    with pytest.raises(UserError, match="int32 have no range"):
        ValueRange.of(0, 1, "int32")
    assert pickle.loads(pickle.dumps(ValueRange.of(0, 1, "uint8"))) == ValueRange.of(0, 1, "uint8")


def test_automatic_range_of_16_bit_images(tmp_path: Path) -> None:
    values = np.linspace(100, 4600, 400).astype(np.uint16)
    chosen, said = choose_range("auto", statistics(values, tmp_path), "uint16")
    assert (chosen.limits, chosen.levels) == (((100, 4600),), 4501)
    assert said == "The range is 100 to 4600; 0.00% of the values lie below and 0.00% above it."


def test_automatic_range_of_the_other_types(tmp_path: Path) -> None:
    assert choose_range("auto", statistics(noise("uint8", 400) // 4, tmp_path), "uint8")[0] == ValueRange.of(
        0, 255, "uint8"
    )
    within = np.linspace(0.25, 1, 400).astype(np.float32)
    assert choose_range("auto", statistics(within, tmp_path), "float32")[0] == ValueRange.of(0, 1, "float32")
    beyond = np.linspace(-0.5, 3, 400).astype(np.float32)
    assert choose_range("auto", statistics(beyond, tmp_path), "float32")[0] == ValueRange.of(-0.5, 3, "float32")


def test_given_limits_and_what_lies_outside(tmp_path: Path) -> None:
    seen = statistics(np.arange(10_000).astype(np.uint16), tmp_path)
    chosen, said = choose_range(" 100, 9.8e3 ", seen, "uint16")
    assert chosen.limits == ((100, 9800),)
    assert said == "The range is 100 to 9800; 1.00% of the values lie below and 1.99% above it."
    assert "less than 0.01% of the values lie below" in choose_range("0.5,9999", _many(), "uint16")[1]
    assert choose_range("-5,20000", seen, "uint16")[0].low == (-5,)


def _many() -> Statistics:
    return Statistics(0, 9999, np.array([0.0, 9999.0]), np.array([1.0, 1e6]))


def test_percentiles(tmp_path: Path) -> None:
    seen = statistics(np.arange(10_000).astype(np.uint16), tmp_path)
    chosen, said = choose_range("p1,p99.9", seen, "uint16")
    assert chosen.limits == ((99, 9989),)
    assert said == "The range is 99 to 9989; 0.99% of the values lie below and 0.10% above it."
    assert choose_range("p0,p100", seen, "uint16")[0] == ValueRange.of(0, 9999, "uint16")


def test_percentiles_of_floats_are_of_an_even_sample_and_repeat(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 1, (1200, 40, 40)).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    seen = open_frames(str(tmp_path / "a.npy")).statistics
    assert (seen.low, seen.high) == (values.min(), values.max()), "the ends are exact"
    assert 900_000 < len(seen.values) < 1_100_000
    for share in (0.001, 0.1, 0.5, 0.999):
        assert abs((values <= seen.quantile(share)).mean() - share) < 2e-3
    again = open_frames(str(tmp_path / "a.npy")).statistics
    assert np.array_equal(seen.values, again.values)


def test_images_count_by_their_size(tmp_path: Path) -> None:
    dark, light = np.zeros((2000, 1000), np.float32), np.ones((500, 1000), np.float32)
    dark[0, 0] = light[0, 0] = 0.5
    for name, image in (("dark", dark), ("light", light)):
        np.save(tmp_path / f"{name}.npy", image)
    seen = open_frames(str(tmp_path)).statistics
    assert abs(seen.share_above(0.7) - 0.2) < 1e-3
    assert seen.weights.sum() == pytest.approx(dark.size + light.size)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("10,10", "^value_range 10,10: the first value must be below the second; the images' values go from 50 to 449"),
        ("20,10", "must be below the second"),
        ("1,1e999", "must be below the second"),
        ("0,49", "holds none of the images' values; the images' values go from 50 to 449"),
        ("450,500", "holds none of the images' values"),
        ("100.2,100.7", "holds none of the images' values"),
        ("", "is no range of values; give auto, two values as in 0,4095, or two percentiles as in p0.1,p99.9"),
        ("automatic", "is no range of values"),
        ("5", "is no range of values"),
        ("1,2,3", "is no range of values"),
        ("nan,1", "is no range of values"),
        ("p1,99", "is no range of values"),
        ("p99,p1", "percentiles rise from 0 to 100"),
        ("p5,p5", "percentiles rise from 0 to 100"),
        ("p-1,p50", "percentiles rise from 0 to 100"),
        ("p50,p101", "percentiles rise from 0 to 100"),
        ("p50.01,p50.02", "both percentiles are 250; take them further apart"),
    ],
)
def test_bad_ranges_say_what_would_do(spec: str, message: str, tmp_path: Path) -> None:
    seen = statistics(np.arange(50, 450).astype(np.uint16), tmp_path)
    with pytest.raises(UserError, match=message):
        choose_range(spec, seen, "uint16")


def test_values_that_are_all_the_same_have_no_automatic_range() -> None:
    seen = Statistics(3, 3, np.array([3.0]), np.array([9.0]))
    with pytest.raises(UserError, match="all values are 3"):
        choose_range("auto", seen, "float32")


def two_channels(count: int = 12, size: int = 20) -> Pixels:
    """(N, H, W, 2) uint16: a bright channel from 0 to 60,000, and beside it a dim one from 100 to 300."""
    shades = np.random.default_rng(0).random((count, size, size, 2))
    shades[0, 0, :2] = [[0, 0], [1, 1]]
    return np.rint(shades * [60_000, 200] + [0, 100]).astype(np.uint16)


def seen_in(images: Pixels, path: Path) -> Statistics:
    np.save(path / "a.npy", images)
    return open_frames(str(path / "a.npy")).statistics


def test_a_range_for_each_channel_uses_all_of_it_in_each(tmp_path: Path) -> None:
    images = two_channels()
    seen = seen_in(images, tmp_path)
    chosen, said = choose_range("0,60000; 100,300", seen, "uint16")
    assert chosen == ValueRange((0, 100), (60_000, 300), "uint16") and chosen.levels == (60_001, 201)
    assert said == (
        "The range of channel 1 is 0 to 60000; 0.00% of the values lie below and 0.00% above it. "
        "The range of channel 2 is 100 to 300; 0.00% of the values lie below and 0.00% above it."
    )
    unit = chosen.to_unit(images)
    assert unit.dtype == np.float32
    for channel, (low, high) in enumerate(chosen.limits):
        assert (unit[..., channel].min(), unit[..., channel].max()) == (0, 1)
        alone = ValueRange.of(low, high, "uint16").to_unit(images[..., channel])
        assert np.array_equal(unit[..., channel], alone), "the same bits as of that channel alone"
    assert np.array_equal(chosen.from_unit(unit), images)
    assert choose_range("auto", seen, "uint16")[0] == chosen, "their bulks differ more than fourfold"
    together = choose_range("0,60000", seen, "uint16")[0]
    assert together == ValueRange.of(0, 60_000, "uint16"), "one range for all"
    assert together.to_unit(images)[..., 1].max() < 0.006, "of which the dim channel is a sliver"


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(1, 1e4)), min_size=1, max_size=16), st.sampled_from(TYPES))
def test_ranges_of_channels_invert_and_are_kept(limits: list[tuple[float, float]], dtype: str) -> None:
    chosen = ValueRange.of([low for low, _ in limits], [low + span for low, span in limits], dtype)
    native = noise(dtype, 5, 7, len(limits))
    back = chosen.from_unit(chosen.to_unit(native))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, native, rtol=0, atol=0 if dtype != "float32" else 2e-3)
    assert ValueRange.of(**json.loads(json.dumps(chosen.plain()))) == chosen
    difference = chosen.difference_from_unit(np.full((2, len(limits)), 0.5, np.float32))
    assert difference.dtype == np.float32
    np.testing.assert_allclose(difference[1], (np.array(chosen.high) - chosen.low) / 2, rtol=1e-6)


def test_one_range_is_kept_as_it_always_was() -> None:
    assert ValueRange.of(3, 80, "uint8").plain() == {"low": 3.0, "high": 80.0, "dtype": "uint8"}
    assert ValueRange.of(3, 80, "uint8").spec == "3.0,80.0"
    assert ValueRange.of([3, 0.1], [80, 9], "float32").spec == "3.0,80.0;0.1,9.0"
    assert ValueRange.of([0, 10], [99, 109], "uint8").levels == 100, "one number where all are the same"


def test_every_way_to_choose_can_be_one_channel_s(tmp_path: Path) -> None:
    images = two_channels()
    for dtype in ("uint16", "float32"):
        seen = seen_in(images.astype(dtype), tmp_path)
        chosen = choose_range("auto;p1,p99", seen, dtype)[0]
        dim = np.sort(images[..., 1].ravel())
        percentiles = (dim[round(0.01 * dim.size)], dim[round(0.99 * dim.size)])
        assert chosen.limits[0] == (0, 60_000) and np.allclose(chosen.limits[1], percentiles, atol=1)
        assert choose_range(chosen.spec, seen, dtype)[0] == chosen
    assert seen_in(images[..., :1], tmp_path).by_channel == ()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("0,9;0,9;0,9", "^value_range 0,9;0,9;0,9: gives 3 ranges for 2 channels; give one for each, or one for all"),
        ("0,60000;", "channel 2: is no range of values; give auto, .*for each channel, as in 0,255;0,4095"),
        ("0,60000;300,100", "channel 2: the first value must be below the second; the images' values go from 100 to"),
        ("0,60000;301,400", "channel 2: holds none of the images' values; the images' values go from 100 to 300"),
        ("p5,p5;100,300", "channel 1: percentiles rise from 0 to 100"),
    ],
)
def test_bad_ranges_of_channels_say_which_and_what_would_do(spec: str, message: str, tmp_path: Path) -> None:
    seen = seen_in(two_channels(), tmp_path)
    with pytest.raises(UserError, match=message):
        choose_range(spec, seen, "uint16")
    with pytest.raises(UserError, match="gives 2 ranges for 1 channel; give"):
        choose_range("0,9;0,9", seen_in(two_channels()[..., :1], tmp_path), "uint16")


def test_ranges_of_channels_are_checked_at_birth() -> None:
    for low, high in (([0, 1], [9]), ([], [])):
        with pytest.raises(UserError, match="give one of both for each channel, or for all"):
            ValueRange.of(low, high, "uint8")
    with pytest.raises(UserError, match="range 5,5: the first value must be finite and below"):
        ValueRange.of([0, 5], [9, 5], "uint8")
    for shape in ((4, 3), (4, 1), ()):
        with pytest.raises(ValueError, match="ranges of 2 channels for values of shape"):
            ValueRange.of([0, 5], [9, 9], "uint8").to_unit(np.zeros(shape, np.uint8))
