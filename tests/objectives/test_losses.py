"""Losses against their formulas, and what every objective promises."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from nrgan.networks import Discriminator
from nrgan.objectives import OBJECTIVES, diversity
from nrgan.objectives.base import r1
from nrgan.objectives.logistic import logistic_fake, logistic_real


def test_logistic_losses_are_binary_cross_entropies() -> None:
    logits = torch.linspace(-30, 30, 13, dtype=torch.float64)
    one, zero = torch.ones_like(logits), torch.zeros_like(logits)
    torch.testing.assert_close(logistic_real(logits), F.binary_cross_entropy_with_logits(logits, one))
    torch.testing.assert_close(logistic_fake(logits), F.binary_cross_entropy_with_logits(logits, zero))
    assert float(logistic_real(torch.tensor([-2000.0]))) == 2000, "no overflow"


def test_r1_is_the_squared_gradient_without_a_half() -> None:
    weight = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    y = torch.randn(5, 3, 1, 1, dtype=torch.float64, requires_grad=True)
    logits = (y[:, :, 0, 0] * weight).sum(1)
    assert math.isclose(float(r1(logits, y)), 9)


def test_r1_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(1, 3).double()
    y = torch.randn(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    exact, total, step = float(r1(discriminator(y), y).detach()), 0.0, 1e-5
    with torch.no_grad():
        for i in range(64):
            shift = torch.zeros(64, dtype=torch.float64)
            shift[i] = step
            change = discriminator(y + shift.view_as(y)) - discriminator(y - shift.view_as(y))
            total += float(change / (2 * step)) ** 2
    assert math.isclose(exact, total, rel_tol=1e-5)


def test_diversity_pairs_the_halves() -> None:
    n = torch.tensor([0.0, 1.0, 3.0, 1.0]).view(4, 1, 1, 1)
    z = torch.tensor([[0.0], [0.0], [1.0], [2.0]])
    assert math.isclose(float(diversity(n, z)), -((3 / 1) + (0 / 2)) / 2, rel_tol=1e-6)
    assert torch.equal(diversity(torch.cat([n, n[:1]])[[0, 1, 2, 3, 4]], torch.cat([z, z[:1]])), diversity(n, z)), "odd"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_says_its_losses_and_both_sides_can_follow(name: str) -> None:
    """All losses are scalars under the names that it stated, and gradients reach both sides."""
    objective, d = OBJECTIVES[name](), Discriminator(3, 4, image_size=16).double()
    real, fake = torch.rand(2, 4, 3, 16, 16, dtype=torch.float64) - 0.5
    x = fake.clone().requires_grad_()
    of_generator = objective.generator_losses(d(x), d(real) if objective.needs_real else None)
    (gradient,) = torch.autograd.grad(torch.stack(list(of_generator.values())).sum(), x)
    of_discriminator = objective.update_discriminator(d, real, fake)
    gradients = torch.autograd.grad(of_discriminator.to_minimise, list(d.parameters()))
    losses = {**of_generator, **of_discriminator.losses}
    assert set(losses) == set(objective.names) and all(loss.shape == () for loss in losses.values())
    assert bool(gradient.any()) and all(bool(g.isfinite().all()) for g in gradients)
    assert any(bool(g.any()) for g in gradients)
