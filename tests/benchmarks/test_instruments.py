"""Drawn instruments: what is said to be true of them is what their own exposures show, and judging knows the truth."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import instruments
from drawn_instruments import INSTRUMENTS, PLAIN, Sweep, draw, generator, write
from drawn_noise import Array, Camera, Detector, Magnitude, Sensor, Speckle, stored
from drawn_truth import COMPOSED, FINDINGS, FITTED, NONE_FITS, Truth, exposures, truth_of
from judging import Told, judge, recommended, told
from nrgan.diagnosis import diagnose
from nrgan.frames import open_frames
from nrgan.models import MODELS

SIDE, EXPOSURES = 32, 60
TINY = (4, SIDE)
NAMES = list(INSTRUMENTS)
KNOWN = [name for name in NAMES if name not in ("night", "colour camera")]
"""Whose law is an equation."""
ALONE = {"rows": 0.0, "columns": 0.0, "impulses": 0.0, "hot": 0.0}


def rng_of(name: str, number: int = 0) -> np.random.Generator:
    return generator(20261126, name, number)


def flat(detector: Detector, channels: int = 1) -> Array:
    """Light of five signals, a frame each."""
    return detector.light(np.broadcast_to(np.linspace(0.1, 0.9, 5)[:, None, None, None], (5, SIDE, SIDE, channels)))


def alone(detector: Detector) -> Detector:
    """Without what is not a pixel's own noise."""
    return replace(detector, **ALONE) if isinstance(detector, Camera) else detector


def noise_of(detector: Detector, light: Array, sensor: Sensor, rng: np.random.Generator) -> Array:
    """What many exposures have beyond what is expected, rounded but not clipped, (EXPOSURES, N, H, W, C)."""
    y = np.stack([detector.expose(light, sensor, rng) for _ in range(EXPOSURES)])
    whole = np.rint(y / detector.step) * detector.step if detector.step else y
    return whole - detector.expected(light, sensor)


def agrees(samples: Array, truth: Array | float) -> Any:
    """Whether means over exposures, the first axis, lie within three standard errors of the truth."""
    error = samples.std(0, ddof=1) / np.sqrt(len(samples))
    return np.abs(samples.mean(0) - truth) <= 3 * error + 1e-9 * np.abs(truth)


@pytest.fixture(params=KNOWN)
def known(request: pytest.FixtureRequest) -> tuple[Detector, Array, Sensor, Array, Truth]:
    """A detector, flat light, its sensor, a pixel's own noise in many exposures, and what is said to be true."""
    row, rng = INSTRUMENTS[request.param], rng_of(request.param)
    detector = alone(row.detector(rng))
    light = flat(detector, 3 if request.param == "luminance" else 1)
    sensor = detector.sensor(SIDE, SIDE, rng)
    noise = noise_of(detector, light, sensor, rng)
    return detector, light, sensor, noise, truth_of(detector, light, sensor, row.holds, rng)


Known = tuple[Detector, Array, Sensor, Array, Truth]


def test_exposures_have_the_mean_and_the_variance_that_are_stated(known: Known) -> None:
    detector, light, sensor, noise, _ = known
    if not np.any(detector.variance(light) > 0.1):  # rounding alone: the same in every exposure
        assert np.all(noise == noise[:1]) and np.abs(noise).max() <= 0.5
        return
    of_frames = noise.mean((2, 3, 4)), (noise**2).mean((2, 3, 4))
    expected = detector.expected(light, sensor)
    unequal = detector.levels_of_frames(5)[:, None, None, None] ** 2
    stated = np.broadcast_to(detector.variance(expected, unequal), light.shape).mean((1, 2, 3))
    assert agrees(of_frames[0], 0.0).all()
    assert agrees(of_frames[1], stated).all(), (of_frames[1].mean(0), stated)


def test_the_truth_at_five_signals_is_that_of_the_detector(known: Known) -> None:
    detector, light, sensor, noise, truth = known
    expected = detector.expected(light, sensor)
    if truth.little_noise or expected.std((1, 2, 3)).max() > 1e-9 or np.ptp(np.diff(expected.mean((1, 2, 3)))) > 1e-6:
        pytest.skip("these frames do not show just the five signals")
    assert truth.signals == pytest.approx(expected.mean((1, 2, 3)))
    levels = (noise**2).mean((2, 3, 4))
    assert agrees(levels, np.square(truth.pixels)).all()


