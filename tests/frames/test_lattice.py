"""The spacing of values, as they were stored or before they were rounded."""

from __future__ import annotations

import numpy as np
import pytest

from nrgan.frames import lattice_step


@pytest.mark.parametrize("spacing", [2.0, 2.37, 255 / 60, 8.5, 16.0, 65535 / 4095])
@pytest.mark.parametrize("stored", [np.rint, np.floor])
def test_stretched_levels(spacing: float, stored: np.ufunc) -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.uniform(8, 20, (4, 128, 128, 1)))
    native = stored(7 + spacing * counts).astype(np.uint16)
    assert lattice_step(native) == pytest.approx(spacing, rel=5e-3)


def test_values_that_are_missing_leave_the_spacing() -> None:
    # saturated after a gap, as bright outliers are
    native = np.rint(8.5 * np.array([0, 1, 2, 3, 4, 6, 7, 9, 10, 15, 16, 17, 30])).astype(np.uint8)
    assert lattice_step(np.repeat(native, 10)) == pytest.approx(8.5, rel=5e-3)


@pytest.mark.parametrize(
    "native",
    [
        np.arange(256, dtype=np.uint8),
        np.array([0, 127, 255], np.uint8)[:2],
        np.array([0, 5, 11, 14, 22, 40, 47, 61, 75, 80], np.uint8),
        np.rint(100 * np.array([0, 1.0, 1.43, 2, 3, 4.71, 5])).astype(np.uint16),
        np.sort(np.random.default_rng(0).choice(65536, 300)).astype(np.uint16),
        (np.arange(1.0, 30.0) ** 1.5).astype(np.float32),
        np.rint(40 * np.sqrt(np.arange(30.0))).astype(np.uint8),
    ],
    ids=["all", "two", "scattered", "a few", "many", "powers", "roots"],
)
def test_what_is_no_lattice(native: np.ndarray) -> None:
    # all values are evenly spaced: by the step of their type
    assert lattice_step(np.repeat(native, 10)) in (0.0, 1.0)


def test_values_of_floating_point() -> None:
    counts = np.random.default_rng(0).poisson(4, (64, 64)).astype(np.float32)
    assert lattice_step(counts * np.float32(0.37)) == pytest.approx(0.37, rel=1e-5)
    assert lattice_step(counts + 1e-2 * np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)) == 0.0
