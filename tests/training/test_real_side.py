"""The tangent form of R1 has the definition's gradient; and bfloat16 computes the same function, coarser."""

from __future__ import annotations

import pytest
import torch

from nrgan.networks import Discriminator, Generator, compute_in
from nrgan.training.real_side import double_backward, real_side, tangent


def discriminator(channels: int = 6, image_channels: int = 3) -> Discriminator:
    network = Discriminator(image_channels, channels).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():  # biases too: the tangent form must scale them
        torch.nn.init.normal_(parameter, std=0.2, generator=generator)
    return network


@pytest.mark.parametrize("image_channels", [3, 6])
@pytest.mark.parametrize("r1_weight", [0.1, 10.0, 1000.0])
def test_tangent_has_the_gradient_of_the_definition(r1_weight: float, image_channels: int) -> None:
    d = discriminator(image_channels=image_channels)
    y = torch.randn(5, image_channels, 16, 16, dtype=torch.float64)
    plain, fast = double_backward(d, y.clone(), r1_weight), tangent(d, y.clone(), r1_weight)
    for name in ("real", "r1"):
        torch.testing.assert_close(fast.losses[name], plain.losses[name].detach(), rtol=1e-12, atol=0)
    parameters = list(d.parameters())
    expected = torch.autograd.grad(plain.to_minimise, parameters)
    for ours, theirs in zip(torch.autograd.grad(fast.to_minimise, parameters), expected, strict=True):
        assert float((ours - theirs).abs().max()) <= 1e-12 * float(theirs.abs().max())


def test_without_penalty_or_linearity_the_definition_is_used() -> None:
    d, y = discriminator(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    assert set(real_side("tangent", d, y.clone(), 0.0).losses) == {"real"}
    d.piecewise_linear = False
    assert real_side("tangent", d, y.clone(), 1.0).losses["r1"].requires_grad, "the double-backward form"


def test_the_stated_condition_holds() -> None:
    """D is positively homogeneous without biases, and its samples do not meet: what `piecewise_linear` promises."""
    d = discriminator()
    for name, parameter in d.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    y = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(d(3.0 * y), 3.0 * d(y))
    torch.testing.assert_close(d(y)[1:2], d(y[1:2]))


def test_bfloat16_computes_nearly_the_same() -> None:
    generator, d = Generator(8, 16, 3, 16), Discriminator(3, 16)
    z = torch.randn(4, 8)
    exact_x = generator(z)
    exact = d(exact_x)
    compute_in(generator, torch.bfloat16)
    compute_in(d, torch.bfloat16)
    x = generator(z)
    assert x.dtype == torch.float32 and d(x).dtype == torch.float32
    assert 0 < float((x - exact_x).detach().abs().max()) < 0.05
    assert 0 < float((d(x) - exact).detach().abs().max()) < 0.05
    gradients = torch.autograd.grad(tangent(d, x.detach(), 10.0).to_minimise, list(d.parameters()))
    assert all(g.dtype == torch.float32 for g in gradients)
