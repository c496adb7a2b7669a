"""The expected error of each value, learned without a clean image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.uncertainty import ErrorNetwork, known, probed
from nrgan.networks.unet import UNet, UNetSizes

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
    judged = probed(shrunk, y, law, torch.Generator().manual_seed(1))
    truth = float(((shrunk(y) - x) ** 2).mean())
    assert float(judged.squared_error.mean()) == pytest.approx(truth, rel=0.03)
    unbiased = (shrunk(y) - y) ** 2 + 2 * judged.squared_error - SIGMA**2
    assert float(unbiased.mean()) == pytest.approx(truth, rel=0.1)
    torch.testing.assert_close(known(shrunk, x, y).squared_error, (shrunk(y) - x) ** 2)


def test_it_learns_where_errors_are_large() -> None:
    """Of noise whose level doubles from dark to bright."""
    law = Fitted(signal=(0.3, 0.7), level=(15.0, 30.0))
    sizes = UNetSizes(1, 8, 2, 1)
    network, start = ErrorNetwork(sizes), torch.Generator().manual_seed(0)
    next(part for part in network.modules() if isinstance(part, UNet)).initialise(start)
    adam, rng = torch.optim.Adam(network.parameters(), 3e-3), torch.Generator().manual_seed(1)

    def smooth(seed: int) -> tuple[Tensor, Tensor]:
        rng = torch.Generator().manual_seed(seed)
        x = torch.nn.functional.interpolate(0.3 + 0.4 * torch.rand(8, 1, 4, 4, generator=rng), 32, mode="bilinear")
        return x, x + law.simulate_noise(x, rng)

    def blurred(y: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(y, (1,) * 4, mode="reflect"), 3, 1)

    for k in range(250):
        _, y = smooth(k)
        adam.zero_grad()
        network.loss(*probed(blurred, y, law, rng)).backward()
        adam.step()
    x, y = smooth(1_000)
    found = blurred(y)
    with torch.no_grad():
        told, truth = network(y, found), (found - x) ** 2
    for part in (x < 0.45, (x > 0.45) & (x < 0.55), x > 0.55):
        assert float(told[part].mean()) == pytest.approx(float(truth[part].mean()), rel=0.3)