def test_neighbours_are_correlated_as_stated(known: Known) -> None:
    detector, _, _, noise, truth = known
    if truth.little_noise:
        pytest.skip("no noise")
    whole = (noise**2).mean((1, 2, 3, 4))
    across = (noise[..., :-1, :] * noise[..., 1:, :]).mean((1, 2, 3, 4))
    down = (noise[..., :-1, :, :] * noise[..., 1:, :, :]).mean((1, 2, 3, 4))
    measured = 0.02 if isinstance(detector, Speckle) else 0.0  # the truth has an error of its own
    for lag, true in ((across, truth.across), (down, truth.down)):
        ratio = lag / whole.mean()
        assert abs(ratio.mean() - true) <= 3 * ratio.std(ddof=1) / np.sqrt(EXPOSURES) + measured


def test_the_slope_is_that_of_the_variance_over_the_signal(known: Known) -> None:
    detector, light, sensor, noise, truth = known
    if truth.slope is None or truth.little_noise:
        pytest.skip("no slope is stated")
    signal = detector.expected(light, sensor).mean((1, 2, 3))
    square = detector.levels_of_frames(5) ** 2
    level = (noise**2).mean((2, 3, 4)) if truth.slope else (noise**2).mean((2, 3, 4)) / square
    assert agrees(np.polyfit(signal, level.T, 1)[0], truth.slope)
    assert truth.slope >= 0


@pytest.mark.parametrize("name", [n for n in NAMES if isinstance(INSTRUMENTS[n].detector(rng_of(n)), Camera)])
def test_offsets_of_lines_are_as_strong_as_stated(name: str) -> None:
    rng = rng_of(name)
    camera = replace(INSTRUMENTS[name].detector(rng), impulses=0.0, hot=0.0, column_gains=0.0, quality=0)
    assert isinstance(camera, Camera)
    if not camera.rows and not camera.columns:
        pytest.skip("it has none")
    light = flat(camera)
    sensor = camera.sensor(SIDE, SIDE, rng)
    noise = noise_of(camera, light, sensor, rng)
    truth = truth_of(camera, light, sensor, INSTRUMENTS[name].holds)
    own = (noise_of(alone(camera), light, sensor, rng) ** 2).mean((1, 2, 3, 4)).mean()
    for axis, level in ((3, camera.rows), (2, camera.columns)):
        lines = (noise.mean(axis) ** 2).mean((1, 2, 3))
        other = camera.columns if axis == 3 else camera.rows
        assert agrees(lines, level**2 + (own + other**2) / SIDE)
    total = (noise**2).mean((1, 2, 3, 4))
    assert agrees(total, np.mean(np.square(truth.level)))
    across = (noise[..., :-1, :] * noise[..., 1:, :]).mean((1, 2, 3, 4)) / total.mean()
    down = (noise[..., :-1, :, :] * noise[..., 1:, :, :]).mean((1, 2, 3, 4)) / total.mean()
    assert agrees(across, truth.across_with_offsets) and agrees(down, truth.down_with_offsets)
    assert len(np.unique(noise[0].mean((2, 3)).round(6))) > 1, "fresh in each frame"


def test_a_magnitude_is_rician() -> None:
    detector = Magnitude(sigma=20.0, step=0)
    amplitude = np.array([0.0, 5.0, 20.0, 60.0, 400.0]).reshape(5, 1, 1, 1)
    s = detector.expected(amplitude, detector.sensor(1, 1, rng_of("mr")))
    rice = stats.rice(amplitude / 20.0, scale=20.0)
    assert s == pytest.approx(rice.mean(), rel=1e-9) and detector.variance(s) == pytest.approx(rice.var(), rel=1e-3)


def test_the_compressed_noise_is_measured_as_other_exposures_have_it() -> None:
    row, rng = INSTRUMENTS["night"], rng_of("night")
    detector = row.detector(rng)
    light = detector.light(row.scene(rng, 8, 64, None))
    sensor = detector.sensor(64, 64, rng)
    truth = truth_of(detector, light, sensor, row.holds, rng)
    seen = exposures(detector, light, sensor, rng, EXPOSURES)
    s, half = seen.mean(0), (truth.signals[-1] - truth.signals[0]) / 32
    for signal, level in zip(truth.signals, truth.pixels, strict=True):
        there = np.abs(s - signal) <= half
        squares = ((seen - s) ** 2)[:, there].mean(1) * EXPOSURES / (EXPOSURES - 1)
        error = squares.std(ddof=1) * np.sqrt(1 / EXPOSURES + 1 / 24)  # the truth is measured by 24
        assert abs(squares.mean() - level**2) <= 3 * error + 0.02 * level**2
    blocks = np.abs(np.diff(seen[:2], axis=-2)).mean((0, 1, 2, 4))
    edge = np.arange(len(blocks)) % 8 == 7
    assert blocks[edge].mean() > 1.05 * blocks[~edge].mean(), "edges of blocks are seen"


