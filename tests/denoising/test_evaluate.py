"""How near a denoiser comes to clean images, against figures computed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import RandomState
from scipy.ndimage import gaussian_filter
from torch import Tensor

from nrgan.data import CIFAR10, Shapes
from nrgan.denoising.denoiser import DenoiserMetadata, save_denoiser
from nrgan.denoising.evaluate import (
    DenoiserEvaluation,
    DenoiserFigures,
    Interval,
    evaluate,
    evaluate_denoiser,
    psnr,
    ssim,
    unseen_pairs,
)
from nrgan.errors import UserError
from nrgan.evaluation.protocol import Resources
from nrgan.networks.unet import UNet, UNetSizes
from nrgan.settings import find_setting


class Times:
    """f(y) = factor·y."""

    radius, multiple = 0, 1

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, y: Tensor) -> Tensor:
        return y * self.factor


def pairs(count: int, level: float = 0.1) -> list[tuple[Any, Any]]:
    """Grey images of 16 pixels and the same with noise whose level differs between images."""
    rng = np.random.default_rng(0)
    clean = rng.uniform(0.2, 0.8, (count, 1, 16, 16)).astype(np.float32)
    levels = level * rng.uniform(0.5, 1.5, (count, 1, 1, 1))
    noisy = (clean + levels * rng.standard_normal(clean.shape)).astype(np.float32)
    return [(clean[k : k + 3], noisy[k : k + 3]) for k in range(0, count, 3)]


def test_psnr_by_hand() -> None:
    clean = np.zeros((1, 2, 2), np.float32)
    assert psnr(clean + 0.1, clean) == pytest.approx(20)
    assert psnr(np.array([[[0.2, 0], [0, 0]]], np.float32), clean) == pytest.approx(20), "0.04/4 = 0.01"
    assert psnr(clean, clean) == pytest.approx(100)


def test_ssim_by_hand() -> None:
    """(2μxμy + c₁)(2σxy + c₂)/((μx² + μy² + c₁)(σx² + σy² + c₂)) in a Gaussian window, its mean where that fits."""
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 1, 24, 24))

    def mean(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image[0], 1.5, truncate=3.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    local = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(y, x) == pytest.approx(local[5:-5, 5:-5].mean(), abs=1e-6)
    flat = np.full((3, 16, 16), 0.5, np.float32)
    assert ssim(flat + 0.1, flat) == pytest.approx((2 * 0.5 * 0.6 + c1) / (0.25 + 0.36 + c1), abs=1e-4)
    assert ssim(flat, flat) == pytest.approx(1)


def test_means_are_of_images_and_gains_paired() -> None:
    data = pairs(7)
    found = evaluate_denoiser(Times(0.9), data)
    of_each = [psnr(0.9 * y, x) for clean, noisy in data for x, y in zip(clean, noisy, strict=True)]
    before = [psnr(y, x) for clean, noisy in data for x, y in zip(clean, noisy, strict=True)]
    assert found.images == 7
    assert found.psnr.mean == pytest.approx(np.mean(of_each), abs=1e-4)
    assert found.input_psnr.mean == pytest.approx(np.mean(before), abs=1e-4)
    gains = np.subtract(of_each, before)
    assert found.gain.mean == pytest.approx(gains.mean(), abs=1e-4)
    assert found.gain.high - found.gain.mean == pytest.approx(1.96 * gains.std(ddof=1) / 7**0.5, abs=1e-4)
    assert evaluate_denoiser(Times(1), data).gain == Interval(0, 0, 0)


def test_intervals_shrink_with_images() -> None:
    few, many = (evaluate_denoiser(Times(1), pairs(count)).psnr for count in (12, 192))
    assert many.low < many.mean < many.high
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4, rel=0.3)


def test_answers_are_clipped_where_it_is_said() -> None:
    clean = np.ones((2, 1, 16, 16), np.float32)
    data = [(clean, 0.9 * clean)]
    beyond, clipped = (evaluate_denoiser(Times(2), data, clip_answers=clip) for clip in (False, True))
    assert beyond.psnr.mean == pytest.approx(-20 * np.log10(0.8), abs=1e-3) and not beyond.answers_clipped
    assert clipped.psnr.mean == pytest.approx(100) and clipped.answers_clipped
    assert beyond.input_psnr == clipped.input_psnr, "the input is taken as it is"


@pytest.mark.parametrize(("count", "side", "words"), [(1, 16, "two at least"), (3, 10, "10x10: SSIM needs 11")])
def test_what_gives_no_figures(count: int, side: int, words: str) -> None:
    images = np.zeros((count, 1, side, side), np.float32)
    with pytest.raises(UserError, match=words):
        evaluate_denoiser(Times(1), [(images, images)])


def test_unseen_images_are_no_training_images(stand_in_root: Path) -> None:
    test, train = (find(32, stand_in_root, None) for find in (CIFAR10.unseen, CIFAR10.open))
    assert test.names == ["test_batch"] and not set(test.names) & set(train.names) and len(test) == 10_000
    drawn, trained_on = Shapes.unseen(16, None, None), Shapes.open(16, None, None)
    assert drawn.key() != trained_on.key() and not np.array_equal(drawn[0], trained_on[0])


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("nrgan.data.sources.shapes._FEWER", 60)
    yield


@pytest.mark.usefixtures("few_shapes")
def test_noise_is_frozen_and_clipped_where_it_is_said() -> None:
    def noise(count: int, clip: bool) -> np.ndarray:
        found = list(unseen_pairs(find_setting("shapes-ag25"), 16, count, clip, Resources()))
        clean, noisy = (np.concatenate(part) for part in zip(*found, strict=True))
        assert clean.shape == noisy.shape == (count, 3, 16, 16) and clean.dtype == noisy.dtype == np.float32
        assert not clip or (noisy.min() == 0 and noisy.max() == 1)
        return noisy - clean

    n = noise(60, False)
    assert np.array_equal(n[:5], noise(5, False)) and not np.array_equal(n[:5], noise(5, True))
    assert n.std() == pytest.approx(25 / 255, rel=0.02)
    first = RandomState(1000 * 60).standard_normal((16, 16, 3)).transpose(2, 0, 1) * 25 / 255
    assert n[0] == pytest.approx(first, abs=1e-6)
    with pytest.raises(UserError, match=r"images 61: there are 60"):
        noise(61, False)


@pytest.fixture
def denoiser(tmp_path: Path, few_shapes: None) -> Path:
    about = DenoiserMetadata("shapes-ag25", "renoise", 7, 16, 0.0, 255.0, "uint8")
    save_denoiser(tmp_path / "denoiser", UNet(UNetSizes(3, 8, 2, 1)), about)
    return tmp_path / "denoiser"


def test_a_denoisers_folder(denoiser: Path) -> None:
    found = evaluate(denoiser, images=10)
    assert (found.method, found.setting, found.data_clipped, found.figures.images) == (
        "renoise",
        "shapes-ag25",
        True,
        10,
    )
    row = found.as_json()
    assert row["method"] == "renoise" and row["psnr"].keys() == {"mean", "low", "high"}
    assert evaluate(denoiser, images=10) == found
    other = evaluate(denoiser, "shapes-ag5-50", images=10, clip=False, clip_answers=True)
    assert (other.setting, other.data_clipped, other.figures.answers_clipped) == ("shapes-ag5-50", False, True)


def test_what_was_measured_is_said() -> None:
    part = {"input_psnr": Interval(20.2, 20.1, 20.3), "input_ssim": Interval(0.5, 0.4, 0.6), "gain": Interval(7, 6, 8)}
    figures = DenoiserFigures(1000, Interval(27.1, 27, 27.2), Interval(0.9, 0.89, 0.91), **part, answers_clipped=False)
    told = DenoiserEvaluation("n2v", "cifar10ag25", True, figures).describe()
    assert told == (
        "n2v on 1,000 unseen images of cifar10ag25 (data clipped, answers not clipped): "
        "PSNR 27.10 dB (27.00 to 27.20), input 20.20; SSIM 0.900 (0.890 to 0.910), input 0.500"
    )


def test_what_cannot_be_evaluated(denoiser: Path, tmp_path: Path) -> None:
    own = DenoiserMetadata("scans", "renoise", 7, 16, 0.0, 255.0, "uint8")
    save_denoiser(tmp_path / "own", UNet(UNetSizes(1, 8, 2, 1)), own)
    with pytest.raises(UserError, match="was trained on scans, of which no clean images are known"):
        evaluate(tmp_path / "own")
    with pytest.raises(UserError, match="takes images of 1 channels, and shapes-ag25 has 3"):
        evaluate(tmp_path / "own", "shapes-ag25")
    with pytest.raises(UserError, match=r"setting .*: of your own images no clean ones are known"):
        evaluate(denoiser, str(tmp_path))
    with pytest.raises(UserError, match="images 1: there are 60"):
        evaluate(denoiser, images=1)
