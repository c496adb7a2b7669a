"""What is shown of a generator: the images that `nrgan generate` writes, and ways between them."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from nrgan.errors import UserError
from nrgan.page import builtin
from nrgan.page.opened import open_networks
from nrgan.page.pictures import STEPS, Viewer
from nrgan.pictures import grid
from nrgan.runs import TrainedModel

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def viewer() -> Viewer:
    opened = open_networks([], CPU)
    assert opened.model is not None
    return Viewer(opened.model)


def test_the_built_in_networks_are_small_enough_for_the_wheel() -> None:
    files = [path for folder in (builtin.GENERATOR, builtin.DENOISER) for path in folder.rglob("*") if path.is_file()]
    assert 100_000 < sum(path.stat().st_size for path in files) < builtin.MOST_BYTES


def test_images_are_those_of_generate(viewer: Viewer) -> None:
    seen = viewer.observed(3, 5).clean
    images = grid(viewer.model.sample(5, seed=3), gap=1)
    factor = seen.shape[0] // images.shape[0]
    assert factor > 1
    assert np.abs(seen[::factor, ::factor].astype(int) - images).max() <= 1  # single precision, and double


def test_the_built_in_generator_is_clean_and_its_noise_has_the_true_level(viewer: Viewer) -> None:
    parts = viewer.model.observe(0, range(100)).parts
    assert 20 < float(parts["noise"].std()) / 2 * 255 < 30
    assert float((parts["noisy"] - parts["clean"] - parts["noise"]).abs().max()) < 1e-5
    rough = {name: float(parts[name].diff(dim=3).abs().mean()) for name in ("clean", "noisy")}
    assert rough["clean"] < rough["noisy"] / 2


def test_a_walk_ends_where_both_seeds_are(viewer: Viewer) -> None:
    first, last = (viewer.observed(seed, 1).clean for seed in (0, 9))
    assert np.array_equal(viewer.between(0, 9, 0), first) and np.array_equal(viewer.between(0, 9, 1), last)
    way = viewer.walk(0, 9)
    assert way.shape[1] > 4 * way.shape[0]
    steps = np.array_split(way, STEPS, axis=1)
    least = min(step.shape[1] for step in steps)
    assert all((a[:, :least] != b[:, :least]).any() for a, b in itertools.pairwise(steps))


@pytest.mark.parametrize(
    ("seed", "count", "words"), [(-1, 1, "seed"), (2**63, 1, "seed"), (0, 0, "count"), (0, 37, "count")]
)
def test_what_cannot_be_shown_is_said(viewer: Viewer, seed: int, count: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        viewer.observed(seed, count)


def test_many_at_once_see_what_one_sees(viewer: Viewer) -> None:
    alone = [viewer.observed(seed, 4) for seed in range(20)]
    assert viewer.model is not None
    together = Viewer(viewer.model)
    with ThreadPoolExecutor(20) as pool:
        for a, b in zip(alone, pool.map(lambda seed: together.observed(seed, 4), range(20)), strict=True):
            assert a.noise is not None and b.noise is not None
            assert np.array_equal(a.clean, b.clean) and np.array_equal(a.noise, b.noise)


def test_paths_are_a_run_and_a_denoiser_in_any_order(tmp_path: Path) -> None:
    opened = open_networks([builtin.DENOISER, builtin.GENERATOR], CPU)
    assert isinstance(opened.model, TrainedModel) and opened.denoiser is not None and not opened.any_values
    assert open_networks([builtin.GENERATOR], CPU).denoiser is None
    with pytest.raises(UserError, match="are two runs, and the page shows one"):
        open_networks([builtin.GENERATOR, builtin.GENERATOR.parent / "generator"], CPU)
    with pytest.raises(UserError):
        open_networks([tmp_path], CPU)