def test_channels_share_what_is_stated() -> None:
    camera = Camera(read=10, shared=0.6)
    noise = noise_of(camera, flat(camera, 3), camera.sensor(SIDE, SIDE, rng_of("")), rng_of("luminance"))
    assert agrees((noise[..., 0] * noise[..., 2]).mean((1, 2, 3)), 0.6 * 10**2)


def test_hot_pixels_and_patterns_stay_and_impulses_do_not() -> None:
    camera = Camera(hot=0.05, hot_height=50, pattern=3, column_pattern=4, column_gains=0.02, impulses=0.01)
    sensor, n = camera.sensor(200, 200, rng_of("scmos")), 200**2
    hot = (sensor.dark > 0).sum()
    assert abs(hot - 0.05 * n) <= 3 * np.sqrt(n * 0.05)
    assert sensor.dark[sensor.dark > 0].min() >= 25 and sensor.dark.sum() / hot == pytest.approx(50, rel=0.1)
    within = sensor.offsets.std(0).mean()
    assert within == pytest.approx(3, rel=0.05) and sensor.offsets.mean(0).std() == pytest.approx(4, rel=0.2)
    assert sensor.gains.std() == pytest.approx(0.02, rel=0.2) and np.ptp(sensor.gains, 0).max() == 0
    camera = replace(camera, impulse_height=100)
    light = np.full((20, 200, 200, 1), 500.0)
    hits = (camera.expose(light, sensor, rng_of("ccd")) - camera.expected(light, sensor)) > 25
    # 1 to 4 pixels in a row, in 8 directions of 9; in the ninth they fall on one
    expected = 20 * n * 0.01 * (1 / 9 + 8 / 9 * 2.5)
    assert hits.sum() == pytest.approx(expected, rel=0.04) and hits.mean(0).max() < 0.5


def test_levels_of_frames_drift_and_alternate() -> None:
    for camera in (Camera(drift=3.0), Camera(second=2.5), Camera(drift=2.0, second=1.5)):
        levels = camera.levels_of_frames(7)
        assert np.mean(levels**2) == pytest.approx(1) and levels[-1] / levels[0] == pytest.approx(camera.drift)
        assert levels[1] / np.sqrt(levels[0] * levels[2]) == pytest.approx(camera.second)


