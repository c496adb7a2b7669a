"""The expected error of each value, learned without a clean image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.uncertainty import ErrorNetwork, known, probed

LEVEL = 25.0
SIGMA = LEVEL / 255
SPREAD = 0.15
"""Of clean values, independent from pixel to pixel: then the mean of x given y is known."""


def shrunk(y: Tensor) -> Tensor:
    """E[x | y] of values around 1/2."""
    kept = SPREAD**2 / (SPREAD**2 + SIGMA**2)
    return 0.5 + kept * (y - 0.5)


def clean_and_noisy(law: Fitted, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x = 0.5 + SPREAD * torch.randn(64, 1, 32, 32, generator=rng)
    return x, x + law.simulate_noise(x, rng)


def test_a_draw_is_right_in_the_mean_and_spreads_less_than_the_noise() -> None:
    law = Fitted(level=(LEVEL,))
    x, y = clean_and_noisy(law)
    slope, spread = probed(shrunk, y, law, torch.Generator().manual_seed(1)).squared_errors.unbind(2)
    truth = float(((shrunk(y) - x) ** 2).mean())
    kept = SPREAD**2 / (SPREAD**2 + SIGMA**2)
    assert float(slope.mean()) == pytest.approx(truth, rel=0.03)
    assert float(spread.mean()) == pytest.approx((kept * SIGMA) ** 2, rel=0.03)
    unbiased = (shrunk(y) - y) ** 2 + 2 * slope - SIGMA**2
    assert float(unbiased.mean()) == pytest.approx(truth, rel=0.1)
    torch.testing.assert_close(known(shrunk, x, y).squared_errors[:, :, 1], (shrunk(y) - x) ** 2)


def test_it_learns_where_errors_are_large() -> None:
    """Of noise whose level doubles from dark to bright, and a denoiser that lets a ninth of its variance through."""
    law = Fitted(signal=(0.3, 0.7), level=(15.0, 30.0))
    network, rng = ErrorNetwork(), torch.Generator().manual_seed(1)
    network.initialise(rng)
    adam = torch.optim.Adam(network.parameters(), 1e-2)

    def smooth(seed: int) -> tuple[Tensor, Tensor]:
        rng = torch.Generator().manual_seed(seed)
        x = torch.nn.functional.interpolate(0.3 + 0.4 * torch.rand(8, 1, 4, 4, generator=rng), 32, mode="bilinear")
        return x, x + law.simulate_noise(x, rng)

    def blurred(y: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(y, (1,) * 4, mode="reflect"), 3, 1)

    for k in range(250):
        _, y = smooth(k)
        adam.zero_grad()
        network.loss(probed(blurred, y, law, rng)).backward()
        adam.step()
    x, y = smooth(1_000)
    found = blurred(y)
    with torch.no_grad():
        told, truth = network(y, found), (found - x) ** 2
    for part in (x < 0.45, (x > 0.45) & (x < 0.55), x > 0.55):
        assert float(told[part].mean()) == pytest.approx(float(truth[part].mean()), rel=0.3)
    with torch.no_grad():
        torch.testing.assert_close(network(3 * y, 3 * found), 9 * told)


def test_what_is_far_away_changes_nothing() -> None:
    network = ErrorNetwork()
    y = torch.rand(1, 2, 41, 41)
    found = y / 2
    changed, at = found.clone(), 20
    changed[0, 1, at, at] += 1
    different = (network(y, changed) != network(y, found))[0].any(0).nonzero()
    assert int((different - at).abs().max()) == network.radius
    assert network(y[..., :5, :9], found[..., :5, :9]).shape == (1, 2, 5, 9)
