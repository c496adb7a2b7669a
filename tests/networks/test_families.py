"""What every family of networks promises, whatever its layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nrgan.networks import FAMILIES, NetworkSizes, sizes_of
from nrgan.networks.sampling import sample

SIZES = NetworkSizes(latent_size=4, image_size=16, image_channels=2, channels=4, residual_scale=0.1)


def drawn(name: str, network: nn.Module, seed: int = 0) -> nn.Module:
    FAMILIES[name].initialise(network, torch.Generator().manual_seed(seed))
    return network.double()


@pytest.mark.parametrize("name", FAMILIES)
def test_networks_are_of_their_sizes(name: str) -> None:
    FAMILIES[name].check(SIZES.image_size)
    generator, d = FAMILIES[name].generator(SIZES), FAMILIES[name].discriminator(SIZES)
    assert sizes_of(generator) == SIZES
    image = generator(torch.randn(3, 4))
    assert image.shape == (3, 2, 16, 16) and d(image).shape == (3,)
    assert sample(generator, 2).shape == (2, 16, 16, 2)


def test_what_is_no_generator_is_told_apart() -> None:
    network = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Linear: a generator has its NetworkSizes"):
        sizes_of(network)
    network.sizes = (4, 16)
    with pytest.raises(TypeError, match="Linear: a generator has its NetworkSizes"):
        sizes_of(network)


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_of_a_batch_do_not_meet(name: str) -> None:
    """So that a batch in parts is the batch."""
    generator = drawn(name, FAMILIES[name].generator(SIZES))
    d = drawn(name, FAMILIES[name].discriminator(SIZES))
    z = torch.randn(4, 4, dtype=torch.float64)
    x = generator(z)
    torch.testing.assert_close(generator(z[1:3]), x[1:3])
    torch.testing.assert_close(d(x)[1:3], d(x[1:3]))


@pytest.mark.parametrize("kind", ["generator", "noise_generator", "discriminator"])
@pytest.mark.parametrize("name", FAMILIES)
def test_weights_come_from_the_given_generator_alone(name: str, kind: str) -> None:
    before = torch.get_rng_state()
    one, two, other = (drawn(name, getattr(FAMILIES[name], kind)(SIZES), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before), "torch's global generator is left alone"
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["generator", "noise_generator", "discriminator"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_is_used(name: str, kind: str) -> None:
    """Its gradient is not zero: nothing is trained, kept and averaged for nothing."""
    network = drawn(name, getattr(FAMILIES[name], kind)(SIZES))
    given = torch.randn(4, 2, 16, 16) if kind == "discriminator" else torch.randn(4, 4)
    gradients = torch.autograd.grad(network(given.double()).square().sum(), list(network.parameters()))
    assert all(bool(gradient.any()) for gradient in gradients)
