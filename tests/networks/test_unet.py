"""The denoiser's network: how far it sees, and what it keeps."""

from __future__ import annotations

import pytest
import torch

from nrgan.errors import UserError
from nrgan.networks.unet import UNet, UNetSizes

SIZES = [UNetSizes(1, 4, 1, 1), UNetSizes(3, 4, 2, 1), UNetSizes(1, 4, 3, 2), UNetSizes(2, 4, 2, 2)]


def network(sizes: UNetSizes) -> UNet:
    made = UNet(sizes)
    rng = torch.Generator().manual_seed(1)
    made.initialise(rng)
    torch.nn.init.normal_(made.tail.weight, std=0.1, generator=rng)
    return made.double().requires_grad_(False)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_pixel_changes_what_lies_within_the_radius_and_nothing_beyond(sizes: UNetSizes) -> None:
    f, r = network(sizes), sizes.radius
    side, reached = 4 * r + 16, 0
    y = torch.randn(1, sizes.image_channels, side, side, dtype=torch.float64)
    for at in range(2 * r, 2 * r + sizes.multiple):
        changed = y.clone()
        changed[0, 0, at, at] += 1
        different = (f(changed) != f(y))[0].any(0).nonzero()
        distance = int((different - at).abs().max())
        assert distance <= r
        reached = max(reached, distance)
    assert reached >= r - sizes.multiple  # the radius is no guess


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_brighter_images_have_brighter_answers(sizes: UNetSizes) -> None:
    f = network(sizes)
    y = torch.randn(2, sizes.image_channels, 33, 46, dtype=torch.float64)
    torch.testing.assert_close(f(7 * y), 7 * f(y))
    assert f(y).shape == y.shape


def test_weights_depend_on_the_generator_alone_and_begin_where_nothing_is_done() -> None:
    a, b = UNet(UNetSizes(3, 8)), UNet(UNetSizes(3, 8))
    for network in (a, b):
        network.initialise(torch.Generator().manual_seed(3))
    torch.testing.assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)
    y = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(a(y), y, rtol=0, atol=0)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="stages=0"):
        UNetSizes(1, stages=0)
