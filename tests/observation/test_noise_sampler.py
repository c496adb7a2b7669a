"""One noise sampler: `sample(x, draws)` means the same whether the law is known, has plain numbers, or is learned."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from laws import LAWS
from nrgan.corruptions import AdditiveNoise, Sensor, from_plain, to_plain
from nrgan.draws import Draws, FreshDraws
from nrgan.models import MODELS
from nrgan.networks import NetworkSizes, ResNet
from nrgan.observation import Clean, Known, KnownNoise, NoiseSampler, Observation, Observer
from nrgan.ranges import signed_difference, unit_from_signed
from nrgan.settings import SETTINGS, Setting

SIZES = NetworkSizes(latent_size=4, image_size=24, image_channels=3, channels=4, residual_scale=0.1)
SETTING = replace(SETTINGS["shapes-mg25"], sensor=Sensor(clip=False))
ADDITIVE = [name for name, law in LAWS.items() if isinstance(law, AdditiveNoise)]


def observer_of(model: str) -> Observer:
    fitting = [setting for setting in (SETTING, *SETTINGS.values()) if MODELS[model].unfit(setting) is None]
    observer = MODELS[model].observer(fitting[0], ResNet(), SIZES)
    for parameter in observer.parameters():
        nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return observer.double()


SAMPLERS = [name for name in MODELS if isinstance(observer_of(name), NoiseSampler)]


def draws() -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(3), dtype=torch.float64)


def images(count: int = 4) -> Tensor:
    return torch.rand(count, 3, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 0.5


Z = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("model", SAMPLERS)
def test_a_sample_is_the_noise_of_the_observation(model: str) -> None:
    observer = observer_of(model)
    assert isinstance(observer, NoiseSampler)
    observation = observer(images(), Z, draws())
    noise = observer.sample(images(), draws(), Z)
    assert bool(noise.any()) and torch.equal(observation.parts["noise"], noise)
    assert torch.equal(observation.parts["noisy"], images() + noise)


@pytest.mark.parametrize("model", MODELS)
def test_who_adds_noise_samples_it_and_nobody_else(model: str) -> None:
    observer = observer_of(model)
    assert ("noise" in observer(images(), Z, draws()).parts) == isinstance(observer, NoiseSampler)


def test_the_plain_gan_samples_no_noise() -> None:
    assert not isinstance(Clean().observer(SETTING, ResNet(), SIZES), NoiseSampler)


@pytest.mark.parametrize("model", SAMPLERS)
def test_noise_of_real_images_needs_no_latent_or_says_that_it_does(model: str) -> None:
    """Where the noise depends on the image's latent, real images have none; elsewhere a latent changes nothing."""
    observer = observer_of(model)
    assert isinstance(observer, NoiseSampler)
    if observer.needs_latent:
        with pytest.raises(ValueError, match="give z"):
            observer.sample(images(), draws())
        assert not torch.equal(observer.sample(images(), draws(), Z), observer.sample(images(), draws(), Z + 1))
    else:
        assert torch.equal(observer.sample(images(), draws()), observer.sample(images(), draws(), Z))


@pytest.mark.parametrize("row", ADDITIVE)
def test_a_known_law_samples_as_its_model_observes(row: str) -> None:
    """The law itself, the same law read from its plain numbers, and the model that knows it: one and the same noise."""
    law = LAWS[row]
    again = from_plain(to_plain(law))
    assert isinstance(law, AdditiveNoise) and isinstance(again, AdditiveNoise)
    observer = Known().observer(replace(SETTING, corruption=law), ResNet(), SIZES)
    expected = observer(images(), Z, draws()).parts["noise"]
    rounding = 1e-15 if law.replaces else 0  # where the image is replaced, the noise is a difference
    for sampler in (KnownNoise(law), KnownNoise(again)):
        assert isinstance(sampler, NoiseSampler) and not sampler.needs_latent
        torch.testing.assert_close(sampler.sample(images(), draws()), expected, rtol=0, atol=rounding)
    simulated = law.simulate_noise(unit_from_signed(images()), draws().within("corruption"))
    doubled = signed_difference(simulated)  # in signed range a difference is twice as large
    torch.testing.assert_close(expected, doubled, rtol=0, atol=rounding)


class OfManyParts(Observer):
    """Networks of any class, what is counted on the way, and modules that have nothing to be kept."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.blur = nn.Conv2d(3, 3, 3, padding=1)
        self.curve = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.generator_of_masks = ResNet().generator(SIZES)
        self.statistics = nn.BatchNorm2d(3, affine=False)
        self.rectifier = nn.ReLU()
        self.passed_on = nn.Sequential(nn.Identity(), nn.Identity())

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        return self.observed(self.blur(x), draws=draws)


def test_every_network_of_an_observer_is_found_whatever_its_class() -> None:
    observer = OfManyParts(SETTING)
    assert observer.networks() == {
        "blur": observer.blur,
        "curve": observer.curve,
        "generator_of_masks": observer.generator_of_masks,
        "statistics": observer.statistics,
    }
    kept = {id(parameter) for network in observer.networks().values() for parameter in network.parameters()}
    assert kept == {id(parameter) for parameter in observer.parameters()}


@pytest.mark.parametrize("model", MODELS)
def test_all_that_is_trained_of_every_model_is_in_its_networks(model: str) -> None:
    observer = observer_of(model)
    kept = {id(parameter) for network in observer.networks().values() for parameter in network.parameters()}
    assert kept == {id(parameter) for parameter in observer.parameters()}


def test_what_no_snapshot_would_keep_is_refused() -> None:
    observer = OfManyParts(SETTING)
    observer.level = nn.Parameter(torch.ones(1))
    with pytest.raises(TypeError, match="OfManyParts: put level into a module of its own"):
        observer.networks()
