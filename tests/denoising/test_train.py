"""Training a denoiser: it learns, goes on to the same bits, and says what it cannot do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import ndimage

from nrgan.corruptions import Fitted
from nrgan.denoising.choosing import words_of_gap
from nrgan.denoising.config import DenoiserConfig
from nrgan.denoising.denoiser import Denoiser, is_denoiser
from nrgan.denoising.generated import GeneratedPairs
from nrgan.denoising.material import NoLaw, open_material
from nrgan.denoising.plan import batch_for, sizes_for
from nrgan.denoising.train import PICTURE, metadata, prepare, run, train_denoiser
from nrgan.errors import UserError
from nrgan.frames import ValueRange
from nrgan.layout import CHECKPOINT, SAMPLES, WEIGHTS, find_snapshot
from nrgan.noise_file import MeasuredNoise
from nrgan.runs import TrainedModel

LAW = Fitted(level=(25.0,))
RANGE = ValueRange.of(0, 255, "uint8")
TOLD = MeasuredNoise(LAW, RANGE).text()


def drawn(count: int = 60, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Clean and noisy, (N, H, W, 1), 0..255."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((count, side, side, 1)), (0, 3, 3, 0))
    clean = 128 + 30 * smooth / smooth.std()
    return clean, np.rint(clean + 25 * rng.standard_normal(clean.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    np.save(tmp_path / "noisy.npy", drawn()[1])
    return tmp_path / "noisy.npy"


def small(images: Path, out: Path, **options: Any) -> DenoiserConfig:
    return DenoiserConfig(
        **{
            "images": str(images),
            "out": out,
            "noise": TOLD,
            "iterations": 12,
            "minutes": None,
            "width": 4,
            "batch_size": 8,
            "log_interval": 4,
            "checkpoint_minutes": 0.0,
            "threads": 1,
            "device": "cpu",
            "precision": "float32",
            **options,
        }
    )


def done(config: DenoiserConfig, **how: bool) -> Denoiser:
    for _ in train_denoiser(config, **how):
        pass
    return Denoiser.load(config.out)


def test_it_learns_what_noise_is(images: Path, tmp_path: Path) -> None:
    f = done(small(images, tmp_path / "d", iterations=150, width=8, batch_size=16, log_interval=50))
    clean, noisy = (torch.from_numpy(a / 255).float().permute(0, 3, 1, 2) for a in drawn())
    errors = [float(((found - clean) ** 2).mean()) for found in (noisy, f(noisy))]
    assert errors[1] < 0.35 * errors[0]
    assert f.about.law == LAW and f.about.rule == "recorrupted" and f.about.certain
    assert f.about.images == "noisy.npy" and f.about.value_range == RANGE
    assert f.about.chosen["chosen"] == "learned" and f.about.chosen["best"] == "learned"
    assert (tmp_path / "d" / SAMPLES / PICTURE).is_file() and is_denoiser(tmp_path / "d")


@pytest.mark.parametrize("uncertainty", [False, True])
def test_a_training_that_stopped_goes_on_to_the_same_bits(images: Path, tmp_path: Path, uncertainty: bool) -> None:
    done(small(images, tmp_path / "whole", uncertainty=uncertainty))
    steps = train_denoiser(small(images, tmp_path / "parts", uncertainty=uncertainty))
    assert [next(steps).iteration for _ in range(7)][-1] == 7
    steps.close()
    done(small(images, tmp_path / "parts", uncertainty=uncertainty), resume=True)
    one, two = (load_file(tmp_path / name / CHECKPOINT) for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    for name in one:
        assert torch.equal(one[name], two[name]), name
    lines = [(tmp_path / name / "metrics.jsonl").read_text().count("\n") for name in ("whole", "parts")]
    assert lines == [3, 3]


def test_what_goes_on_needs_no_diagnosis_and_keeps_its_plan(images: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("nrgan.denoising.plan._seconds_of_step", lambda *arguments: 0.1)
    config = small(images, tmp_path / "d", iterations=None, width=None, batch_size=None, minutes=20.0)
    steps = train_denoiser(config)
    next(steps)
    steps.close()
    monkeypatch.setattr("nrgan.denoising.train.plan_for", None)
    monkeypatch.setattr("nrgan.denoising.material.diagnosed", None)
    goes_on = prepare(config, resume=True)
    assert goes_on.plan.iterations >= 100 and goes_on.state.iteration == 1
    goes_on.recorder.close()


def test_the_clock_ends_it(images: Path, tmp_path: Path, monkeypatch: Any) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.01
        return now

    prepared = prepare(small(images, tmp_path / "d", iterations=1000, minutes=1.0))
    monkeypatch.setattr("nrgan.denoising.train.time.monotonic", clock)
    prepared.deadline = 0.2
    reached = [shown.iteration for shown in run(prepared)]
    assert 1 < reached[-1] < 50
    assert Denoiser.load(tmp_path / "d").about.iteration == reached[-1]


def test_images_that_are_held_out_are_never_seen(images: Path, tmp_path: Path) -> None:
    material = open_material(small(images, tmp_path / "d"))
    assert list(material.held_out) == [57, 58, 59] and len(material.trained_on) == 57
    np.save(tmp_path / "few.npy", drawn(10)[1])
    few = open_material(small(tmp_path / "few.npy", tmp_path / "d"))
    assert not len(few.held_out) and len(few.trained_on) == 10


def test_the_expected_error_is_told_where_it_can_be(images: Path, tmp_path: Path) -> None:
    f = done(small(images, tmp_path / "d", uncertainty=True))
    y = torch.rand(2, 1, 40, 36)
    assert f.error_network is not None and f.error_network(y, f(y)).shape == y.shape
    errors, why = f.expected_error()
    assert why is None and errors is not None and errors(y).shape == y.shape
    assert "without <uncertainty>" in str(done(small(images, tmp_path / "without")).expected_error()[1])
    heavy = MeasuredNoise(Fitted(level=(25.0,), impulses=0.1), RANGE).text()
    untold = done(small(images, tmp_path / "untold", uncertainty=True, noise=heavy))
    assert untold.error_network is None and "far from Gaussian" in str(untold.expected_error()[1])


def test_the_network_fits_the_images() -> None:
    for side in range(16, 136, 8):
        assert sizes_for(side, 1, 16).radius <= side // 2, side
    found = [sizes_for(side, 3, 32) for side in (16, 32, 64, 96)]
    assert [(sizes.stages, sizes.blocks, sizes.radius) for sizes in found] == [
        (1, 2, 6),
        (2, 1, 11),
        (2, 2, 19),
        (3, 2, 45),
    ]
    assert [batch_for(side, 10_000) for side in (16, 32, 96, 256)] == [64, 16, 2, 2] and batch_for(32, 5) == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "nonsense"}, "unknown method"),
        ({"method": "gn2gc"}, "a run's generator"),
        ({"method": "n2c"}, "needs clean images"),
        ({"rule": "thinned"}, "recorrupted is"),
        ({"rule": "nonsense"}, "unknown rule"),
        ({"batch_size": 1000}, "take fewer"),
        ({"iterations": None, "width": None, "minutes": 1e-4}, "give more"),
        ({"noise": "nowhere.json"}, "cannot be read as a noise file"),
        ({"width": 0}, "width"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_written(
    images: Path, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        prepare(small(images, tmp_path / "d", **options))
    assert not (tmp_path / "d").exists()


def test_noise_without_a_law_asks_for_a_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noisy = drawn()[0]
    noisy[:, 8:20, 8:20] += 60 * rng.standard_normal((60, 12, 12, 1))  # in a part of each image only
    np.save(tmp_path / "noisy.npy", noisy.clip(0, 255).astype(np.uint8))
    with pytest.raises(NoLaw, match="train-denoiser RUN"):
        prepare(small(tmp_path / "noisy.npy", tmp_path / "d", noise=None))


def test_a_generators_run_is_no_denoiser(images: Path, tmp_path: Path) -> None:
    f = done(small(images, tmp_path / "d"))
    folder = find_snapshot(tmp_path / "d")
    with pytest.raises(UserError, match="holds a run already"):
        prepare(small(images, tmp_path / "d"))
    with pytest.raises(UserError, match="width"):
        prepare(small(images, tmp_path / "d", width=5), resume=True)
    (folder / WEIGHTS).write_bytes(b"x" * 40)
    with pytest.raises(UserError, match="damaged"):
        Denoiser.load(tmp_path / "d")
    again = metadata(_reopened(images, tmp_path))
    assert f.about == replace(again, chosen=f.about.chosen)


def _reopened(images: Path, tmp_path: Path) -> Any:
    prepared = prepare(small(images, tmp_path / "d"), resume=True)
    prepared.recorder.close()
    return prepared


def test_a_generators_run_gives_pairs_at_the_level_that_is_told(tmp_path: Path) -> None:
    """The kept run of setting A: its noise is brought to another level, and mixed with real images."""
    run = Path(__file__).resolve().parents[2] / "results" / "runs" / "cifar10ag25-sinrgan2"
    model = TrainedModel.load(run)
    pairs = GeneratedPairs(model, Fitted(level=(10.0,)))
    clean, noisy = pairs(200, torch.Generator().manual_seed(0))
    inside = (clean > 0.2) & (clean < 0.8)  # elsewhere the sensor clips
    assert float((noisy - clean)[inside].std() * 255) == pytest.approx(10, rel=0.05)
    learned = GeneratedPairs(model, None)
    clean, noisy = learned(200, torch.Generator().manual_seed(0))
    assert learned.scale == 1 and float((noisy - clean)[(clean > 0.4) & (clean < 0.6)].std() * 255) > 20


def test_a_gap_is_said_where_it_is_large() -> None:
    assert words_of_gap({"gap": {"decibels": 1.24}}) is not None and "1.2 dB" in str(
        words_of_gap({"gap": {"decibels": 1.24}})
    )
    assert words_of_gap({"gap": {"decibels": 0.1}}) is None and words_of_gap({}) is None


def test_what_was_learned_on_small_images_holds_inside_large_ones(images: Path, tmp_path: Path) -> None:
    """Its 32 pixels have a border everywhere; inside 256 there is none."""
    f = done(small(images, tmp_path / "d", iterations=150, width=8, batch_size=16, log_interval=50))
    clean, noisy = (torch.from_numpy(a / 255).float().permute(0, 3, 1, 2) for a in drawn(6, 256))
    wrong = (f(noisy) - clean) ** 2
    border = torch.ones_like(wrong, dtype=torch.bool)
    border[:, :, f.radius : -f.radius, f.radius : -f.radius] = False
    inside, outside = (-10 * float(wrong[part].mean().log10()) for part in (~border, border))
    assert inside > outside - 0.1
    cut = torch.cat([noisy[:, :, k : k + 32, k : k + 32] for k in range(0, 224, 32)])
    of_cut = torch.cat([clean[:, :, k : k + 32, k : k + 32] for k in range(0, 224, 32)])
    assert inside > -10 * float(((f(cut) - of_cut) ** 2).mean().log10()) - 0.1


def test_images_that_are_streamed_teach_the_same_to_the_same_bits(images: Path, tmp_path: Path) -> None:
    done(small(images, tmp_path / "resident"))
    done(small(images, tmp_path / "streamed", stream="always", workers=1))
    one, two = (load_file(tmp_path / name / CHECKPOINT) for name in ("resident", "streamed"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_learns_in_half_precision_too(images: Path, tmp_path: Path) -> None:
    f = done(small(images, tmp_path / "d", precision="bfloat16", iterations=60, width=8, batch_size=16))
    clean, noisy = (torch.from_numpy(a / 255).float().permute(0, 3, 1, 2) for a in drawn())
    assert float(((f(noisy) - clean) ** 2).mean()) < 0.6 * float(((noisy - clean) ** 2).mean())
