"""Every corruption, by name: its law's moments, and its simulator's agreement with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import RandomState

from laws import LAWS
from nrgan.corruptions import (
    AdditiveGaussian,
    Between,
    BrownGaussian,
    LocalGaussian,
    Mixture,
    Poisson,
)
from nrgan.errors import UserError

ROWS = sorted(LAWS)
SIZE = 32
IMAGES = 400


def _signal() -> np.ndarray:
    """Four flat bands of signal, one image (H, W, C): some dark, some bright."""
    u = np.repeat(np.array([0.15, 0.4, 0.6, 0.9]), SIZE // 4)
    return np.broadcast_to(u[None, :, None], (SIZE, SIZE, 3)).copy()


def _law_noise(row: str) -> np.ndarray:
    u = _signal()
    corruption = LAWS[row]
    noisy = np.stack([corruption.corrupt(u, RandomState(i)) for i in range(IMAGES)])
    return (noisy - u).transpose(0, 3, 1, 2)


def _simulated_noise(row: str) -> np.ndarray:
    x = torch.from_numpy(_signal()).permute(2, 0, 1).expand(IMAGES, -1, -1, -1)
    generator = torch.Generator().manual_seed(1)
    return (LAWS[row].simulate(x, generator) - x).numpy()


def _bands(n: np.ndarray) -> np.ndarray:
    """(N, C, H, W) → (4, N): means over each band of equal signal."""
    return n.reshape(*n.shape[:3], 4, SIZE // 4).mean(axis=(1, 2, 4)).T


STATISTICS = {
    "mean": lambda n: _bands(n),
    "variance": lambda n: _bands(n**2),
    "vertical neighbours": lambda n: _bands(n * np.roll(n, 1, axis=2)),
    "horizontal neighbours": lambda n: _bands(n * np.roll(n, 1, axis=3)),
    "horizontal neighbours, two apart": lambda n: _bands(n * np.roll(n, 2, axis=3)),
    "diagonal neighbours": lambda n: _bands(n * np.roll(n, (1, 1), axis=(2, 3))),
    "rows, far apart": lambda n: _bands(n * np.roll(n, 16, axis=3)),
    "columns, far apart": lambda n: _bands(n * np.roll(n, 16, axis=2)),
    "channels": lambda n: _bands(n * np.roll(n, 1, axis=1)),
    "absolute": lambda n: _bands(np.abs(n)),
    "level varies over images": lambda n: _bands(n**2).mean(0, keepdims=True) ** 2,
    "skewness": lambda n: _bands(n**3),
    "kurtosis": lambda n: _bands(n**4),
    "black": lambda n: _bands(np.isclose(n + _signal().transpose(2, 0, 1), 0, atol=1e-9)),
    "white": lambda n: _bands(np.isclose(n + _signal().transpose(2, 0, 1), 1, atol=1e-9)),
    "black in all channels": lambda n: _bands(
        np.isclose(n + _signal().transpose(2, 0, 1), 0, atol=1e-9).all(1, keepdims=True)
    ),
}
SHAPE_STATISTICS = ("absolute", "skewness", "kurtosis", "black", "white", "black in all channels")
"""Beyond the second moment, which not every simulator promises."""


@pytest.mark.parametrize("row", ROWS)
def test_simulator_agrees_with_the_law(row: str) -> None:
    law, simulated = _law_noise(row), _simulated_noise(row)
    for name, statistic in STATISTICS.items():
        if name in SHAPE_STATISTICS and not LAWS[row].simulator_is_exact:
            continue
        a, b = statistic(law), statistic(simulated)
        spread = np.sqrt(a.var(axis=1) / IMAGES + b.var(axis=1) / IMAGES)
        # where neither varies, as the share of black where there is none, both are to be the same
        z = np.abs(a.mean(axis=1) - b.mean(axis=1)) / np.maximum(spread, 1e-12)
        assert z.max() < 4.5, f"{row}: {name} differs by {z.max():.1f} standard errors"


BROWN = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256.0
# variance of the noise at unit-range signal u, levels in units of 1/255, away from the border
VARIANCES = {
    "ag25": lambda u: 25**2,
    "ag5-50": lambda u: (50**3 - 5**3) / (3 * 45),
    "lg25p16": lambda u: 25**2,  # inside the patch
    "u50": lambda u: 50**2 / 3,
    "mix": lambda u: 0.7 * 15**2 + 0.2 * 25**2 + 0.1 * 50**2 / 3,
    "bg25k5": lambda u: 25**2,
    "abg25k5": lambda u: 25**2 * (2 + 2 * BROWN.max() / np.sqrt((BROWN**2).sum())),
    "mg25": lambda u: (25 * u) ** 2,
    "mg5-50": lambda u: (50**3 - 5**3) / (3 * 45) * u**2,
    "amg5_25": lambda u: (25 * u) ** 2 + 5**2,
    "amg25_25": lambda u: (25 * u) ** 2 + 25**2,
    "p30": lambda u: 255**2 * u / 30,
    "p10-50": lambda u: 255**2 * u * np.log(50 / 10) / 40,
    "pg30_5": lambda u: 255**2 * u / 30 + 5**2,
    "pg30_25": lambda u: 255**2 * u / 30 + 25**2,
}


@pytest.mark.parametrize("row", sorted(VARIANCES))
def test_variance_is_the_stated_one(row: str) -> None:
    u = np.array([0.15, 0.4, 0.6, 0.9])
    noise = _law_noise(row)[:, :, 4:-4] * 255
    squares = noise**2
    if isinstance(LAWS[row], LocalGaussian):
        squares = np.where(squares > 0, squares, np.nan)
    bands = np.ma.masked_invalid(squares.reshape(*squares.shape[:3], 4, 8)[..., 3:5])
    per_image = bands.mean(axis=(1, 2, 4))
    error = per_image.std(axis=0) / np.sqrt(per_image.count(axis=0))
    expected = np.array([VARIANCES[row](float(v)) for v in u])
    assert np.all(np.abs(per_image.mean(axis=0) - expected) < 5 * error)


@pytest.mark.parametrize("row", ROWS)
def test_randomness_is_the_argument(row: str) -> None:
    corruption = LAWS[row]
    image = (_signal() * 255).astype(np.uint8)
    first, again, other = (corruption.corrupt(image, RandomState(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.dtype == np.float64 and first.shape == image.shape
    x = torch.rand(2, 3, SIZE, SIZE)
    one, two = (corruption.simulate(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)


def test_uint8_and_unit_images_are_the_same_image() -> None:
    image = RandomState(0).randint(0, 256, (8, 8, 3)).astype(np.uint8)
    law = AdditiveGaussian(25)
    assert np.array_equal(law.corrupt(image, RandomState(1)), law.corrupt(image / 255.0, RandomState(1)))


def test_local_patch_covers_what_it_should() -> None:
    law = LocalGaussian(25, patch=Between(8, 24))
    corners = []
    for seed in range(300):
        rows, columns, _ = np.nonzero(law.noise(np.zeros((32, 32, 3)), RandomState(seed)))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 8 <= height <= 24 and 8 <= width <= 24
        corners.append((rows.min(), columns.min(), height, width))
    assert np.array(corners)[:, 2].min() == 8 and np.array(corners)[:, 2].max() == 24
    # every patch position of the simulator lies inside the image, and all rows are reached
    noise = law.simulate_noise(torch.zeros(3000, 1, 32, 32), torch.Generator().manual_seed(0))[:, 0] != 0
    rows_hit = noise.any(dim=2)
    assert int(rows_hit.sum(1).min()) >= 8 and int(rows_hit.sum(1).max()) <= 24
    assert bool(rows_hit[:, 0].any()) and bool(rows_hit[:, -1].any())


def test_mixture_shares() -> None:
    noise = Mixture(levels=(0, 0, 50), rates=(0.7, 0.2, 0.1)).simulate_noise(torch.zeros(50, 3, 32, 32))
    share = (noise != 0).all(dim=1).float().mean()
    assert abs(float(share) - 0.1) < 0.01
    assert float(noise.abs().max()) <= 50 / 255


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AdditiveGaussian(-1), "level=-1"),
        (lambda: Between(5, 2), "low <= high"),
        (lambda: Poisson(0), "must be > 0"),
        (lambda: BrownGaussian(kernel_size=4), "odd"),
        (lambda: Mixture(levels=(1,), rates=(0.5,)), "summing to 1"),
        (lambda: AdditiveGaussian().corrupt(np.zeros((4, 4)), RandomState()), "(H, W, C)"),
        (lambda: LocalGaussian(25, 16).corrupt(np.zeros((8, 8, 3)), RandomState()), "does not fit"),
    ],
)
def test_bad_values_are_named(make: object, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("(", r"\(").replace(")", r"\)")):
        make()  # type: ignore[operator]


@given(
    levels=st.lists(st.floats(1, 60), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.1, 1), min_size=4, max_size=4),
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_mixtures_of_any_number_agree_with_their_simulator(levels: list[float], weights: list[float]) -> None:
    """The last component is uniform, also where it is the only one."""
    rates = np.array(weights[: len(levels)]) / sum(weights[: len(levels)])
    mixture = Mixture(tuple(levels), tuple(rates / rates.sum()))
    image = np.full((96, 96, 3), 0.5)
    law = mixture.corrupt(image, RandomState(0)) - image
    x = torch.full((1, 3, 96, 96), 0.5, dtype=torch.float64)
    simulated = (mixture.simulate(x, torch.Generator().manual_seed(0)) - x).numpy()
    for statistic in (np.abs, np.square, lambda n: n**4):
        a, b = statistic(law).ravel(), statistic(simulated).ravel()
        spread = np.sqrt(a.var() / a.size + b.var() / b.size) * 3**0.5  # the channels of a pixel share a component
        assert abs(a.mean() - b.mean()) < 5 * spread
