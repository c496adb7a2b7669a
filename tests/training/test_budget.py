"""A time instead of options: what is chosen for it, that it is recorded and repeats, and that the clock ends a run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import gaussian_filter

from conftest import TINY, nrgan
from nrgan import TrainConfig, UserError, train
from nrgan.data import Shapes
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.features import extract, load_features
from nrgan.evaluation.metrics import FID, Moments, frechet_distance
from nrgan.evaluation.protocol import Protocol, Resources
from nrgan.evaluation.selection import read_chosen
from nrgan.layout import is_snapshot, snapshot_folder
from nrgan.networks import ResNet
from nrgan.runs import TrainedModel, read_config
from nrgan.runs.records import read_records
from nrgan.training import budget, timed_plan
from nrgan.training.budget import (
    CHOSEN,
    LADDER,
    Budget,
    Pace,
    Rung,
    Situation,
    choose,
)
from nrgan.training.config import DEFAULTS, GIVEN
from nrgan.training.deadline import RESERVED, Deadline
from nrgan.training.duration import seconds_in_a_row
from nrgan.training.plan import Objects, Plan
from nrgan.training.prepare import open_plan, prepare
from nrgan.training.rates import SHARP, decay_of, gain_of, sharpness, step_of
from nrgan.training.recorded import as_recorded
from nrgan.training.state import new_state
from nrgan.training.timed_plan import with_fitting_network
from nrgan.training.train import Training
from plans import plan_of
from test_run import assert_same_run

CPU = torch.device("cpu")
FEATURES = {"random_convolutions": (2e-4, 416), "small_convolutions": (2e-5, 48), "inception": (0.05, 2048)}


def config(minutes: float | None, **changed: object) -> TrainConfig:
    values = {"setting": "shapes-ag25", "model": "sinrgan1", "out": Path("out"), "minutes": minutes}
    return TrainConfig(**(values | changed))


class Machine:
    """So fast that a batch of 32 at width 32 takes `unit` seconds; it counts what it is asked for."""

    def __init__(self, unit: float) -> None:
        self.unit, self.asked = unit, set[tuple[int, int]]()

    def pace(self, width: int, batch: int) -> Pace:
        self.asked.add((width, batch))
        return Pace(self.unit * (width / 32) ** 1.5 * batch / 32, self.unit / 200, self.unit)

    def choose(self, config: TrainConfig, images: int = 50_000, spent: float = 0.0) -> Budget:
        return choose(config, Situation(images, spent, self.pace, FEATURES.__getitem__))


def test_the_discriminator_sees_the_contrast_of_photographs() -> None:
    assert [gain_of(contrast) for contrast in (0.8, 0.5, 0.25, 0.1, 0.001, 0.0)] == [1, 1, 2, 5, 32, 32]
    options = choose(config(20), Situation(50_000, 0, Machine(0.1).pace, FEATURES.__getitem__, -0.813, 0.2)).options
    assert options["discriminator_centre"] == -0.81 and options["discriminator_gain"] == 2.5


@pytest.mark.parametrize("unit", [0.4, 0.1, 0.01])
def test_more_time_goes_up_the_ladder_and_is_used(unit: float) -> None:
    before = (0, 0)
    for minutes in (4, 8, 20, 60, 180, 600, 2000):
        machine = Machine(unit)
        found = machine.choose(config(minutes), spent=5)
        options = found.options
        rung = next(r for r in LADDER if (r.width, r.batch) == (options["channels"], options["batch_size"]))
        assert (rung.width, rung.batch) >= before and options["iterations"] >= rung.fewest * 0.95
        before = (rung.width, rung.batch)
        used = found.seconds / (60 * minutes)
        assert 0.92 < used <= budget.PLANNED + 0.001 or options["iterations"] > 0.95 * budget.MOST
        above = LADDER[: LADDER.index(rung) + 2]
        assert machine.asked <= {(r.width, r.batch) for r in (*above, *LADDER[:4])}, "few are measured"
        assert options.keys() == set(CHOSEN)
    assert before[0] >= 64


def test_what_is_known_to_be_good() -> None:
    """The kept runs on CIFAR-10 (width 32, 8,000 iterations), the demo's, and the published ones."""
    assert (step_of(8000, 32), decay_of(8000)) == (1e-3, 0.995)
    assert (step_of(1600, 32), decay_of(2400)) == (2e-3, pytest.approx(0.99, abs=0.01))
    assert (step_of(200_000, 128), decay_of(200_000)) == (2e-4, 0.999)
    assert 2e-4 < step_of(40_000, 64) < 6e-4 and decay_of(300) == 0.9
    assert LADDER[-1].width == DEFAULTS["channels"] and LADDER[-1].batch == DEFAULTS["batch_size"]
    fewest = [rung.fewest for rung in LADDER]
    assert fewest == sorted(fewest) and all(rung.fewest >= 4000 for rung in LADDER if rung.width > 32)