def test_a_fading_lamp_weights_the_level_by_where_the_signal_is() -> None:
    camera = Camera(read=10, drift=4.0, lamp=0.1, step=0)
    light = camera.light(np.ones((9, 8, 8, 1)))  # each frame has a signal of its own
    truth = truth_of(camera, light, camera.sensor(8, 8, rng_of("")), INSTRUMENTS["drifting"].holds)
    assert truth.pixels == pytest.approx(10 * camera.levels_of_frames(9)[::-2], rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_files_hold_what_was_drawn(name: str, tmp_path: Path) -> None:
    drawn = draw(INSTRUMENTS[name], rng_of(name), size=(3, SIDE))
    frames = open_frames(str(write(INSTRUMENTS[name], drawn, tmp_path / "set")))
    assert len(frames) == 3 and frames.dtype == drawn.values.dtype == drawn.detector.dtype
    for number, values in enumerate(drawn.values):
        assert np.array_equal(frames.read(number).pixels, values)


def contents(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.*")):
        yield path.read_bytes()


def test_interpolated_colours_have_less_noise_where_they_were_not_measured() -> None:
    camera, flat_light = Camera(read=10.0, mosaic=1.0), np.full((400, SIDE, SIDE, 3), 100.0)
    sensor = camera.sensor(SIDE, SIDE, rng_of("mosaic"))
    assert np.allclose(camera.expected(flat_light, sensor), flat_light)
    noise = camera.expose(flat_light, sensor, rng_of("mosaic")) - flat_light
    level = (noise**2).mean(0)[2:-2, 2:-2]
    red, green = level[..., 0], level[..., 1]
    assert red[::2, ::2].mean() == pytest.approx(100, rel=0.05)
    assert red[1::2, ::2].mean() == pytest.approx(50, rel=0.05) and red[1::2, 1::2].mean() == pytest.approx(
        25, rel=0.05
    )
    assert green[::2, 1::2].mean() == pytest.approx(100, rel=0.05)
    assert green[::2, ::2].mean() == pytest.approx(25, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_repeats_its_files_and_another_has_other_parameters(name: str, tmp_path: Path) -> None:
    row = INSTRUMENTS[name]
    drawn = [draw(row, generator(seed, name, 0), size=TINY) for seed in (1, 1, 2)]
    for number, each in enumerate(drawn):
        write(row, each, tmp_path / str(number))
    first, again, other = (list(contents(tmp_path / str(number))) for number in range(3))
    assert first == again and first != other and drawn[0].truth == drawn[1].truth
    assert drawn[0].detector != drawn[2].detector and draw(row, generator(1, name, 1), size=TINY).detector not in (
        drawn[0].detector,
        drawn[2].detector,
    )


@pytest.mark.parametrize("name", NAMES)
def test_rows_say_what_can_be_said(name: str) -> None:
    holds = INSTRUMENTS[name].holds
    assert holds.models and holds.models <= MODELS.keys() | {COMPOSED, FITTED, NONE_FITS}
    assert holds.present | holds.open <= set(FINDINGS) and not holds.present & holds.open
    if NONE_FITS in holds.models:
        assert not holds.may_be_certain, "never of noise outside of the models"


def test_every_finding_is_present_somewhere_and_goes_from_absent_to_strong() -> None:
    assert set(FINDINGS) == set().union(*(row.holds.present for row in INSTRUMENTS.values()))
    swept = {finding for row in INSTRUMENTS.values() for finding in row.sweeps}
    assert swept == {*FINDINGS, "noise"}
    for row in INSTRUMENTS.values():
        assert all(len(sweep.amounts) == 5 for sweep in row.sweeps.values())
        assert row.sweeps.keys() <= row.holds.present | {"noise"}


ABSENT: dict[str, Callable[[Any, Sensor], bool]] = {
    "row offsets": lambda d, _: d.rows == 0,
    "column offsets": lambda d, s: d.columns == 0 and bool(np.ptp(s.gains) == 0 == np.ptp(s.offsets)),
    "fixed pattern": lambda d, s: bool(np.ptp(s.gains) == 0 == np.ptp(s.offsets)),
    "hot pixels": lambda d, s: not s.dark.any(),
    "impulses": lambda d, _: d.impulses == 0,
    "one-axis correlation": lambda d, _: max(map(abs, d.lag_one(SIDE))) < 1e-9,
    "shared channels": lambda d, _: d.shared == 0,
    "compression blocks": lambda d, _: d.quality == 0,
    "mosaic": lambda d, _: d.mosaic == 0,
    "drift": lambda d, _: bool(np.ptp(d.levels_of_frames(9)) == 0 and d.lamp == 1),
    "few levels": lambda d, _: d.step == 1,
    "few photons": lambda d, _: d.background / d.gain > 100,
    "repeats": lambda d, _: d.repeats == 1,
    "noise": lambda d, _: d.variance(d.light(np.full((1, 1, 1, 1), 0.5))).item() < (0.003 * d.peak) ** 2,
}


@pytest.mark.parametrize("name", [name for name, row in INSTRUMENTS.items() if row.sweeps])
def test_a_sweep_begins_where_the_finding_is_absent(name: str) -> None:
    row = INSTRUMENTS[name]
    for finding, sweep in row.sweeps.items():
        sets = [sweep.set(row.detector(rng_of(name)), amount) for amount in sweep.amounts]
        there = [ABSENT[finding](d, d.sensor(64, 64, rng_of(name))) for d in sets]
        assert there[0] and not any(there[2:]), (finding, there)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_sets_have_white_noise_of_one_level_or_none(name: str) -> None:
    row = PLAIN[name]
    detector = row.detector(rng_of(name))
    sensor = detector.sensor(SIDE, SIDE, rng_of(name))
    assert all(
        absent(detector, sensor) for finding, absent in ABSENT.items() if finding not in ("few photons", "noise")
    )
    assert ABSENT["noise"](detector, sensor) == row.holds.little_noise and detector.slope == 0
    assert draw(row, rng_of(name), size=TINY).values.shape[:3] == (4, SIDE, SIDE)


@pytest.mark.parametrize("name", [name for name, row in INSTRUMENTS.items() if row.sweeps])
def test_a_sweep_changes_what_is_written(name: str) -> None:
    row = INSTRUMENTS[name]
    for sweep in row.sweeps.values():
        changed = [sweep.set(row.detector(rng_of(name)), amount) for amount in sweep.amounts]
        assert len({getattr(detector, sweep.parameter) for detector in changed}) == len(sweep.amounts)
        ends = [partial(sweep.set, amount=amount) for amount in (sweep.amounts[0], sweep.amounts[-1])]
        absent, strong = (draw(row, rng_of(name), None, change, (6, 64)).values for change in ends)
        assert (absent != strong).any(), sweep.parameter


def test_frames_that_repeat_hold_one_scene() -> None:
    drawn = draw(INSTRUMENTS["time lapse"], rng_of("time lapse"), size=(6, 64))
    values = drawn.values.astype(float)
    change = np.diff(values, axis=0).std() / np.sqrt(2)
    assert drawn.truth.level[0] < change < drawn.truth.level[-1] < values.std()
    others = draw(INSTRUMENTS["scmos"], rng_of("scmos"), size=(6, 64)).values.astype(float)
    assert np.diff(others, axis=0).std() > others.std(), "and others do not"


def truth(**changed: Any) -> Truth:
    """Of a made-up instrument: counts of slope 2, rows."""
    values: dict[str, Any] = {
        "signals": (100.0, 200.0, 300.0, 400.0, 500.0),
        "pixels": (10.0, 20.0, 30.0, 40.0, 50.0),
        "level": (12.0, 22.0, 32.0, 42.0, 52.0),
        "slope": 2.0,
        "across": 0.0,
        "down": 0.0,
        "across_with_offsets": 0.5,
        "down_with_offsets": 0.0,
        "present": frozenset({"row offsets"}),
        "absent": frozenset({"drift"}),
        "models": frozenset({COMPOSED}),
        "may_be_certain": True,
        "little_noise": False,
    }
    return Truth(**values | changed)


SAID = Told(
    model=COMPOSED,
    certain=True,
    little_noise=False,
    span=510.0,
    level=30.0,
    values=(100.0, 200.0, 300.0, 400.0),
    levels=(10.4, 20.0, 30.0, 40.0),
    slope=2.1,
    across=0.05,
    down=0.0,
    findings={"row offsets": True, "drift": False},
)


def test_the_curve_is_straight_in_variance_as_that_of_counts() -> None:
    counts = replace(SAID, values=(100.0, 200.0, 400.0), levels=(10.0, 200**0.5, 20.0))
    for signal in (80.0, 100.0, 170.0, 380.0, 400.0, 430.0):
        assert counts.level_at(signal) == pytest.approx(signal**0.5)
    untold = [counts.level_at(signal) for signal in (60.0, 300.0, 440.0)]
    assert untold == [None, None, None], "farther than a bin, 510/16, from all that is told"
    one = replace(SAID, values=(100.0,), levels=(10.0,))
    assert one.level_at(120.0) == 10 and replace(SAID, values=(), levels=()).level_at(100.0) is None


def test_what_is_right_is_judged_right() -> None:
    found = judge(SAID, truth())
    assert found.verdict == "right" and found.levels == pytest.approx((0.04, 0, 0, 0, None))
    with_offsets = replace(SAID, levels=(12.0, 22.0, 32.0, 42.0), across=0.5)
    assert judge(with_offsets, truth()).right, "all noise is fair to tell too"
    assert judge(replace(SAID, slope=None, values=(), levels=(), findings={}), truth()).right, "untold is not wrong"


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"model": "sinrgan1"}, {}, "model sinrgan1"),
    ({"levels": (10.0, 20.0, 30.0, 45.0)}, {}, "level +12%"),
    ({"levels": (10.0, 22.0, 30.0, 42.0)}, {}, "level +10%"),
    ({"slope": 2.3}, {}, "slope +15%"),
    ({"across": 0.3}, {}, "correlation -0.20"),
    ({"findings": {"row offsets": False}}, {}, "missed row offsets"),
    ({"findings": {"drift": True}}, {}, "false drift"),
    ({"little_noise": True}, {}, "little noise"),
    ({}, {"little_noise": True}, "noise where there is none"),
    ({}, {"may_be_certain": False}, "certain of what is outside of the models"),
    ({"slope": 2.0}, {"slope": 0.0}, "slope where there is none"),
]


