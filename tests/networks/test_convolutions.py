"""The joined convolutions are the plain ones: forward, gradients, and gradients of gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.networks.resnet.blocks import DownBlock, FirstBlock, UpBlock
from nrgan.networks.resnet.convolutions import Conv, DownConv, UpConv, mean_pool, upsample


def plain_up(layer: UpConv, x: Tensor) -> Tensor:
    return F.conv2d(upsample(x), layer.weight, layer.bias, padding=1)


def plain_down(layer: DownConv, x: Tensor) -> Tensor:
    return mean_pool(F.conv2d(x, layer.weight, layer.bias, padding=1))


def assert_same_function(one: Callable[[Tensor], Tensor], two: Callable[[Tensor], Tensor], weight: Tensor) -> None:
    """Equal values, gradients in input and weight, and gradients of the input gradient's square."""
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    results = []
    for function in (one, two):
        y = function(x)
        direction = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape)
        first = torch.autograd.grad((y.relu() * direction).sum(), (x, weight), create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), weight)
        results.append([y, *first, *second])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("kind", "plain"), [(UpConv, plain_up), (DownConv, plain_down)])
def test_joined_convolution_is_the_plain_one(kind: type[Conv], plain: Callable[[Conv, Tensor], Tensor]) -> None:
    layer = kind(3, 5).double()
    assert layer.weight.shape == (5, 3, 3, 3)
    assert_same_function(layer, lambda x: plain(layer, x), layer.weight)


def test_blocks_are_the_papers() -> None:
    """Each block against its formula written with plain operations at the resolutions of the paper."""

    def conv(layer: Conv, x: Tensor) -> Tensor:
        return F.conv2d(x, layer.weight, layer.bias, padding=layer.weight.shape[-1] // 2)

    up, down, first = UpBlock(3, 0.1).double(), DownBlock(3, 0.1).double(), FirstBlock(3, 4, 0.1).double()
    formulas = {
        up: lambda x: conv(up.shortcut, upsample(x)) + 0.1 * conv(up.conv2, conv(up.conv1, upsample(x.relu())).relu()),
        down: lambda x: (
            mean_pool(conv(down.shortcut, x)) + 0.1 * mean_pool(conv(down.conv2, conv(down.conv1, x.relu()).relu()))
        ),
        first: lambda x: (
            conv(first.shortcut, mean_pool(x)) + 0.1 * mean_pool(conv(first.conv2, conv(first.conv1, x).relu()))
        ),
    }
    for block, formula in formulas.items():
        assert_same_function(block, formula, block.conv2.weight)
