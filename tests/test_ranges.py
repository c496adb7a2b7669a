"""Ranges convert and come back."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from nrgan.ranges import (
    dequantise,
    levels_on,
    nearest,
    nhwc,
    signed_difference,
    signed_from_unit,
    stored_from_signed,
    stored_from_unit,
    unit_difference,
    unit_from_signed,
    unit_from_stored,
)

ALL_BYTES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


def test_bytes_survive_the_round_trip() -> None:
    unit = unit_from_stored(ALL_BYTES)
    assert unit.dtype == np.float64 and unit.min() == 0 and unit.max() == 1
    assert np.array_equal(stored_from_unit(unit), ALL_BYTES)
    signed = signed_from_unit(torch.from_numpy(unit).permute(0, 3, 1, 2))
    assert np.array_equal(stored_from_signed(signed), ALL_BYTES)


@given(st.floats(-10, 10))
def test_out_of_range_is_clipped_not_wrapped(value: float) -> None:
    stored = int(stored_from_signed(torch.full((1, 1, 1, 1), value))[0, 0, 0, 0])
    assert abs(stored - np.clip((value / 2 + 0.5) * 255, 0, 255)) <= 0.5 + 1e-3


@given(st.floats(-3, 3))
def test_unit_and_signed_are_inverse(value: float) -> None:
    assert abs(float(signed_from_unit(unit_from_signed(torch.tensor(value, dtype=torch.float64)))) - value) < 1e-15


def test_differences_convert_as_the_values_they_lie_between() -> None:
    a, b = (torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(i)) for i in range(2))
    torch.testing.assert_close(signed_difference(a - b), signed_from_unit(a) - signed_from_unit(b))
    torch.testing.assert_close(unit_difference(a - b), unit_from_signed(a) - unit_from_signed(b))
    assert torch.equal(unit_difference(signed_difference(a)), a)


def test_dequantisation_fills_each_step_and_no_more() -> None:
    x = torch.from_numpy(unit_from_stored(ALL_BYTES))
    low, high = dequantise(x, torch.zeros_like(x)), dequantise(x, torch.ones_like(x))
    torch.testing.assert_close(low.flatten()[1:], high.flatten()[:-1])  # one step ends where the next begins
    assert float(low.min()) == -1 and abs(float(high.max()) - 1) < 1e-12


def test_dequantisation_of_channels_is_that_of_each_alone() -> None:
    rng = torch.Generator().manual_seed(0)
    x, u = torch.rand(4, 3, 8, 8, generator=rng), torch.rand(4, 3, 8, 8, generator=rng)
    levels = (256, 3, 60_001)
    together = dequantise(x, u, levels_on(levels, x.device))
    assert together.dtype == torch.float32
    for channel, count in enumerate(levels):
        one = slice(channel, channel + 1)
        assert torch.equal(together[:, one], dequantise(x[:, one], u[:, one], count)), "bit for bit"


def test_the_nearest_of_few_levels_and_the_gradient_of_what_it_was() -> None:
    x = torch.tensor([-0.1, 0.0, 0.16, 0.17, 0.5, 0.84, 1.0], dtype=torch.float64).expand(1, 2, 1, 7).clone()
    x.requires_grad_(True)
    found = nearest(x, levels_on((4, 2), x.device))
    thirds = torch.tensor([0, 0, 0, 1, 2, 3, 3], dtype=torch.float64) / 3  # of halves the even one, as `round` has it
    torch.testing.assert_close(found[0, 0, 0], thirds)
    torch.testing.assert_close(found[0, 1, 0], torch.tensor([0, 0, 0, 0, 0, 1, 1], dtype=torch.float64))
    (found * 3).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.full_like(x, 3.0))


def test_layouts() -> None:
    images = np.random.RandomState(0).rand(2, 3, 4, 5)
    assert nhwc(images).shape == (2, 4, 5, 3) and nhwc(images)[1, 2, 3, 0] == images[1, 0, 2, 3]