def scenes(blur: float, noise: float, count: int = 60, side: int = 32) -> npt.NDArray[np.float64]:
    """Without a scale, of power 1/f², then blurred; contrast 1, and white noise."""
    rng = np.random.default_rng(5)
    f = np.hypot(np.fft.fftfreq(4 * side)[:, None], np.fft.rfftfreq(4 * side))
    f[0, 0] = np.inf
    drawn = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((count, 1, 4 * side, 4 * side))) / f)
    drawn = gaussian_filter(drawn / drawn.std(), blur, axes=(2, 3))[..., :side, :side]
    return drawn + noise * rng.standard_normal(drawn.shape)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_sharpness_is_that_of_the_scene_and_not_of_the_noise(noise: float) -> None:
    assert sharpness(scenes(0, noise)) == pytest.approx(0.25, abs=0.05)
    found = [sharpness(scenes(blur, noise)) for blur in (0.0, 0.5, 1.3, 2.0)]
    assert found == sorted(found, reverse=True) and found[1] > SHARP > found[2]
    assert sharpness(np.random.default_rng(0).standard_normal((60, 1, 32, 32))) == math.inf, "nothing to go by"


def planned(images: npt.NDArray[Any], folder: Path, objects: Objects | None = None, **changed: object) -> Plan:
    """As it is before the minutes are planned."""
    np.save(folder / "images.npy", np.rint(100 + 20 * images[:, 0]).clip(0, 255).astype(np.uint8))
    asked = timed(folder / "images.npy", folder / "run", **changed)
    return with_fitting_network(asked, *open_plan(asked, objects))


def test_what_is_blurred_is_drawn_without_squares(tmp_path: Path) -> None:
    """Sharp images, named settings and what is given keep their networks; a run keeps those that it began with."""
    blurred, sharp = (planned(scenes(blur, 0.5), tmp_path) for blur in (1.3, 0))
    assert (blurred.config.network.network, sharp.config.network.network) == ("resnet-bilinear", "resnet")
    assert type(blurred.family) is not type(sharp.family)
    assert planned(scenes(1.3, 0.5), tmp_path, Objects(network=ResNet())).config.network.network == GIVEN
    assert planned(scenes(1.3, 0.5), tmp_path, network="resnet").config.network.network == "resnet"
    named, images = open_plan(config(20))
    assert with_fitting_network(config(20), named, images) is named
    asked = timed(tmp_path / "images.npy", tmp_path / "run")
    assert as_recorded(asked.replaced(minutes=None), blurred.config.flat()).network.network == "resnet"
    assert as_recorded(asked, blurred.config.flat()).network.network == "resnet-bilinear"
    assert as_recorded(asked, sharp.config.flat()).network.network == "resnet"


def test_what_is_given_stays() -> None:
    given = {"channels": 40, "batch_size": 24, "ema_decay": 0.5, "snapshot_interval": 7, "evaluate_samples": 600}
    asked = config(20, **given)
    found = Machine(0.1).choose(asked)
    assert found.options.keys() == set(CHOSEN) - given.keys()
    flat = asked.replaced(**found.options).flat()
    assert {name: flat[name] for name in given} == given
    assert Machine(0.1).choose(config(20, iterations=777)).options.keys() == set(CHOSEN) - {"iterations"}
    plenty = Machine(0.01).choose(config(20, iterations=777)).options
    assert plenty["channels"] > 64 and plenty["snapshot_interval"] == 777 // 8, "as wide as they fit"
    assert "evaluate_features" not in Machine(0.1).choose(config(200, evaluate_features="inception")).options


