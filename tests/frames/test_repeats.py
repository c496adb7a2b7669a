"""Pairs of frames that repeat a scene are found by their difference; nothing else is taken for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from drawn_frames import SCENES, cells, noisy, texture, vignette
from nrgan.frames import Repeats, Wanted, find_repeats, open_frames, repeats_scene

SEEDS = range(4)
SIDE = 128


def light(rng: np.random.Generator) -> np.ndarray:
    return 200 * vignette(SIDE) * rng.uniform(0.8, 1.2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scene", SCENES)
def test_one_scene_is_told_from_others(scene: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = SCENES[scene](rng, SIDE), SCENES[scene](rng, SIDE)
    assert repeats_scene(*noisy(rng, [one, one]))
    assert not repeats_scene(*noisy(rng, [one, other]))


@pytest.mark.parametrize("seed", SEEDS)
def test_fading_light_counting_noise_offsets_of_lines_and_hot_pixels_change_no_scene(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene, lamp, hot = cells(rng, SIDE) + 50, light(rng), np.zeros((SIDE, SIDE))
    hot[rng.integers(0, SIDE, 20), rng.integers(0, SIDE, 20)] = 4000
    pair = noisy(rng, [lamp + scene, 0.7 * (lamp + scene)], 5, photons=0.3)
    assert repeats_scene(*pair)
    assert repeats_scene(*(pair + rng.normal(0, 8, (2, SIDE, 1))))
    assert repeats_scene(*(pair + hot))
    colours = np.stack([pair, 2 * pair + rng.normal(0, 9, pair.shape)], axis=-1)
    assert repeats_scene(*colours)


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_of_short_reach_is_no_scene(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = cells(rng, SIDE)
    noise = ndimage.uniform_filter(rng.normal(0, 30, (2, SIDE, SIDE)), (0, 3, 3))
    assert repeats_scene(scene + noise[0], scene + noise[1])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scene", SCENES)
def test_frames_that_share_the_sensor_alone_are_no_repeats(scene: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dust = ndimage.gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), 4)
    columns, hot = rng.normal(0, 6, (1, SIDE)), np.zeros((SIDE, SIDE))
    hot[rng.integers(0, SIDE, 30), rng.integers(0, SIDE, 30)] = 3000
    shared = light(rng) + 6 * dust / dust.std() + columns + hot
    assert not repeats_scene(*noisy(rng, [shared + SCENES[scene](rng, SIDE), shared + SCENES[scene](rng, SIDE)]))


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_scene_nothing_is_repeated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    empty = np.zeros((SIDE, SIDE))
    assert not repeats_scene(*noisy(rng, [empty, empty]))
    assert not repeats_scene(*noisy(rng, [400 * vignette(SIDE)] * 2, photons=1))
    assert not repeats_scene(empty, empty)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scene", SCENES)
def test_what_moved_is_no_repeat(scene: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = SCENES[scene](rng, SIDE)
    for way in (1.0, 3.0):
        assert not repeats_scene(*noisy(rng, [one, ndimage.shift(one, (0, way), mode="wrap")], 5))


@pytest.mark.parametrize("seed", SEEDS)
def test_cells_that_move_each_by_itself_are_no_repeat(seed: int) -> None:
    rng, frames = np.random.default_rng(seed), np.zeros((2, SIDE, SIDE))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for _ in range(30):
        place, radius, way = rng.uniform(0, SIDE, 2), rng.uniform(3, 12), rng.normal(0, 0.7, 2)
        for number in (0, 1):
            top, left = place + number * way
            cell = 80 / (1 + np.exp(1.5 * (np.hypot(rows - top, columns - left) - radius)))
            frames[number] = np.maximum(frames[number], cell)
    assert repeats_scene(*noisy(rng, [frames[0], frames[0]], 5))
    assert not repeats_scene(*noisy(rng, frames, 5))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_set_of_two_frames_or_of_many(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = texture(rng, 96), texture(rng, 96)
    np.save(tmp_path / "same.npy", noisy(rng, [one, one]).astype(np.float32))
    np.save(tmp_path / "not.npy", noisy(rng, [one, other]).astype(np.float32))
    np.save(tmp_path / "each twice.npy", noisy(rng, [one, one, other, other, one]).astype(np.float32))
    found = {name: find_repeats(open_frames(str(tmp_path / f"{name}.npy"))) for name in ("same", "not", "each twice")}
    assert found == {"same": Repeats(((0, 1),), 1.0), "not": None, "each twice": Repeats(((0, 1), (2, 3)), 0.5)}


def test_frames_that_the_file_calls_repeats_are_compared_and_no_more_than_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scenes = [texture(rng, 96) for _ in range(6)]
    np.save(tmp_path / "a.npy", noisy(rng, [*scenes, *scenes]).reshape(2, 6, 96, 96).astype(np.float32))
    frames, calls = open_frames(str(tmp_path / "a.npy"), wanted=Wanted(axes="RZYX")), []
    assert find_repeats(frames) == Repeats(tuple((k, k + 6) for k in range(6)), 1.0)
    assert find_repeats(frames, most_pairs=3, advance=calls.append) == Repeats(((0, 6), (2, 8), (4, 10)), 1.0)
    assert calls == [1, 1, 1]
    as_images = open_frames(str(tmp_path / "a.npy"), wanted=Wanted(axes="TZYX"))
    assert find_repeats(as_images) is None  # neighbours are other scenes, and nobody says which are not


def test_photographs_are_told_apart_and_recognised(cifar10_root: Path) -> None:
    from nrgan.data.sources import SOURCES

    images = SOURCES["cifar10"].open(32, cifar10_root, None, None).images()[:120].astype(float)
    noise = np.random.default_rng(0).normal(0, 25, (2, *images.shape))
    first, second = images + noise
    assert not any(repeats_scene(first[k], first[k + 1]) for k in range(119))
    assert np.mean([repeats_scene(a, b) for a, b in zip(first, second, strict=True)]) > 0.8


def test_a_pair_must_be_one() -> None:
    with pytest.raises(ValueError, match="no pair"):
        repeats_scene(np.zeros((32, 32)), np.zeros((32, 40)))
    with pytest.raises(ValueError, match="one pair at least"):
        Repeats((), 0.5)
