"""The priors by their law: the covariance that σ says, mean 0, and the published ones bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nrgan import UserError
from nrgan.draws import FreshDraws, PartDraws, RecordedDraws, Share
from nrgan.limits import MOST_MAPS
from nrgan.observation import PRIORS, Filtered, Gaussian, Independent
from nrgan.observation.priors import find_prior
from nrgan.ranges import unit_from_signed

ROWS = {name: row.prior for name, row in PRIORS.items() if row.prior is not None}


def draws(seed: int = 0) -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(seed), dtype=torch.float64)


def sigma_of(prior: Gaussian, channels: int, height: int, width: int, batch: int = 1) -> Tensor:
    shape = (batch, channels * prior.maps, height, width)
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 0.3


def covariance(prior: Gaussian, sigma: Tensor, x: Tensor, count: int = 40_000) -> Tensor:
    """E n·nᵀ over `count` draws for one σ and one image."""
    many = (count, -1, -1, -1)
    n = prior.noise(sigma.expand(many), x.expand(many), draws()).flatten(1)
    assert float(n.mean(dim=0).abs().max()) < 5 * float(n.std()) * count**-0.5 * 2
    return n.T @ n / count


@pytest.mark.parametrize("name", ROWS)
def test_noise_is_as_much_as_sigma_says_and_no_image(name: str) -> None:
    """n is linear in σ, has no gradient to x, and its sign says nothing."""
    prior = ROWS[name]
    x = (torch.rand(4, 3, 8, 8, dtype=torch.float64) - 0.5).requires_grad_()
    sigma = sigma_of(prior, 3, 8, 8, batch=4).requires_grad_()
    n = prior.noise(sigma, x, draws())
    assert n.shape == x.shape
    torch.testing.assert_close(prior.noise(2 * sigma, x, draws()), 2 * n)
    by_x, by_sigma = torch.autograd.grad(n.square().sum(), (x, sigma), allow_unused=True)
    assert by_x is None and bool((by_sigma != 0).all()), "every map is used everywhere"


@pytest.mark.parametrize("name", ROWS)
def test_a_batch_in_parts_is_the_batch(name: str) -> None:
    prior, x, shared = ROWS[name], torch.rand(6, 2, 8, 8, dtype=torch.float64), {}
    sigma = sigma_of(prior, 2, 8, 8, batch=6)
    whole = prior.noise(sigma, x, draws())
    for p in range(3):
        part = prior.noise(sigma[p::3], x[p::3], PartDraws(draws(), Share(6, p, 3), shared))
        torch.testing.assert_close(part, whole[p::3])


def together(prior: Gaussian, sigma: Tensor, channels: int, height: int, width: int) -> Tensor:
    """The covariance of the parts, value by value, from what they say of themselves."""
    places = [(c, y, x) for c in range(channels) for y in range(height) for x in range(width)]
    expected = torch.zeros(len(places), len(places), dtype=torch.float64)
    maps = sigma.view(prior.maps, channels, height, width)
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            expected[i, j] = sum(_of_part(part, own, a, b) for part, own in _parts(prior, maps))
    return expected


def _parts(prior: Gaussian, maps: Tensor) -> Any:
    return zip(prior.parts, maps.split([part.maps for part in prior.parts]), strict=True)


def _of_part(part: Any, maps: Tensor, a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    if isinstance(part, Filtered):
        if a[0] != b[0]:
            return 0.0
        weights = maps.view(part.down, part.across, *maps.shape[1:])
        total = 0.0
        for i in range(part.down):
            for j in range(part.across):
                k, m = a[1] + i - b[1], a[2] + j - b[2]  # the tap of b that reaches the same ε
                if 0 <= k < part.down and 0 <= m < part.across:
                    total += float(weights[(i, j, *a)] * weights[(k, m, *b)])
        return total
    if any(a[axis - 1] != b[axis - 1] for axis in (1, 2, 3) if axis not in part.shared):
        return 0.0
    along = [axis - 1 for axis in part.shared if axis > 1]
    one = maps[0].mean(dim=along, keepdim=True).expand_as(maps[0]) if along else maps[0]
    return float(one[a] * one[b])


@pytest.mark.parametrize("name", ROWS)
def test_the_covariance_is_what_sigma_says(name: str) -> None:
    prior, (channels, height, width) = ROWS[name], (2, 3, 4)
    sigma = sigma_of(prior, channels, height, width)
    x = torch.full((1, channels, height, width), -0.5, dtype=torch.float64)  # unit value ¼
    gain = {"proportional": 2 * 0.25, "square-root": 2 * 0.5}.get(name, 1.0)
    expected = together(prior, sigma, channels, height, width) * gain**2
    scale = float(expected.diagonal().max())
    torch.testing.assert_close(covariance(prior, sigma, x) / scale, expected / scale, atol=0.035, rtol=0)


def test_row_stripes_are_constant_along_rows() -> None:
    prior = ROWS["row-stripes"]
    sigma = sigma_of(prior, 3, 8, 8, batch=5)
    sigma[:, :3] = 0  # without the part of pixels
    n = prior.noise(sigma, torch.zeros(5, 3, 8, 8, dtype=torch.float64), draws())
    torch.testing.assert_close(n, n[..., :1].expand_as(n))
    assert float((n[:, :, 1:] - n[:, :, :-1]).abs().min()) > 0


def test_filtered_noise_reaches_as_far_as_its_window() -> None:
    """With weights ρᵏ its correlation is that of the truncated series, and 0 beyond it."""
    prior, rho, width = ROWS["row-correlated"], 0.6, 24
    sigma = (rho ** torch.arange(prior.maps, dtype=torch.float64)).view(1, -1, 1, 1).expand(-1, -1, 1, width)
    found = covariance(prior, sigma, torch.zeros(1, 1, 1, width, dtype=torch.float64))[0]
    weights = sigma[0, :, 0, 0]
    series = [float((weights[: len(weights) - k] * weights[k:]).sum()) for k in range(len(weights))]
    expected = torch.tensor(series + [0.0] * (width - len(series)), dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=0.04, rtol=0)


@pytest.mark.parametrize("name", ["gaussian", "proportional", "square-root"])
def test_the_published_priors_bit_for_bit(name: str) -> None:
    x, sigma, eps = (torch.randn(4, 3, 8, 8) for _ in range(3))
    x = x.clamp(-1, 1)
    unit = unit_from_signed(x)
    gain = {"gaussian": 1.0, "proportional": 2 * unit, "square-root": 2 * unit.sqrt()}[name]
    assert torch.equal(ROWS[name].noise(sigma, x, RecordedDraws({"eps": eps})), eps * sigma * gain)


def test_what_no_network_would_make_is_refused() -> None:
    with pytest.raises(UserError, match=rf"take 25 maps a channel; from 1 to {MOST_MAPS} will do"):
        Gaussian((Filtered("eps", 5, 5),))
    with pytest.raises(UserError, match="take 0 maps"):
        Gaussian(())
    assert Gaussian((Independent("eps"), Filtered("eps_near", 2, 2))).maps == 5


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown prior 'gausian'; the nearest are gaussian"):
        find_prior("gausian")
    assert all(row.holds for row in PRIORS.values())
