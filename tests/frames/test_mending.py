"""Repairs take away what was drawn into the frames, keep what lies in the scene, and refuse where they cannot tell."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from drawn_frames import SCENES, Plane, beads, cells, noisy, stars, texture, vignette
from nrgan.errors import UserError
from nrgan.frames import MENDS, NO_MENDING, Fit, FrameSet, Mending, Patches, mended, open_frames
from nrgan.frames.opened import Region

SIDE, COUNT, LEVEL = 96, 12, 8.0
SEEDS = range(2)
EIGHT = np.ones((3, 3), bool)
EIGHT[1, 1] = False


def saved(folder: Path, name: str, frames: Plane, dtype: str = "uint16") -> str:
    if dtype != "float32":
        frames = np.clip(np.rint(frames), 0, np.iinfo(dtype).max)
    np.save(folder / f"{name}.npy", frames.astype(dtype)[..., None])
    return str(folder / f"{name}.npy")


def differing(rng: np.random.Generator, scene: str, count: int = COUNT) -> list[Plane]:
    return [200 + SCENES[scene](rng, SIDE) for _ in range(count)]


def values(frames: FrameSet) -> npt.NDArray[np.float64]:
    """(N, H, W) of frames of one channel."""
    return np.stack([frames.read(k).pixels[..., 0] for k in range(len(frames))]).astype(np.float64)


def rms(array: Plane) -> float:
    return float(np.sqrt(np.mean(np.square(array))))


def hot_map(rng: np.random.Generator, count: int = 20) -> tuple[Plane, npt.NDArray[np.bool_]]:
    """Offsets of hot and dead pixels, and where these are."""
    bad = np.zeros((SIDE, SIDE), bool)
    bad.ravel()[rng.choice(SIDE * SIDE, count, replace=False)] = True
    return bad * np.where(rng.random((SIDE, SIDE)) < 0.3, -150, rng.uniform(80, 3000, (SIDE, SIDE))), bad


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scene", SCENES)
def test_hot_and_dead_pixels_become_like_their_neighbours_and_no_others_change(
    tmp_path: Path, scene: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    clean, (offset, bad) = differing(rng, scene), hot_map(rng)
    noise_alone = noisy(rng, clean, LEVEL)
    raw = open_frames(saved(tmp_path, "a", noise_alone + offset))
    frames = mended(raw, Mending(("hot-pixels",)))
    before, after = values(raw), values(frames)
    assert ((before != after).any(0) == bad).all()
    # as good as the median of its neighbours tells any pixel
    around = ndimage.median_filter(noise_alone, footprint=EIGHT[None], mode="mirror") - np.stack(clean)
    assert rms((after - np.stack(clean))[:, bad]) < 1.5 * rms(around[:, ~bad])
    assert frames.notes[-1] == (
        "Mended: 20 hot, dead or stuck pixels (0.22% of 96x96), at fixed places in most frames."
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("names", MENDS)
def test_beads_and_stars_are_signal(tmp_path: Path, names: str, seed: int) -> None:
    """20 beads of 3x3 pixels, and stars of σ = 0.8 pixels, lose nothing; each frame has its own."""
    rng = np.random.default_rng(seed)
    drawn = [beads(rng, SIDE) for _ in range(COUNT)]
    pattern = rng.normal(0, 5, (SIDE, SIDE)) if names == "fixed-pattern" else np.zeros((SIDE, SIDE))
    for name, scenes in (
        ("beads", [image for image, _ in drawn]),
        ("stars", [4 * stars(rng, SIDE, blur=0.8) for _ in range(COUNT)]),
    ):
        clean = np.stack(scenes) + 200
        raw = open_frames(saved(tmp_path, name, noisy(rng, clean, LEVEL) + pattern))
        frames = mended(raw, Mending((names,)))
        bright, error = clean > 300, values(frames) - clean
        assert bright.sum() > 200
        assert abs(error[bright].mean()) < 0.02 * (clean[bright] - 200).mean()
        assert rms(error[bright]) < 1.3 * LEVEL
        assert rms(error) < 1.1 * LEVEL


@pytest.mark.parametrize("seed", SEEDS)
def test_impulses_go_and_edges_stay(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean = np.stack([200 + cells(rng, SIDE) for _ in range(4)])
    clean[:, 40:, :50] += 300  # edges and a corner
    clean[:, 20, :70] += 300  # a line of one pixel, and its end
    hit = rng.random(clean.shape) < 1e-3
    hit[:, 17:24] = False
    raw = open_frames(saved(tmp_path, "a", noisy(rng, clean, LEVEL) + hit * rng.uniform(150, 3000, clean.shape)))
    before, after = values(raw), values(mended(raw, Mending(("impulses",))))
    changed = before != after
    assert changed[hit].mean() > 0.9 and not changed[~hit].any()
    assert rms((after - clean)[changed]) < 3 * LEVEL


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fixed_pattern_of_frames_that_differ_is_found(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pattern = rng.normal(0, 5, (SIDE, SIDE))
    frames = [200 * vignette(SIDE) + cells(rng, SIDE) for _ in range(24)]
    raw = open_frames(saved(tmp_path, "a", noisy(rng, frames, LEVEL) + pattern))
    found = mended(raw, Mending(("fixed-pattern",)))
    change = values(found) - values(raw)
    assert change.std(0).max() < 1e-3  # the same in all frames
    left = change.mean(0) + pattern
    assert rms(left - left.mean()) < 0.5 * rms(pattern)
    # the light stays
    assert np.abs(change.mean(0).reshape(4, SIDE // 4, 4, SIDE // 4).mean((1, 3))).max() < 1
    assert "an offset of each pixel from 24 frames that differ" in found.notes[-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_dark_and_flat_frames_take_offset_and_gain_away(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    offset, gain = 100 + rng.normal(0, 6, (SIDE, SIDE)), vignette(SIDE) * rng.normal(1, 0.03, (SIDE, SIDE))
    scene = 400 + cells(rng, SIDE)  # one scene: the references tell what is the sensor's
    taken = noisy(rng, [offset + gain * scene] * 4, LEVEL)
    dark = saved(tmp_path, "dark", noisy(rng, [offset] * 20, 3))
    flat = saved(tmp_path, "flat", noisy(rng, [offset + 3000 * gain] * 20, 20))
    raw = open_frames(saved(tmp_path, "a", taken))
    found = mended(raw, Mending(("fixed-pattern",), dark, flat))
    image = values(found).mean(0)
    ideal = scene * gain.mean() + offset.mean()  # the level of the camera stays, and the gain's mean
    assert rms(image - ideal) < 1.5 * LEVEL < 0.3 * rms(values(raw).mean(0) - ideal)
    assert rms(image - ideal - (image - ideal).mean()) < 1.3 * LEVEL / vignette(SIDE).min() / 2
    assert "offset from 20 frames" in found.notes[-1] and "gain from 20 frames" in found.notes[-1]


def test_a_dark_frame_alone_is_said_to_add_its_noise_and_few_noisy_ones_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = open_frames(saved(tmp_path, "a", noisy(rng, [200 + cells(rng, SIDE)] * 2, LEVEL)))
    one = saved(tmp_path, "one", noisy(rng, [np.full((SIDE, SIDE), 100.0)], 5))
    assert "whose own noise is added to all" in mended(raw, Mending(("fixed-pattern",), one)).notes[-1]
    few = saved(tmp_path, "few", noisy(rng, [np.full((SIDE, SIDE), 100.0)] * 4, 5))
    with pytest.raises(UserError, match=r"more noise would be added than pattern removed; give more dark frames"):
        mended(raw, Mending(("fixed-pattern",), few))
    small = saved(tmp_path, "small", noisy(rng, [np.full((32, 32), 100.0)] * 3, 5))
    with pytest.raises(UserError, match=r"dark .*reaches 32x32 pixels of the sensor, and the images 96x96") as error:
        mended(raw, Mending(("fixed-pattern",), small))
    assert error.value.field == "dark"
    bright = saved(tmp_path, "bright", noisy(rng, [np.full((SIDE, SIDE), 50.0)] * 4, 5))
    with pytest.raises(UserError, match="not brighter than the dark frames"):
        mended(raw, Mending(("fixed-pattern",), one, bright))


def test_hot_pixels_of_dark_frames_are_mended_where_the_scene_repeats(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    offset, bad = hot_map(rng)
    offset = np.abs(offset)  # in the dark none is dead
    raw = open_frames(saved(tmp_path, "a", noisy(rng, [200 + stars(rng, SIDE, 0.8)] * 3, LEVEL) + offset))
    dark = saved(tmp_path, "dark", noisy(rng, [np.full((SIDE, SIDE), 100.0)] * 5, 5) + offset)
    found = mended(raw, Mending(("hot-pixels",), dark))
    assert ((values(raw) != values(found)).any(0) == bad).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scene", SCENES)
def test_stripes_go_and_without_stripes_nothing_changes(tmp_path: Path, scene: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean = differing(rng, scene)
    raw = open_frames(saved(tmp_path, "clean", noisy(rng, clean, LEVEL)))
    nothing = mended(raw, Mending(("stripes",)))
    assert (values(nothing) == values(raw)).all()
    assert nothing.notes[-1] == "Not mended: no offsets of rows were found; no offsets of columns were found."
    rows = rng.normal(0, 8, (COUNT, SIDE, 1))
    raw = open_frames(saved(tmp_path, "striped", noisy(rng, clean, LEVEL) + rows))
    found = mended(raw, Mending(("stripes",)))
    left = values(found) - values(raw) + rows
    assert rms(left - left.mean((1, 2), keepdims=True)) < 0.5 * rms(rows)
    assert "offsets of rows (rms" in found.notes[-1] and "no offsets of columns" in found.notes[-1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("name", ["fixed-pattern", "hot-pixels"])
def test_frames_that_repeat_a_scene_are_refused(tmp_path: Path, name: str, scene: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = 200 + SCENES[scene](rng, SIDE)
    for number, frames in enumerate(([one] * COUNT, [one + cells(rng, SIDE) / 10 for _ in range(COUNT)])):
        raw = open_frames(saved(tmp_path, str(number), noisy(rng, frames, LEVEL)))
        with pytest.raises(UserError, match=r"repeats a scene.*give dark (and flat )?frames \(dark") as error:
            mended(raw, Mending((name,)))
        assert error.value.field == "mend"


def test_few_frames_and_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = open_frames(saved(tmp_path, "a", noisy(rng, differing(rng, "cells", 5), LEVEL)))
    with pytest.raises(UserError, match=r"mend fixed-pattern: .* holds 5 frames, .* by 8 at least; give dark and flat"):
        mended(raw, Mending(("fixed-pattern",)))
    (tmp_path / "sizes").mkdir()
    for k in range(8):
        np.save(tmp_path / "sizes" / f"{k}.npy", rng.normal(0, 1, (32 + k, 32)).astype(np.float32))
    with pytest.raises(UserError, match="frames of several sizes"):
        mended(open_frames(str(tmp_path / "sizes")), Mending(("hot-pixels",)))
    raw = open_frames(saved(tmp_path, "none", noisy(rng, differing(rng, "texture", 8), 20)))
    with pytest.raises(UserError, match="more noise would be added than pattern removed; give more frames"):
        mended(raw, Mending(("fixed-pattern",)))


EVERYTHING_WRONG = Mending(tuple(MENDS))


def wrong(rng: np.random.Generator) -> Plane:
    """Frames with all that can be mended."""
    rows, (offset, _) = rng.normal(0, 8, (COUNT, SIDE, 1)), hot_map(rng)
    clean = [200 + cells(rng, SIDE) for _ in range(COUNT)]
    return noisy(rng, clean, LEVEL) + rng.normal(0, 6, (SIDE, SIDE)) + rows + offset


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_region_is_what_is_cut_from_the_whole(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(0)
    stack = wrong(rng)
    if dtype == "float32":
        stack[2, 30:33, 40:44] = np.nan  # a gap, which stays one
    raw = open_frames(saved(tmp_path, "a", stack, dtype))
    frames = mended(raw, EVERYTHING_WRONG)
    assert frames.in_parts(0) and len(frames.notes) == len(raw.notes) + len(MENDS)
    for index in (0, 2, COUNT - 1):
        whole = frames.read(index)
        for region in (Region(0, 0, 16, 16), Region(20, 33, 40, 17), Region(SIDE - 20, SIDE - 9, 20, 9)):
            part = frames.read(index, region)
            np.testing.assert_array_equal(part.pixels, region.of(whole.pixels))
            assert (part.place.top, part.place.left) == (region.top, region.left)
            assert part.pixels.dtype == np.float32
            if whole.missing is not None:
                np.testing.assert_array_equal(np.isnan(part.pixels).any(2), region.of(whole.missing))
                assert (part.missing is not None) == region.of(whole.missing).any()
    cut = Patches(frames, Fit(32, "tiles"))
    np.testing.assert_array_equal(cut.read(4), frames.read(0).pixels[32:64, 32:64])


def test_kept_frames_pickles_and_types_are_as_before(tmp_path: Path) -> None:
    path = saved(tmp_path, "a", wrong(np.random.default_rng(0)))
    frames = mended(open_frames(path), EVERYTHING_WRONG)
    kept = mended(open_frames(path, keep_bytes=1 << 30), EVERYTHING_WRONG)
    travelled = pickle.loads(pickle.dumps(kept))
    assert kept.in_memory and not travelled.in_memory
    for other in (kept, travelled):
        np.testing.assert_array_equal(values(other), values(frames))
        assert other.key() == frames.key() and other.dtype == "uint16"
    assert (kept._kept[0].pixels == open_frames(path).read(0).pixels).all()  # never mended twice


def test_the_range_is_that_of_the_mended_values(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    offset, _ = hot_map(rng)
    raw = open_frames(saved(tmp_path, "a", noisy(rng, differing(rng, "cells"), LEVEL) + np.abs(offset)))
    found = mended(raw, Mending(("hot-pixels",)))
    assert raw.statistics.high > 1000 and raw.statistics.sharp is not None and len(raw.statistics.sharp.values)
    assert found.statistics.high < 400 and found.statistics.sharp is not None
    assert not len(found.statistics.sharp.values)


def test_the_key_tells_every_mending_apart_and_none_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = open_frames(saved(tmp_path, "a", wrong(rng)))
    assert mended(raw, NO_MENDING) is raw
    darks = [saved(tmp_path, f"dark{k}", noisy(rng, [100 + rng.normal(0, 6, (SIDE, SIDE))] * 4, 2)) for k in range(2)]
    asked: list[Any] = [Mending((name,)) for name in MENDS] + [Mending(("fixed-pattern",), dark) for dark in darks]
    keys = {raw.key(), *(mended(raw, mending).key() for mending in asked)}
    assert len(keys) == 1 + len(asked)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("hot-pixel",), "mend hot-pixel: unknown repair 'hot-pixel'; the nearest are hot-pixels"),
        (("stripes", "dark"), "dark dark: is for mend fixed-pattern or hot-pixels; ask for that too"),
        (("hot-pixels", "dark", "flat"), "flat flat: is for mend fixed-pattern; ask for that too"),
        (("fixed-pattern", None, "flat"), "flat flat: holds the camera's offset too; give dark frames with it"),
        ((None, "dark"), "dark dark: is for mend"),
    ],
)
def test_what_does_not_go_together_is_refused(given: tuple[str | None, ...], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        Mending.of(*given)
    assert sentence in str(error.value)


def test_the_order_is_the_tables() -> None:
    assert Mending.of("stripes, hot-pixels") == Mending(("hot-pixels", "stripes"))
    assert Mending.of(None) == NO_MENDING and not NO_MENDING.names


def test_texture_keeps_its_own_detail(tmp_path: Path) -> None:
    """What is fine in every frame, and another in each, is no pattern."""
    rng = np.random.default_rng(0)
    clean = np.stack([200 + texture(rng, SIDE) for _ in range(24)])
    pattern = rng.normal(0, 8, (SIDE, SIDE))
    raw = open_frames(saved(tmp_path, "a", noisy(rng, clean, 2) + pattern))
    found = values(mended(raw, Mending(("fixed-pattern",))))
    assert rms((found - clean).mean(0)) < 0.6 * rms(pattern)
    assert np.corrcoef((found - found.mean(0)).ravel(), (clean - clean.mean(0)).ravel())[0, 1] > 0.99
