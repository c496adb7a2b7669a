"""What a diagnosis tells of noises that are known, from noisy images alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from diagnose import STRICT  # the table of the benchmark
from noisy_scenes import noisy, of_shapes, scenes
from nrgan.data import CIFAR10, Shapes
from nrgan.diagnosis import diagnose, estimate_noise, recommend
from nrgan.errors import UserError
from nrgan.ranges import unit_from_stored
from nrgan.settings import CORRUPTIONS


def true_level(clean: npt.NDArray[np.uint8], key: str) -> float:
    difference = noisy(clean, key, clip=False) - unit_from_stored(clean)
    return 255 * float(np.sqrt(np.mean(difference**2)))


@pytest.mark.parametrize("key", ["ag25", "ag5-50", "u50", "mix", "mg25", "p30", "amg25_25", "lg25p16", "abg25k5"])
def test_the_level_is_the_noises(key: str) -> None:
    # the drawn scenes are saturated: signals near 0 and 255, where values were clipped, are many
    assert of_shapes(key).level == pytest.approx(true_level(scenes(), key), rel=0.2)


@pytest.mark.parametrize("key", ["ag25", "ag5-50", "u50", "mix", "mg25", "p30", "bg25k5", "abg25k5", "lg25p16"])
def test_the_model_recommended_fits(key: str) -> None:
    assert CORRUPTIONS[key].paper in STRICT[recommend(of_shapes(key)).published]


@pytest.mark.parametrize(("key", "dependence"), [("ag25", "constant"), ("u50", "constant"), ("p30", "square-root")])
def test_the_relation_to_the_signal(key: str, dependence: str) -> None:
    assert of_shapes(key).dependence == dependence


def test_noise_on_a_part_of_each_image() -> None:
    found = of_shapes("lg25p16")
    assert found.local
    assert found.level_inside == pytest.approx(25, rel=0.1)
    assert not of_shapes("ag25").local


def test_a_level_of_its_own_for_each_image() -> None:
    assert of_shapes("ag5-50").varies_by_image
    assert not of_shapes("ag25").varies_by_image
    mean, spread = of_shapes("ag5-50").level_of_images
    assert mean == pytest.approx(27.5, rel=0.15)
    assert spread == pytest.approx(45 / 12**0.5, rel=0.25)


def test_correlated_pixels() -> None:
    blurred = np.array(of_shapes("bg25k5").autocorrelation)
    # the kernel [1, 4, 6, 4, 1]/16 with itself: 56/70 at lag 1
    assert (blurred[0, 1] + blurred[1, 0]) / 2 == pytest.approx(0.8, abs=0.15)
    assert not of_shapes("bg25k5").white
    assert of_shapes("ag25").white


def test_tails() -> None:
    assert [of_shapes(key).tails for key in ("u50", "ag25", "mix")] == ["light", "gaussian", "heavy"]


def test_little_noise_is_said_to_be_little() -> None:
    found = of_shapes("")
    assert found.little_noise
    assert found.level_below < 5
    assert not found.certain
    assert "below" in recommend(found).reason


def test_grey_images() -> None:
    grey = np.rint(scenes().mean(3, keepdims=True)).astype(np.uint8)
    found = estimate_noise(noisy(grey, "ag25"))
    assert found.level == pytest.approx(25, rel=0.1)
    assert recommend(found).published == "sinrgan1"


def test_five_channels() -> None:
    found = estimate_noise(noisy(np.concatenate([scenes(), scenes()[..., :2]], axis=3), "ag25"))
    assert found.level == pytest.approx(25, rel=0.1)
    assert found.size[2] == 5
    assert found.independent_channels


def test_noise_that_channels_share() -> None:
    clean = unit_from_stored(scenes())
    shared = np.random.RandomState(0).standard_normal((*clean.shape[:3], 1)) * 25 / 255
    found = estimate_noise(np.clip(clean + shared, 0, 1))
    assert not found.little_noise
    assert not found.independent_channels
    assert not found.certain
    assert found.channel_correlation[0][1] > 0.8
    advice = recommend(found)
    assert advice.model == "learned" and advice.composed is not None and "shuffle-pixels" in advice.composed.invariances
    assert "channels share" in advice.reason


def test_large_images_are_cropped() -> None:
    found = estimate_noise(noisy(Shapes(image_size=96).draw(range(50)), "ag25"))
    assert found.size == (64, 64, 3)
    assert found.level == pytest.approx(25, rel=0.1)


def test_the_same_images_give_the_same_answer() -> None:
    images = noisy(scenes(), "mg25")[:100]
    before = images.copy()
    assert estimate_noise(images) == estimate_noise(images)
    assert np.array_equal(images, before)


def test_not_more_images_than_wanted() -> None:
    assert estimate_noise(noisy(scenes(), "ag25"), most_images=100).images == 100


def test_few_images_are_said_to_be_few() -> None:
    found = estimate_noise(noisy(scenes()[:60], "ag5-50"))
    assert not found.certain
    assert any("60 images are few" in words for words in found.unknowns)
    assert found.level == pytest.approx(true_level(scenes()[:60], "ag5-50"), abs=3 * found.error)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_images_are_no_crash(value: float) -> None:
    images = np.full((60, 16, 16, 3), value, np.float32)
    try:
        found = estimate_noise(images)
    except UserError as error:
        assert "nothing can be told" in str(error)
    else:
        assert found.level < 1
        assert not found.certain


def test_copies_of_one_image_tell_no_more_than_one() -> None:
    one = noisy(scenes()[:1], "ag25")
    with pytest.raises(UserError, match="60 images: they are copies of one image"):
        estimate_noise(np.repeat(one, 60, axis=0))
    with pytest.raises(UserError, match="only 20 of them are not copies"):
        estimate_noise(np.tile(noisy(scenes()[:20], "ag25"), (3, 1, 1, 1)))


def test_noise_on_constant_images() -> None:
    grey = np.random.RandomState(0).uniform(0.3, 0.7, (300, 1, 1, 1)) + np.zeros((300, 32, 32, 3))
    found = estimate_noise(grey + np.random.RandomState(1).standard_normal(grey.shape) * 10 / 255)
    assert found.level == pytest.approx(10, rel=0.05)
    assert recommend(found).published == "sinrgan1"


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((49, 16, 16, 3)), "too few"),
        (np.zeros((60, 15, 16, 3)), "16 pixels"),
        (np.zeros((60, 16, 16, 17)), "16 channels"),
        (np.zeros((60, 16, 16)), "N, H, W, C"),
        (np.zeros((60, 16, 16, 3), np.uint8), "uint8"),
        (np.full((60, 16, 16, 3), 2.0), "[0, 1]"),
        (np.full((60, 16, 16, 3), np.nan), "[0, 1]"),
    ],
)
def test_what_cannot_be_diagnosed(images: npt.NDArray[Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        estimate_noise(images)
    assert words in str(caught.value)


@pytest.fixture(scope="module")
def photographs(cifar10_root: Path) -> npt.NDArray[np.uint8]:
    return CIFAR10(cifar10_root).images()[:600]


@pytest.mark.parametrize("key", ["ag25", "lg25p16", "u50", "bg25k5", "mg25", "amg25_25", "pg30_25"])
def test_photographs(photographs: npt.NDArray[np.uint8], key: str) -> None:
    found = estimate_noise(noisy(photographs, key))
    assert CORRUPTIONS[key].paper in STRICT[recommend(found).published]
    assert found.level == pytest.approx(true_level(photographs, key), rel=0.1)


def test_photographs_without_noise(photographs: npt.NDArray[np.uint8]) -> None:
    found = estimate_noise(unit_from_stored(photographs))
    assert found.little_noise
    assert found.level < 3 < found.level_below < 8, "a bound, with all fine detail in it"


def test_where_the_relation_cannot_be_told_the_model_learns_it() -> None:
    found = of_shapes("ag25")
    assert recommend(found).published == "sinrgan1"
    assert recommend(replace(found, dependence="unknown")).published == "sdnrgan2"
    correlated = replace(found, dependence="unknown", white=False)
    assert recommend(correlated).published == "sinrgan2"


def test_files_are_diagnosed_and_nothing_is_written(tmp_path: Path) -> None:
    stored = np.rint(noisy(scenes()[:80], "ag25") * 255).astype(np.uint8)
    np.save(tmp_path / "scans.npy", stored)
    found = diagnose(tmp_path / "scans.npy")
    assert found.images.shape == (80, 32, 32, 3)
    of_images = estimate_noise(unit_from_stored(stored).astype(np.float32))
    assert replace(found.diagnosis, natives=()) == of_images
    assert found.advice.published == recommend(found.diagnosis).published
    assert diagnose(str(tmp_path / "scans.npy"), images=60).diagnosis.images == 60
    assert [path.name for path in tmp_path.iterdir()] == ["scans.npy"]
    with pytest.raises(UserError, match=r"^images 0: must be 1 at least"):
        diagnose(tmp_path / "scans.npy", images=0)


@pytest.mark.parametrize("module", ["nrgan.diagnosis", "nrgan.training.train"])
def test_figures_and_tables_are_drawn_elsewhere(module: str) -> None:
    # every training process imports the diagnosis, and should not wait for them
    code = f"import sys, {module}; print({{'matplotlib', 'rich'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
