"""What the discriminator is given: values about the mean of the images, with the contrast of photographs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nrgan.training.config import NetworkOptions
from nrgan.training.state import new_state
from nrgan.training.step import _normalised, discriminator_step, generator_step
from plans import plan_of

CENTRE, GAIN = -0.75, 4.0
SMALL = {"image_size": 16, "channels": 4, "latent_size": 4, "batch_size": 4}


class Seen(nn.Module):
    """A discriminator of (y − centre)·gain, written out."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, y: Tensor) -> Tensor:
        logits: Tensor = self.discriminator((y - CENTRE) * GAIN)
        return logits


def test_by_default_it_is_the_image_itself() -> None:
    y = torch.randn(2, 3, 4, 4)
    assert _normalised(NetworkOptions(), y) is y


def test_losses_and_gradients_are_those_of_a_discriminator_that_does_it() -> None:
    """R1 is the squared gradient in what is given: gain⁻² of that in the image."""
    sizes = {**SMALL, "setting": "shapes-ag25", "model": "sinrgan1"}
    plan = plan_of(**sizes, discriminator_centre=CENTRE, discriminator_gain=GAIN)
    plain = plan_of(**sizes, r1_weight=plan.config.objective.r1_weight / GAIN**2)
    one, other = (new_state(each, torch.device("cpu"), torch.float64) for each in (plan, plain))
    for parameter in other.discriminator.parameters():
        parameter.requires_grad_(True)
    inner, other.discriminator = other.discriminator, Seen(other.discriminator)
    real = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    for step in (lambda s, p: generator_step(s, p, s.draws()), lambda s, p: discriminator_step(s, p, real, s.draws())):
        found, expected = step(one, plan), step(other, plain)
        assert found.keys() == expected.keys()
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name], rtol=1e-10, atol=1e-12)
    for (name, a), b in zip(one.discriminator.named_parameters(), inner.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-8, atol=1e-10, msg=name)
