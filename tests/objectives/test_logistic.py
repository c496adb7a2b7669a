"""The tangent form of R1 has the definition's gradient; and bfloat16 computes the same function, coarser."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nrgan.networks import Discriminator, Generator, compute_in
from nrgan.objectives import Logistic, Update, total
from nrgan.objectives.base import r1
from nrgan.objectives.logistic import PenaltyGradient, logistic_real, tangent


def discriminator(channels: int = 6, image_channels: int = 3) -> Discriminator:
    network = Discriminator(image_channels, channels).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():  # biases too: the tangent form must scale them
        torch.nn.init.normal_(parameter, std=0.2, generator=generator)
    return network


def definition(d: Discriminator, y: Tensor, r1_weight: float) -> Update:
    """The losses on real images as they are defined: R1 by a gradient of a gradient."""
    logits = d(y.requires_grad_())
    losses = {"real": logistic_real(logits), "r1": r1_weight * r1(logits, y)}
    return Update(losses, total(losses))


def assert_same_update(d: Discriminator, ours: Update, theirs: Update) -> None:
    """Equal losses, and equal gradients in all parameters, but for rounding."""
    assert ours.losses.keys() == theirs.losses.keys()
    for name, loss in theirs.losses.items():
        torch.testing.assert_close(ours.losses[name].detach(), loss.detach(), rtol=1e-12, atol=0)
    parameters = list(d.parameters())
    expected = torch.autograd.grad(theirs.to_minimise, parameters)
    for one, two in zip(torch.autograd.grad(ours.to_minimise, parameters), expected, strict=True):
        assert float((one - two).abs().max()) <= 1e-12 * float(two.abs().max())


@pytest.mark.parametrize("image_channels", [3, 6])
@pytest.mark.parametrize("r1_weight", [0.1, 10.0, 1000.0])
def test_tangent_has_the_gradient_of_the_definition(r1_weight: float, image_channels: int) -> None:
    d = discriminator(image_channels=image_channels)
    y = torch.randn(5, image_channels, 16, 16, dtype=torch.float64)
    assert_same_update(d, tangent(d, y.clone(), r1_weight), definition(d, y.clone(), r1_weight))


def test_both_forms_make_the_same_update() -> None:
    d = discriminator()
    real, fake = torch.randn(2, 5, 3, 16, 16, dtype=torch.float64)
    forms: list[PenaltyGradient] = ["tangent", "double-backward"]
    ours, theirs = (Logistic(10.0, form).update_discriminator(d, real.clone(), fake) for form in forms)
    assert_same_update(d, ours, theirs)


def test_without_penalty_or_linearity_the_definition_is_used() -> None:
    d, (real, fake) = discriminator(), torch.randn(2, 2, 3, 8, 8, dtype=torch.float64)
    assert set(Logistic(r1_weight=0.0).update_discriminator(d, real.clone(), fake).losses) == {"real", "fake"}
    d.piecewise_linear = False
    assert Logistic().update_discriminator(d, real.clone(), fake).losses["r1"].requires_grad, "a gradient of a gradient"


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
