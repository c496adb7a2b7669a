"""What D sees: priors, invariances, views, and what each model's observation promises."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import Tensor

from nrgan.draws import FreshDraws, RecordedDraws
from nrgan.errors import UserError
from nrgan.models import MODELS, find_model
from nrgan.observation import View, invert_channels, permute_channels, rotate_quarter_turns
from nrgan.observation.base import Observation, Observer, Sizes
from nrgan.observation.views import blurred
from nrgan.settings import SETTINGS

SIZES = Sizes(latent_size=4, image_size=16, image_channels=3, channels=4, residual_scale=0.1)


def observer_of(model: str, setting: str = "shapes-mg25", clip: bool = False) -> Observer:
    row = SETTINGS[setting]
    observer = MODELS[model].observer(row, View(row.view, clip), SIZES, 0.02)
    for parameter in observer.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return observer.double()


def observed(observer: Observer, x: Tensor, seed: int = 0) -> Observation:
    z = torch.randn(len(x), 4, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    return observer(x, z, FreshDraws(torch.Generator().manual_seed(seed), dtype=torch.float64))


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_passes_the_image_on(model: str) -> None:
    """The gradient reaches the generated image through the sum only, never through the noise's scale."""
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64).sub(0.5).requires_grad_()
    observation = observed(observer_of(model), x)
    (gradient,) = torch.autograd.grad(observation.noisy.sum(), x)
    assert torch.equal(gradient, torch.ones_like(x))
    assert torch.equal(observation.clean, x)
    if observation.noise is not None:
        torch.testing.assert_close(observation.noisy, x + observation.noise)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_travels_to_other_processes(model: str) -> None:
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64) - 0.5
    observer = observer_of(model)
    arrived = pickle.loads(pickle.dumps(observer))
    assert torch.equal(observed(arrived, x).y, observed(observer, x).y)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_follows_its_draws(model: str) -> None:
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64) - 0.5
    observer = observer_of(model)
    one, again, other = (observed(observer, x, seed).y for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert model == "gan" or not torch.equal(one, other)


@pytest.mark.parametrize("model", ["sinrgan1", "sinrgan2", "sdnrgan1", "sdnrgan2", "sdnrgan3"])
def test_learned_noise_reaches_its_generator(model: str) -> None:
    observer = observer_of(model)
    observation = observed(observer, torch.rand(4, 3, 16, 16, dtype=torch.float64) - 0.5)
    assert observation.penalty is not None and float(observation.penalty.detach()) < 0
    gradients = torch.autograd.grad(observation.y.square().sum() + observation.penalty, list(observer.parameters()))
    assert all(float(g.abs().sum()) > 0 for g in gradients)


def test_priors_scale_as_the_relation_says() -> None:
    """For one and the same σ and ε, the noise grows with 1, 2·unit(x) and 2·√unit(x)."""
    x = torch.full((2, 3, 16, 16), -0.5, dtype=torch.float64)  # unit value 0.25
    constant, multiplicative, poisson = (
        observed(observer_of(model, setting), x).noise
        for model, setting in (("sinrgan1", "shapes-mg25"), ("sdnrgan1", "shapes-mg25"), ("sdnrgan1", "shapes-p30"))
    )
    assert constant is not None and multiplicative is not None and poisson is not None
    torch.testing.assert_close(multiplicative, constant * 2 * 0.25)
    torch.testing.assert_close(poisson, constant * 2 * 0.5)


@pytest.mark.parametrize("model", ["sdnrgan2", "sdnrgan3"])
def test_implicit_models_see_the_images_latent(model: str) -> None:
    observer = observer_of(model)
    assert observer.noise_generator.latent_size == 8
    x = torch.zeros(4, 3, 16, 16, dtype=torch.float64)
    draws = [FreshDraws(torch.Generator().manual_seed(0), dtype=torch.float64) for _ in range(2)]
    one = observer(x, torch.zeros(4, 4, dtype=torch.float64), draws[0]).noise
    two = observer(x, torch.ones(4, 4, dtype=torch.float64), draws[1]).noise
    assert not torch.equal(one, two)


def test_ambientgan_without_noise_is_gan() -> None:
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64)
    assert torch.equal(observed(observer_of("ambientgan", "shapes"), x).y, observed(observer_of("gan", "shapes"), x).y)


