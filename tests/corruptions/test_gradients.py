"""How a gradient comes through a corruption, by its kind: added noise lets it pass as it is, all else has its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from torch import Tensor

from laws import LAWS
from nrgan.corruptions import AdditiveNoise, Corruption, Sensor
from nrgan.draws import Draws, FreshDraws
from nrgan.networks import NetworkSizes, ResNet
from nrgan.observation import Known, NoiseSampler
from nrgan.ranges import signed_from_unit, unit_from_signed
from nrgan.settings import SETTINGS

SIZE = 32


@dataclass(frozen=True)
class PixelLoss(Corruption):
    """y = m·u, m ~ Bernoulli(kept) per pixel, the same for its channels: lost pixels are black."""

    kept: float = 0.7

    def _corrupt(self, u: np.ndarray, rng: RandomState) -> np.ndarray:
        return u * (rng.random_sample((*u.shape[:2], 1)) < self.kept)

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        return x * self.mask(x, draws)

    def mask(self, x: Tensor, draws: Draws) -> Tensor:
        return draws.uniform("mask", (len(x), 1, *x.shape[2:])) < self.kept


CASES = LAWS | {"pixel loss": PixelLoss()}
"""Every row, and a corruption that is more than noise."""


def draws() -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_its_kind(name: str) -> None:
    """Through added noise exactly the identity, also where the noise depends on the image; else the simulator's own."""
    corruption = CASES[name]
    x = torch.rand(6, 3, SIZE, SIZE, dtype=torch.float64).mul(0.8).add(0.1).requires_grad_()
    weight, v = torch.randn(2, *x.shape, dtype=torch.float64)
    y = corruption.simulate(x, draws())
    assert y.dtype == x.dtype and y.shape == x.shape
    (gradient,) = torch.autograd.grad((y * weight).sum(), x)
    if isinstance(corruption, AdditiveNoise):
        kept = (y != 0) & (y != 1) if corruption.replaces else torch.ones_like(y, dtype=torch.bool)
        assert bool(kept.any()) and bool(kept.all()) != corruption.replaces
        torch.testing.assert_close(gradient, weight * kept, rtol=0, atol=0)
    else:
        step = 1e-5
        ahead, behind = (corruption.simulate(x.detach() + s * v, draws()) for s in (step, -step))
        along = ((ahead - behind) * weight).sum() / (2 * step)
        torch.testing.assert_close((gradient * v).sum(), along, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_noise_that_is_added_is_the_whole_difference(name: str) -> None:
    corruption, x = CASES[name], torch.rand(6, 3, SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    if not isinstance(corruption, AdditiveNoise):
        assert not hasattr(corruption, "simulate_noise") and not hasattr(corruption, "noise"), "it has no such part"
        return
    noise = corruption.simulate_noise(x, draws())
    assert not noise.requires_grad
    torch.testing.assert_close(corruption.simulate(x, draws()), x + noise, rtol=0, atol=1e-15 * corruption.replaces)


def test_what_is_lost_goes_through_the_known_model_with_its_own_gradient() -> None:
    """D's gradient reaches the pixels that are kept, and no others."""
    loss = PixelLoss(kept=0.7)
    setting = replace(SETTINGS["shapes"], corruption=loss, sensor=Sensor(clip=False))
    observer = Known().observer(setting, ResNet(), NetworkSizes(4, SIZE))
    x = torch.rand(6, 3, SIZE, SIZE, dtype=torch.float64).sub(0.5).requires_grad_()
    observation = observer(x, torch.zeros(6, 4, dtype=torch.float64), draws())
    mask = loss.mask(x, draws().within("corruption"))
    assert 0.65 < float(mask.double().mean()) < 0.75
    assert observation.parts.keys() == {"clean", "noisy"} and observation.penalty is None
    assert not isinstance(observer, NoiseSampler), "nothing is added that could be drawn by itself"
    assert torch.equal(observation.parts["noisy"], signed_from_unit(mask * unit_from_signed(x)))
    weight = torch.randn(x.shape, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((observation.y * weight).sum(), x)
    torch.testing.assert_close(gradient, mask * weight)


def test_the_law_of_what_is_lost_is_what_its_simulator_has() -> None:
    """Both sides of the contract for what is more than noise: `corrupt`, one image or many, and `simulate`."""
    loss, image = PixelLoss(kept=0.7), RandomState(0).rand(64, 64, 3)
    law = loss.corrupt(image, RandomState(1))
    many = loss.corrupt_many(np.stack([image, image]), RandomState)
    assert np.array_equal(many[1], law) and not np.array_equal(many[0], law)
    simulated = loss.simulate(torch.from_numpy(image).permute(2, 0, 1)[None], torch.Generator().manual_seed(0))
    shares = [float((np.asarray(y) != 0).mean()) for y in (law, simulated)]
    assert shares == pytest.approx([0.7, 0.7], abs=0.03)