@pytest.mark.parametrize(
    ("images", "features"),
    [(5, None), (199, None), (200, "small_convolutions"), (999, "small_convolutions"), (1000, "random_convolutions")],
)
def test_how_snapshots_are_chosen_goes_by_the_number_of_images(images: int, features: str | None) -> None:
    asked = config(20)
    found = Machine(0.1).choose(asked, images)
    options, applied = found.options, asked.replaced(**found.options, image_size=32)
    assert options["batch_size"] <= images
    if features is None:
        assert options["evaluate_every"] == 0
        assert f"the last one counts ({images} images are too few to choose by)" in found.sentence(applied)
    else:
        assert options["evaluate_features"] == features and options["iterations"] == 8 * options["evaluate_every"]
        assert options["evaluate_samples"] >= FID.fewest(FEATURES[features][1])
        said = f"8 snapshots; the best is chosen by observed FID in {options['evaluate_samples']:,} samples"
        assert said in found.sentence(applied)


def test_evaluations_take_a_tenth_of_the_time_at_most() -> None:
    slow = {name: (seconds * 100, size) for name, (seconds, size) in FEATURES.items()}
    machine = Machine(0.1)
    found = choose(config(4), Situation(50_000, 0, machine.pace, slow.__getitem__))
    assert found.options["evaluate_every"] == 0 and found.why_last == "there is no time to evaluate them"
    found = choose(config(60), Situation(50_000, 0, machine.pace, slow.__getitem__))
    assert found.options["evaluate_features"] == "small_convolutions", "the quicker ones, where the others are too slow"


def test_too_little_says_the_least() -> None:
    machine = Machine(0.4)
    with pytest.raises(UserError, match=r"^minutes 0\.2: is too little for 300 iterations") as refused:
        machine.choose(config(0.2), spent=6)
    (least,) = re.findall(r"; ([\d.]+) minutes are the least", str(refused.value))
    assert machine.choose(config(float(least)), spent=6).options["iterations"] >= 0.9 * budget.FEWEST
    with pytest.raises(UserError, match=r"^minutes 0\.0: "):
        config(0.0)


def test_seconds_in_a_row_are_those_of_training(tiny: dict[str, object]) -> None:
    plan = plan_of(**(tiny | {"log_interval": 3, "iterations": 2}))
    before = torch.get_rng_state()
    state = new_state(plan, CPU)
    assert 0 < seconds_in_a_row(state, plan, 0.05) < 1
    assert state.iteration > plan.config.schedule.iterations and torch.equal(torch.get_rng_state(), before)


