"""Tiles: as exact as the whole."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from denoising.mappings import Identity, Mean, Network
from nrgan.denoising import tiles
from nrgan.denoising.mapping import Mapping
from nrgan.denoising.tiles import Unit, in_tiles, mapped


def image(height: int, width: int, channels: int = 1, seed: int = 0) -> Unit:
    return np.random.default_rng(seed).normal(0.5, 0.3, (height, width, channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("mapping", "channels"),
    [(Identity(), 1), (Mean(), 2), (Network(1, 1), 1), (Network(3, 2, 2), 3), (Network(1, 3), 1), (Network(1, 4), 1)],
)
@pytest.mark.parametrize("sides", [(96, 96), (67, 101), (130, 33), (1, 90), (17, 5)])
@pytest.mark.parametrize("side", [1, 16, 37, 64, 1000])
def test_tiles_equal_the_whole(mapping: Mapping, channels: int, sides: tuple[int, int], side: int) -> None:
    if side == 1 and mapping.multiple < 4:
        sides = (min(sides[0], 20), min(sides[1], 20))
    y = image(*sides, channels)
    whole = mapped(mapping, y)
    found = in_tiles(mapping, y, side)
    assert found.shape == y.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-5)


def test_a_halo_that_is_too_narrow_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping, y = Network(1, 3), image(128, 128)
    monkeypatch.setattr(tiles, "halo_of", lambda mapping: 8)
    assert np.abs(in_tiles(mapping, y, 32) - mapped(mapping, y)).max() > 1e-5


@pytest.mark.parametrize("sides", [(1, 1), (1, 2), (3, 1), (2, 2), (7, 5), (8, 3)])
@pytest.mark.parametrize("stages", [1, 3])
def test_tiny_images(sides: tuple[int, int], stages: int) -> None:
    y = image(*sides)
    found = in_tiles(Network(1, stages), y)
    assert found.shape == y.shape and np.isfinite(found).all()
    np.testing.assert_array_equal(in_tiles(Identity(), y), y)


class Short:
    """Of memory, as long as tiles are larger than it allows."""

    radius, multiple = 1, 1

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error, self.failed = most, error, 0

    def __call__(self, y: Tensor) -> Tensor:
        if y.shape[-1] * y.shape[-2] > self.most:
            self.failed += 1
            raise self.error
        return Mean()(y)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory.")])
def test_memory_that_does_not_suffice_is_met_with_smaller_tiles(error: Exception) -> None:
    y = image(90, 70)
    short = Short(60 * 60, error)
    np.testing.assert_allclose(in_tiles(short, y), mapped(Mean(), y), rtol=0, atol=1e-6)
    assert short.failed == 1
    with pytest.raises(type(error)):
        in_tiles(Short(10, error), y)
    with pytest.raises(RuntimeError, match="wrong"):
        in_tiles(Short(10, RuntimeError("wrong shape")), y)


def test_the_side_follows_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    for free, side in ((1 << 40, 384), (1 << 20, 64)):
        monkeypatch.setattr(tiles, "free_memory", lambda free=free: free)
        assert tiles._side(Network(1, 3)) == side
