"""Statistics of noise with known answers, for every setting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from conftest import TINY, nrgan
from nrgan import TrainConfig, TrainedModel, train
from nrgan.corruptions import Sensor
from nrgan.data import Shapes
from nrgan.data.frozen import corrupt_images
from nrgan.evaluation.measure import check_run_noise
from nrgan.evaluation.noise_check import NoiseStatistics, check_noise
from nrgan.evaluation.protocol import Resources
from nrgan.ranges import unit_from_stored
from nrgan.reports.noise_files import write_noise_check
from nrgan.settings import CORRUPTIONS

CLEAN = unit_from_stored(Shapes(count=400).images())


def statistics(noise: npt.NDArray[np.float64], clean: npt.NDArray[np.float64] = CLEAN) -> NoiseStatistics:
    return NoiseStatistics.of(noise.transpose(0, 3, 1, 2), clean.transpose(0, 3, 1, 2))


def of_setting(name: str) -> NoiseStatistics:
    stored = Shapes(count=400).images()
    noisy = corrupt_images(CORRUPTIONS[name].corruption, Sensor(clip=False), stored, np.arange(400), 0, 400)
    return statistics(noisy - CLEAN)


def curve(found: NoiseStatistics) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    known = [(s, v) for s, v in zip(found.signal, found.level_at_signal, strict=True) if v is not None]
    signal, level = np.array(known).T
    assert len(signal) > 8
    return signal, level


def test_white_gaussian() -> None:
    found = of_setting("ag25")
    assert found.level == pytest.approx(25, rel=0.01) and abs(found.mean) < 0.1
    assert curve(found)[1] == pytest.approx(25, rel=0.05)
    correlation = np.array(found.autocorrelation)
    assert correlation.shape == (5, 5) and correlation[0, 0] == pytest.approx(1)
    assert np.abs(correlation.ravel()[1:]).max() < 0.01
    assert np.array(found.channel_correlation) == pytest.approx(np.eye(3), abs=0.01)
    assert found.excess_kurtosis == pytest.approx(0, abs=0.03)
    assert found.level_of_images[1] < 0.6


def test_level_follows_the_signal() -> None:
    signal, level = curve(of_setting("mg25"))
    assert level == pytest.approx(25 * signal / 255, rel=0.1, abs=0.8)
    signal, level = curve(of_setting("p30"))
    assert level == pytest.approx(255 * np.sqrt(signal / 255 / 30), rel=0.1, abs=1)


def test_blurred_noise_is_correlated() -> None:
    row = np.array([1, 4, 6, 4, 1]) / 16
    expected = np.correlate(row, row, "full")[4:] / (row @ row)
    correlation = np.array(of_setting("bg25k5").autocorrelation)
    # the border, where the kernel is cut off, lowers the level there and thereby the correlation a little
    assert correlation[0] == pytest.approx(expected, abs=0.05) and correlation[:, 0] == pytest.approx(
        expected, abs=0.05
    )


def test_shapes_of_distributions() -> None:
    assert of_setting("u50").excess_kurtosis == pytest.approx(-1.2, abs=0.02)
    assert of_setting("mix").excess_kurtosis > 0.4
    assert of_setting("ag5-50").level_of_images[1] > 10


def test_channels_that_move_together() -> None:
    grey = np.random.RandomState(0).randn(400, 32, 32, 1).repeat(3, axis=3) * 0.1
    assert np.array(statistics(grey).channel_correlation) == pytest.approx(1, abs=1e-9)


def test_no_noise_and_one_channel() -> None:
    found = statistics(np.zeros((10, 16, 16, 1)), CLEAN[:10, :16, :16, :1])
    assert found.level == 0 and found.excess_kurtosis == 0 and np.isfinite(found.autocorrelation).all()
    assert found.channel_correlation == [[0.0]]


def test_ambientgans_noise_is_the_true_one(tmp_path: Path) -> None:
    """Its simulator is the truth: only the images that the noise is added to differ."""
    config = TrainConfig(setting="shapes-abg25k5", model="ambientgan", out=tmp_path / "run", **TINY)
    for _ in train(config):
        pass
    check = check_noise(TrainedModel.load(config.out), Resources(), samples=500)
    differences = check.differences()
    assert abs(differences["level (of 255)"]) < 0.5
    assert differences["autocorrelation, largest"] < 0.02 and differences["channel correlation, largest"] < 0.03
    assert differences["marginal distance W1 (of 255)"] < 0.5


def test_a_model_without_noise_and_the_files(run: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(run, tmp_path / "run"))
    check, folder = check_run_noise(own, samples=200, seed=0)
    assert folder == own and not (own / "noise-check.json").exists(), "measuring draws nothing"
    figure = write_noise_check(check, folder)
    document = json.loads((own / "noise-check.json").read_text())
    assert figure == own / "noise-check.png" and figure.is_file()
    assert check.learned is not None and document["learned"]["level"] == check.learned.level
    assert document["differences"] == check.differences()
    assert set(document["noise_left"]) == {"clean images", "noisy images", "clean samples", "samples as observed"}
    assert document["noise_left"]["noisy images"] > document["noise_left"]["clean images"] + 10
    config = TrainConfig(setting="shapes-ag25", model="gan", out=tmp_path / "gan", **TINY)
    for _ in train(config):
        pass
    check, folder = check_run_noise(config.out, samples=100, seed=0)
    assert check.learned is None and check.differences() == {}
    assert write_noise_check(check, folder).is_file() and folder == config.out


def test_samples_of_few_values_are_observed_as_those(tmp_path: Path) -> None:
    """Counts of 0 to 7: eight values, and clean images with values between."""
    counts = np.random.default_rng(0).integers(0, 8, (60, 16, 16)).astype(np.uint16)
    np.save(tmp_path / "counts.npy", counts)
    config = TrainConfig(setting=str(tmp_path / "counts.npy"), model="sinrgan1", out=tmp_path / "run", **TINY)
    for _ in train(config):
        pass
    model = TrainedModel.load(config.out)
    observed, clean = (np.concatenate(list(model.images(0, 20, seen))) for seen in (True, False))
    assert set(np.unique(observed)) <= {round(255 * k / 7) for k in range(8)} and len(np.unique(clean)) > 8
    assert check_noise(model, Resources(), samples=100).learned is not None
    done = nrgan("generate", config.out, "--count", 2, "--out", tmp_path / "made", "--with", "noisy")
    assert done.returncode == 0, done.stderr
    made, noisy = (tifffile.imread(tmp_path / "made" / f"000001{end}.tif") for end in ("", "-noisy"))
    assert made.dtype == np.float32 and len(np.unique(made % 1)) > 8, "whole counts would be no clean image"
    assert noisy.dtype == np.uint16 and noisy.max() <= 7
    assert nrgan("check-noise", config.out, "--samples", 100).returncode == 0
