"""What befell frames beside the noise of pixels: seen where it is, with its strength, and not where it is not."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from nrgan.diagnosis.cells import Array
from nrgan.diagnosis.findings import CHECKS, Finding, findings_of
from nrgan.diagnosis.findings.values import few_photons
from nrgan.diagnosis.looked import Looked

FRAMES, SIDE, NOISE = 48, 96, 4.0
Random = np.random.Generator
NO_PAIRS = np.zeros((0, 2), np.int64)


def blobs(rng: Random, count: int = FRAMES) -> Array:
    """Smooth bright spots on a dark ground, other ones in each frame; 20 to about 200."""
    seeds = (rng.random((count, SIDE, SIDE)) < 1.5e-3) * rng.uniform(0.5, 1, (count, SIDE, SIDE))
    scene = ndimage.gaussian_filter(seeds, (0, 3, 3)) * 9000
    return np.asarray(np.minimum(20 + scene, 220)[..., None], np.float32)


def noisy(rng: Random) -> Array:
    scene = blobs(rng)
    return np.asarray(scene + NOISE * rng.standard_normal(scene.shape), np.float32)


def looked(frames: npt.NDArray[np.floating], step: float = 0.0) -> Looked:
    return Looked(np.asarray(frames, np.float32), step, 0.0, NO_PAIRS)


def seen(frames: npt.NDArray[np.floating], step: float = 0.0) -> dict[str, Finding]:
    return {found.name: found for found in findings_of(looked(frames, step)) if found.seen}


def with_rows(rng: Random) -> tuple[Array, float]:
    return noisy(rng) + np.asarray(1.5 * rng.standard_normal((FRAMES, SIDE, 1, 1)), np.float32), 1.5


def with_columns(rng: Random) -> tuple[Array, float]:
    return noisy(rng) + np.asarray(1.5 * rng.standard_normal((FRAMES, 1, SIDE, 1)), np.float32), 1.5


def with_pattern(rng: Random) -> tuple[Array, float]:
    return noisy(rng) + np.asarray(1.5 * rng.standard_normal((1, SIDE, SIDE, 1)), np.float32), 1.5


def with_hot_pixels(rng: Random) -> tuple[Array, float]:
    frames, places = noisy(rng), rng.choice(np.arange(2, SIDE - 2, 4), (20, 2))
    unique = np.unique(places, axis=0)
    frames[:, unique[:, 0], unique[:, 1]] += 60
    return frames, len(unique) / (SIDE - 2) ** 2


def with_impulses(rng: Random) -> tuple[Array, float]:
    frames, hit = noisy(rng), rng.random((FRAMES, SIDE, SIDE, 1)) < 0.005
    frames[hit] = 255
    return frames, 0.005


def with_drift(rng: Random) -> tuple[Array, float]:
    growing = np.linspace(1, 2, FRAMES)[:, None, None, None]
    scene = blobs(rng)
    return np.asarray(scene + NOISE * growing * rng.standard_normal(scene.shape), np.float32), 0.66


def of_two_cameras(rng: Random) -> tuple[Array, float]:
    scene, level = blobs(rng), np.where(np.arange(FRAMES) % 3 == 0, 3 * NOISE, NOISE)[:, None, None, None]
    return np.asarray(scene + level * rng.standard_normal(scene.shape), np.float32), 1 / 3


DRAWN: dict[str, Callable[[Random], tuple[Array, float]]] = {
    "row offsets": with_rows,
    "column offsets": with_columns,
    "fixed pattern": with_pattern,
    "hot pixels": with_hot_pixels,
    "impulses": with_impulses,
    "drift": with_drift,
    "mixed frames": of_two_cameras,
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_seen_alone_and_as_strong_as_it_is(name: str, seed: int) -> None:
    frames, strength = DRAWN[name](np.random.default_rng(seed))
    found = seen(frames)
    assert set(found) == {name}
    told = found[name].strength
    assert told is not None and told == pytest.approx(strength, rel=0.2)
    assert found[name].words


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_seen_where_nothing_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = blobs(rng)
    assert seen(scene) == {}
    assert seen(np.rint(scene), step=1.0) == {}
    assert seen(noisy(rng)) == {}
    assert seen(128 + NOISE * rng.standard_normal((FRAMES, SIDE, SIDE, 3))) == {}


def test_an_edge_through_the_whole_image_is_no_stripe() -> None:
    rng = np.random.default_rng(0)
    frames = noisy(rng)
    for frame, row in zip(frames, rng.integers(20, SIDE - 20, FRAMES), strict=True):
        frame[row:] += 60
    assert "row offsets" not in seen(frames)


def test_a_pattern_is_fixed_only_where_frames_differ() -> None:
    rng = np.random.default_rng(0)
    still = blobs(rng, 1) + NOISE * rng.standard_normal((FRAMES, SIDE, SIDE, 1))
    still[:, 40, 40] += 80
    assert not {"fixed pattern", "hot pixels"} & set(seen(still))


@pytest.mark.parametrize(("name", "axis"), [("rows", 1), ("columns", 2)])
def test_lines_that_are_the_same_in_every_frame_are_a_pattern_and_no_fresh_offsets(name: str, axis: int) -> None:
    rng = np.random.default_rng(4)
    shape = [1, 1, 1, 1]
    shape[axis] = SIDE
    own = seen(noisy(rng) + 1.5 * rng.standard_normal(shape))
    turns = seen(noisy(rng) + 1.5 * np.where(np.arange(SIDE) % 2, 1, -1).reshape(shape))
    assert set(own) == set(turns) == {"fixed pattern"}
    assert own["fixed pattern"].strength == pytest.approx(1.5, rel=0.25)
    assert turns["fixed pattern"].strength == pytest.approx(1.5, rel=0.1)
    assert f"even and odd {name} have an offset" in turns["fixed pattern"].words


NEAR = {"chessboard": [[0, 1, 0], [1, 4, 1], [0, 1, 0]], "rows": [[0, 2, 0], [0, 4, 0], [0, 2, 0]]}


def interpolated(frames: Array, measured: str) -> Array:
    """Every second place of a chessboard, or every second row, is the mean of its nearest neighbours."""
    down, across = np.indices((SIDE, SIDE))
    there = ((down + across if measured == "chessboard" else down) % 2 == 0)[None, :, :, None]
    near = np.array(NEAR[measured])[None, :, :, None] / 4
    return np.where(there, frames, ndimage.convolve(frames * there, near, mode="mirror"))


@pytest.mark.parametrize("measured", NEAR)
@pytest.mark.parametrize("count", [FRAMES, 1])
def test_pixels_that_were_interpolated(measured: str, count: int) -> None:
    frames = noisy(np.random.default_rng(5))[:count]
    found = seen(interpolated(frames, measured))
    assert "mosaic" in found and "interpolated" in found["mosaic"].words
    assert "mosaic" not in seen(frames)


def test_a_gain_is_told_from_an_offset() -> None:
    rng = np.random.default_rng(3)
    scene = blobs(rng)
    noise = 2 * rng.standard_normal(scene.shape)
    gain = seen(scene * (1 + 0.05 * rng.standard_normal((1, SIDE, SIDE, 1))) + noise)["fixed pattern"]
    offset = seen(scene + 2 * rng.standard_normal((1, SIDE, SIDE, 1)) + noise)["fixed pattern"]
    assert "a gain" in gain.words and "an offset" in offset.words


def compressed(frames: Array, quality: int) -> Array:
    made = []
    for frame in np.clip(np.rint(frames[..., 0]), 0, 255).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=quality)
        made.append(np.asarray(Image.open(file), np.float32))
    return np.stack(made)[..., None]


@pytest.mark.parametrize("corner", [0, 3])
def test_blocks_of_compression_wherever_they_begin(corner: int) -> None:
    frames = compressed(noisy(np.random.default_rng(0)), 50)[:, corner:, corner:]
    assert "compression blocks" in seen(frames, step=1.0)


@pytest.mark.parametrize(("apart", "told"), [(1, False), (4, True)])
def test_darks_that_rounding_parts_are_of_one_kind(apart: int, told: bool) -> None:
    """All of a group are rounded to one value, so that nothing lies between the two, and nothing within them."""
    scene = np.clip(blobs(np.random.default_rng(0)), 23, None)
    darks = np.where(np.arange(FRAMES) % 2 == 0, 22, 22 + apart)[:, None, None, None]
    frames = np.maximum(np.rint(scene + 0.1), darks)
    frames[:, :16] = darks
    assert ("mixed frames" in seen(frames.astype(np.float32), step=1.0)) == told


def test_counts_of_few_photons_are_told_by_their_variance() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(blobs(rng) / 60).astype(np.float32)
    found = seen(counts, step=1.0)
    assert found["few photons"].strength == pytest.approx(counts.mean(), rel=1e-3)
    # as coarse, but with noise of another kind
    rounded = np.maximum(np.rint(blobs(rng) / 60 + 3 * rng.standard_normal(counts.shape)), 0)
    assert "few photons" not in seen(rounded, step=1.0)


@pytest.mark.parametrize(
    ("brightest", "gaps", "told"), [(4.0, False, True), (150.0, True, True), (150.0, False, False)]
)
def test_counts_that_a_discriminator_sees(brightest: float, gaps: bool, told: bool) -> None:
    """A few in a pixel, or any number of them with values between those that nobody counts."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(brightest * blobs(rng) / 220)
    step = 255 / counts.max()
    frames = looked((step * counts).astype(np.float32), step)
    found = few_photons(replace(frames, gaps=gaps))
    assert found.seen == told
    if told:
        assert found.numbers == {"events": pytest.approx(counts.max()), "dark": 0.0}