def test_rotations_have_the_stated_labels() -> None:
    n = torch.arange(16.0).view(1, 1, 4, 4).expand(4, 1, 4, 4)
    turned = rotate_quarter_turns(n, RecordedDraws({"rotation_quarter_turns": torch.arange(4)}))
    image = n[0, 0]
    expected = [image, image.t().flip(1), image.flip(0, 1), image.t().flip(0)]
    assert all(torch.equal(a[0], b) for a, b in zip(turned, expected, strict=True))


def test_channels_permuted_and_inverted_as_drawn() -> None:
    n = torch.randn(2, 3, 4, 4)
    order = torch.tensor([[2, 0, 1], [0, 1, 2]])
    permuted = permute_channels(n, RecordedDraws({"channel_permutation": order}))
    assert torch.equal(permuted[0], n[0, [2, 0, 1]]) and torch.equal(permuted[1], n[1])
    signs = torch.tensor([[1, 0, 0], [0, 0, 1]])
    inverted = invert_channels(n, RecordedDraws({"channel_inversion": signs}))
    assert torch.equal(inverted[0, 0], -n[0, 0]) and torch.equal(inverted[1, :2], n[1, :2])
    assert torch.equal(permute_channels(n[:, :1], FreshDraws()), n[:, :1]), "one channel has one order"


def test_only_square_images_are_turned() -> None:
    with pytest.raises(UserError, match="4x6 pixels: only square"):
        rotate_quarter_turns(torch.zeros(2, 3, 4, 6), FreshDraws())


@pytest.mark.parametrize("invariance", [rotate_quarter_turns, permute_channels, invert_channels])
def test_invariances_keep_the_values_of_noise(invariance: object) -> None:
    n = torch.randn(64, 3, 8, 8)
    changed = invariance(n, FreshDraws(torch.Generator().manual_seed(0)))  # type: ignore[operator]
    assert torch.equal(changed.abs().flatten(1).sort(1).values, n.abs().flatten(1).sort(1).values)
    assert not torch.equal(changed, n)


def test_blurred_view() -> None:
    impulse = torch.zeros(1, 1, 3, 3)
    impulse[0, 0, 1, 1] = 4
    seen = blurred(impulse)[0]
    assert torch.equal(seen[0, :, 1], torch.tensor([1.0, 2, 1])) and float(seen[0].sum()) == 4
    assert torch.equal(seen[1, 1, :], torch.tensor([1.0, 2, 1])) and float(seen[1].sum()) == 4
    assert float(blurred(torch.ones(1, 1, 4, 4))[0, 0, 0, 0]) == 0.75, "the border is zero"


def test_views_clamp_like_a_sensor() -> None:
    y = torch.tensor([-3.0, 0.5, 3.0]).view(1, 1, 1, 3)
    assert View("plain", clip=True)(y).flatten().tolist() == [-1, 0.5, 1]
    assert torch.equal(View("plain", clip=False)(y), y)
    assert View("plain").channels(3) == 3 and View("blurred").channels(3) == 6


def test_wrong_pairing_names_the_right_ones() -> None:
    with pytest.raises(UserError) as caught:
        find_model("sdnrgan1", SETTINGS["cifar10ag25"])
    for word in ("cifar10mg25", "cifar10pg30_25", "any other model"):
        assert word in str(caught.value)
    for setting in SETTINGS.values():
        if setting.signal_dependent:
            find_model("sdnrgan1", setting)


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(UserError, match="sinrgan1"):
        find_model("sinrgan11", SETTINGS["cifar10"])
    assert all(model.knowledge for model in MODELS.values())