@pytest.mark.parametrize(("said", "true", "words"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_wrong_is_judged_wrong(said: dict[str, Any], true: dict[str, Any], words: str) -> None:
    found = judge(replace(SAID, **said), truth(**true))
    assert found.wrong == (words,) and found.verdict == "wrong and certain"
    if true.get("may_be_certain", True):
        assert judge(replace(SAID, **said, certain=False), truth(**true)).verdict == "not right, not certain"


ADVICE = [
    ({"model": "sdnrgan2"}, "sdnrgan2"),
    ({"model": "ambientgan"}, FITTED),
    ({"model": "learned"}, COMPOSED),
    ({"model": None}, NONE_FITS),
    ({"model": "sdnrgan3", "published": "sdnrgan3", "chosen": "composed"}, COMPOSED),
    ({"model": "learned", "published": "sdnrgan3", "chosen": "published"}, "sdnrgan3"),
    ({"model": "sdnrgan3", "chosen": "none fits"}, NONE_FITS),
]


@pytest.mark.parametrize(("advice", "name"), ADVICE)
def test_recommendations_of_every_kind_are_named(advice: dict[str, Any], name: str) -> None:
    assert recommended(SimpleNamespace(**advice)) == name


def test_what_is_told_in_the_values_of_the_files_is_taken_from_there(tmp_path: Path) -> None:
    row = INSTRUMENTS["luminance"]
    drawn = draw(row, rng_of("luminance"), size=(60, SIDE))
    done = diagnose(write(row, drawn, tmp_path / "set"))
    plain = told(done)
    # of so few images no level at a signal is told, but the level over all of them
    assert plain.level == pytest.approx(drawn.truth.level[2], rel=0.15)
    native = SimpleNamespace(value=[1.0, 50.0, None], level=[2.0, None, 3.0], error=[], gain=[None, 4.0], gain_error=[])
    finding = SimpleNamespace(name="drift", seen=True, strength=2.0, error=None)
    newer = {**vars(done.diagnosis), "native": native, "findings": (finding,)}
    for name in ("certain", "relation"):
        newer[name] = getattr(done.diagnosis, name)
    said = told(SimpleNamespace(diagnosis=SimpleNamespace(**newer), advice=done.advice, choice=done.choice))  # type: ignore[arg-type]
    assert (said.values, said.levels, said.slope) == ((1.0,), (2.0,), 4.0)
    assert said.findings == {"drift": True, "repeats": False} and said.level_at(60.0) is None


def test_the_command_draws_diagnoses_and_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"frames": (60, 60), "sides": (SIDE,)}
    sweeps = {"one-axis correlation": Sweep("across", (0, 0.5))}
    monkeypatch.setitem(INSTRUMENTS, "confocal", replace(INSTRUMENTS["confocal"], sweeps=sweeps, **small))
    for name in list(PLAIN)[:3]:
        monkeypatch.setitem(PLAIN, name, replace(PLAIN[name], **small))
    files = ("--json", str(tmp_path / "found.json"), "--markdown", str(tmp_path / "found.md"))
    words = ("--draws", "1", "--seed", "7", "--only", "confocal", "--strengths", "--false-alarms", "3")
    monkeypatch.setattr(sys, "argv", ["instruments.py", *words, *files, "--folder", str(tmp_path / "sets")])
    run: Callable[[], None] = import_module("instruments").main
    run()
    document = json.loads((tmp_path / "found.json").read_text())
    (row,) = document["draws"]
    assert document["seed"] == 7 and row["truth"]["slope"] == pytest.approx(row["parameters"]["gain"])
    assert row["truth"]["level of 255"][0] == pytest.approx(255 * row["truth"]["level"][0] / row["told"]["span"])
    assert row["verdict"] in instruments._VERDICTS and [r["amount"] for r in document["strengths"]] == [0, 0.5]
    assert [row["set"] for row in document["false alarms"]] == [0, 1, 2]
    assert (tmp_path / "sets" / "seed-7" / "confocal-0" / "stack.tif").is_file()
    page = (tmp_path / "found.md").read_text()
    assert "Seed 7." in page and "of 1 draws" in page and "false alarm of" in page
    kept = instruments._with_kept([{"set": 3}], 7, tmp_path / "found.json")
    assert kept == [*document["false alarms"], {"set": 3}]
    assert instruments._with_kept([{"set": 3}], 8, tmp_path / "found.json") == [{"set": 3}]


def test_stored_values_stay_within_their_type() -> None:
    camera = Camera(dtype="uint8", step=16)
    values = stored(np.array([-5.0, 7.0, 9.0, 250.0, 400.0]).reshape(1, 1, 5, 1), camera)
    assert values.dtype == np.uint8 and values.ravel().tolist() == [0, 0, 16, 255, 255]