def test_counts_above_an_offset() -> None:
    """The files' value 0 is far below; the lowest value is no event, if that is as common as it would be."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(4 * blobs(rng) / 220)
    step = 255 / counts.max()
    above = replace(looked((step * counts).astype(np.float32), step), zero=-400.0)
    found = few_photons(above)
    assert found.strength == pytest.approx(counts.mean()) and found.numbers["dark"] == 0
    # a flat field with noise of 4.5 steps has as much variance as steps above its lowest value
    flat = np.rint(100 + 4.5 * rng.standard_normal((40, SIDE, SIDE, 1)))
    flat -= flat.min()
    step = 255 / flat.max()
    assert not few_photons(replace(looked((step * flat).astype(np.float32), step), zero=-400.0, gaps=True)).seen


def test_few_levels() -> None:
    frames = noisy(np.random.default_rng(0))
    assert "few levels" in seen(np.rint(frames / 16) * 16, step=16.0)
    assert "few levels" not in seen(np.rint(frames), step=1.0)


def test_beads_and_stars_are_no_impulses() -> None:
    rng = np.random.default_rng(0)
    frames = noisy(rng)
    for frame in frames:
        for y, x in rng.integers(4, SIDE - 4, (20, 2)):
            frame[y - 1 : y + 2, x - 1 : x + 2] += 100
    stars = np.zeros_like(frames)
    where = rng.integers(4, SIDE - 4, (FRAMES, 20, 2))
    for star, places in zip(stars, where, strict=True):
        star[places[:, 0], places[:, 1]] = 600
    frames += ndimage.gaussian_filter(stars, (0, 0.8, 0.8, 0))
    assert "impulses" not in seen(frames)


def test_every_check_says_what_it_is_called() -> None:
    frames = looked(noisy(np.random.default_rng(0)))
    names = [check(frames).name for check in CHECKS]
    assert len(set(names)) == len(names)
    tiny = looked(np.zeros((3, 16, 16, 1)))
    assert not any(check(tiny).seen for check in CHECKS)


def test_pixels_far_brighter_than_any_scene_do_not_hide_themselves() -> None:
    frames, places = (
        blobs(np.random.default_rng(5)),
        np.random.default_rng(6).choice(np.arange(2, SIDE - 2, 4), (12, 2)),
    )
    unique = np.unique(places, axis=0)
    frames[:, unique[:, 0], unique[:, 1]] += 9_000
    found = seen(frames + NOISE * np.random.default_rng(7).standard_normal(frames.shape))
    assert found["hot pixels"].strength == pytest.approx(len(unique) / (SIDE - 2) ** 2)