COUNT = 24


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ladder of tiny networks, and a machine that is said to be so slow that an hour is a few iterations.

    An hour, so that no real clock ends them, however slow the tests' machine is.
    """
    monkeypatch.setattr(budget, "LADDER", (Rung(4, 4, 6), Rung(5, 4, 10), Rung(6, 8, 100)))
    monkeypatch.setattr(budget, "_BEGIN", 1)
    monkeypatch.setattr(budget, "FEWEST", 6)
    monkeypatch.setattr(budget, "_SAMPLES", (200,))
    monkeypatch.setattr(timed_plan, "_pace", lambda *_: Pace(150.0, 6e-3, 3.0))


def own_images(path: Path, count: int = COUNT) -> Path:
    scenes = Shapes(image_size=16, count=count).images() + np.random.RandomState(0).randn(count, 16, 16, 3) * 20
    np.save(path.with_suffix(".npy"), np.clip(np.rint(scenes), 0, 255).astype(np.uint8))
    return path.with_suffix(".npy")


def timed(images: Path, out: Path, **changed: object) -> TrainConfig:
    options = {"minutes": 60.0, "latent_size": 4, "threads": 1, "device": "cpu", "data_root": None}
    return TrainConfig(**({"setting": str(images), "model": "sinrgan1", "out": out} | options | changed))


def trained(config: TrainConfig, **options: Any) -> int:
    """The last iteration."""
    (*_, last) = train(config, **options)
    return last.iteration


@pytest.mark.usefixtures("quick")
def test_the_plan_is_recorded_and_repeats_the_run_without_the_clock(tmp_path: Path) -> None:
    images = own_images(tmp_path / "images")
    assert trained(timed(images, tmp_path / "timed")) == 16
    recorded = read_config(tmp_path / "timed")
    assert recorded["minutes"] == 60 and recorded["channels"] == 5 and recorded["iterations"] == 16
    assert recorded["network"] == "resnet"
    assert recorded["evaluate_every"] == 0 and not (tmp_path / "timed" / "best").exists()
    again = TrainConfig(**(recorded | {"minutes": None, "out": tmp_path / "again"}))
    assert again.identity() == TrainConfig(**recorded).identity()
    words = [word for word in again.command_line() if word != str(tmp_path / "again")]
    assert "--minutes" not in words and nrgan("train", *words[:2], tmp_path / "again", *words[2:]).returncode == 0
    assert_same_run(tmp_path / "timed", tmp_path / "again")


def stopping_after(calls: int) -> Callable[[], float]:
    """A clock that stands still for so many looks, then is at the end of an hour."""
    looks: Iterator[int] = iter(range(10**6))
    return lambda: 0.0 if next(looks) < calls else 3599.0


@pytest.mark.usefixtures("quick")
def test_the_clock_ends_a_run_which_then_is_whole_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = own_images(tmp_path / "images", count=220)
    cut = timed(images, tmp_path / "cut")
    training = Training(prepare(cut, Objects(), clock=stopping_after(8)))
    (*_, last) = training.run()
    assert 0 < last.iteration < last.iterations == 16
    assert is_snapshot(snapshot_folder(cut.out, last.iteration)) and training.newest_picture.exists()
    records = read_records(cut.out)
    assert records[-1].iteration == last.iteration and records[-1].features == "small_convolutions"
    assert (chosen := read_chosen(cut.out)) is not None and chosen.record.samples == training.config.evaluation.samples

    def never(*_: object) -> None:
        raise AssertionError("it is measured once")

    monkeypatch.setattr("nrgan.training.prepare.timed_plan", never)
    assert trained(cut, resume=True) == 16
    whole = TrainConfig(**(read_config(cut.out) | {"minutes": None, "out": tmp_path / "whole"}))
    trained(whole)
    assert_same_run(cut.out, tmp_path / "whole")
    with pytest.raises(UserError, match=r"channels is 5 there and 7 here"):
        train(timed(images, cut.out, channels=7), resume=True)


def test_the_clock_of_a_run_that_goes_on_has_its_share() -> None:
    asked = config(10, iterations=100)
    deadline = Deadline.of(asked, 75, 1000.0, lambda: 1148.0)
    assert deadline is not None and deadline.at == pytest.approx(1000 + 150 * (1 - RESERVED))
    assert deadline.passed() and Deadline.of(config(None), 0, 0.0, lambda: 0.0) is None


@pytest.mark.usefixtures("quick")
def test_a_dry_run_and_the_run_choose_the_same_networks(tmp_path: Path) -> None:
    images, out = tmp_path / "images.npy", tmp_path / "run"
    np.save(images, np.rint(100 + 20 * scenes(1.3, 0.5, side=16)[:, 0]).clip(0, 255).astype(np.uint8))
    words = ("train", images, "sinrgan1", out, "--minutes", 60, "--latent-size", 4, "--device", "cpu", "--threads", 1)
    done = nrgan(*words, "--dry-run")
    assert done.returncode == 0 and json.loads(done.stdout)["network"] == "resnet-bilinear", done.stderr
    assert "60 minutes: resnet-bilinear, width" in done.stderr and not out.exists()
    assert nrgan(*words).returncode == 0 and read_config(out)["network"] == "resnet-bilinear"
    assert TrainedModel.load(out).about.network == "resnet-bilinear"


@pytest.mark.usefixtures("quick")
def test_a_dry_run_says_what_the_minutes_would_do(tmp_path: Path) -> None:
    images, out = own_images(tmp_path / "images", count=190), tmp_path / "run"
    words = ("train", images, "auto", out, "--minutes", 60, "--latent-size", 4, "--device", "cpu", "--threads", 1)
    done = nrgan(*words, "--dry-run")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["minutes"], shown["channels"], shown["iterations"], shown["model"] != "auto") == (60, 5, 16, True)
    said = "60 minutes: resnet, width 5, batch 4, 16x16 pixels, 16 iterations, step 0.002 falling "
    said += "to 0, average 0.9, gain "
    assert said in done.stderr and "; 8 snapshots, of which the last one counts" in done.stderr
    assert "expected to take about" in done.stderr and not out.exists()
    done = nrgan(*words)
    assert done.returncode == 0 and said in done.stdout and "done: 16 iterations" in done.stdout, done.stderr


@pytest.mark.usefixtures("quick")
def test_the_side_of_tiles_follows_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 255, (3, 300, 300), np.uint8))
    asked = timed(tmp_path / "images.npy", tmp_path / "run")

    def side(config: TrainConfig, seconds: float) -> int:
        monkeypatch.setattr(timed_plan, "_pace", lambda *_: Pace(seconds, 6e-3, 3.0))
        plan, data = open_plan(config)
        plan, data = timed_plan.fitting(config, plan, data, CPU, torch.float32)
        assert plan.config.data.image_size == plan.image.size == data.image_size
        return data.image_size

    enough = 0.97 * 3600 / timed_plan.TILES.fewest
    assert [side(asked, seconds) for seconds in (0.9 * enough, 1.1 * enough)] == [64, 32]
    assert side(timed(tmp_path / "images.npy", tmp_path / "run", image_size=64), 1000) == 64
    assert side(asked.replaced(minutes=None), 1000) == 64
    monkeypatch.setattr(timed_plan, "_pace", lambda *_: Pace(150.0, 6e-3, 3.0))
    assert trained(asked) == 16 and read_config(asked.out)["image_size"] == 32
    done = nrgan("train", tmp_path / "images.npy", "sinrgan1", asked.out, "--minutes", 60, "--resume", "--dry-run")
    assert done.returncode == 0 and json.loads(done.stdout)["image_size"] == 32, done.stderr
    assert list(train(asked, resume=True)) == []


def test_a_long_run_on_own_images_is_told_of_a_shorter_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = own_images(tmp_path / "images")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    for seconds, said in ((1000.0, False), (2000.0, True)):
        monkeypatch.setattr("nrgan.training.duration.seconds_per_iteration", lambda *_, seconds=seconds: seconds)
        done = nrgan("train", images, "gan", tmp_path / str(seconds), *options)
        assert done.returncode == 0 and ("for a shorter run: --minutes 20" in done.stdout) == said, done.stderr


def test_too_few_minutes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    images = own_images(tmp_path / "images")
    done = nrgan("train", images, "sinrgan1", tmp_path / "run", "--minutes", "0.01", "--device", "cpu")
    assert done.returncode == 2 and done.stderr.startswith("error: --minutes 0.01: is too little"), done.stderr
    assert "minutes are the least that makes sense here" in done.stderr and not (tmp_path / "run").exists()


def with_noise(images: npt.NDArray[np.uint8], level: float) -> npt.NDArray[np.uint8]:
    noise = np.random.RandomState(0).randn(*images.shape) * level
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("name", ["random_convolutions", "small_convolutions"])
def test_built_in_features_see_any_channels(name: str, channels: int) -> None:
    """They tell 200 images from as many with a little noise in one channel alone, whichever it is."""
    scenes = np.concatenate([Shapes(image_size=16, count=400).images()] * 2, axis=3)[..., :channels]
    extractor = load_features(name, 16, channels=channels)
    assert extractor.digest == ("version 1" if channels in (1, 3) else f"version 1, {channels} channels")
    plain = extract(extractor, scenes[:20], 20, CPU)[0]
    for channel in range(channels):
        noisy = scenes[:20].copy()
        noisy[..., channel] = with_noise(noisy[..., channel], 20)
        assert np.abs(extract(extractor, noisy, 20, CPU)[0] - plain).max() > 0.01
    assert extractor.num_features == plain.shape[1] == FEATURES[name][1]


@pytest.mark.parametrize("size", [16, 32])
def test_small_features_order_noise_with_200_images(size: int) -> None:
    features = load_features("small_convolutions", size)
    images = Shapes(image_size=size, count=400).images()
    real = Moments.of(extract(features, images[:200], 200, CPU)[0])
    found = [
        frechet_distance(real, Moments.of(extract(features, with_noise(images[200:], level), 200, CPU)[0]))
        for level in (0, 5, 10, 25, 50)
    ]
    assert found == sorted(found) and found[1] > 1.3 * found[0]


def test_images_of_five_channels_are_evaluated(tmp_path: Path) -> None:
    stack = np.concatenate([Shapes(image_size=16, count=210).images()] * 2, axis=3)[..., :5]
    np.save(tmp_path / "five.npy", stack)
    asked = timed(tmp_path / "five.npy", tmp_path / "run", minutes=None, image_size=16, channels=4, batch_size=4)
    asked = asked.replaced(iterations=2, evaluate_every=2, evaluate_samples=100, evaluate_features="small_convolutions")
    trained(asked)
    (record,) = read_records(tmp_path / "run")
    assert record.features == "small_convolutions" and record.features_sha256 == "version 1, 5 channels"
    model = TrainedModel.load(tmp_path / "run")
    protocol = Protocol(("fid",), 100, "observed", "small_convolutions")
    evaluator = Evaluator(protocol, model.about, 16, Resources(processes=2), channels=model.image_channels)
    assert evaluator.records(model)[0].results == pytest.approx(record.results)
