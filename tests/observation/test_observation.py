"""What D sees: priors, invariances, views, and what each model's observation promises."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from nrgan.corruptions import Sensor
from nrgan.draws import FreshDraws, RecordedDraws
from nrgan.errors import UserError
from nrgan.models import MODELS, find_model
from nrgan.networks import NetworkSizes, ResNet, sizes_of
from nrgan.observation import (
    NOISE_GENERATOR,
    Learned,
    Observation,
    Observer,
    View,
    invert_channels,
    permute_channels,
    rotate_quarter_turns,
)
from nrgan.observation.views import blurred
from nrgan.ranges import unit_from_signed
from nrgan.settings import SETTINGS

SIZES = NetworkSizes(latent_size=4, image_size=16, image_channels=3, channels=4, residual_scale=0.1)
LEARNED = [name for name, model in MODELS.items() if isinstance(model, Learned)]
IMPLICIT = [name for name, model in MODELS.items() if isinstance(model, Learned) and model.implicit]


def observer_of(
    model: str, setting: str | None = None, clip: bool = False, levels: int | tuple[int, ...] | None = None
) -> Observer:
    fitting = [name for name in ("shapes-mg25", *SETTINGS) if MODELS[model].unfit(SETTINGS[name]) is None]
    observer = MODELS[model].observer(
        replace(SETTINGS[setting or fitting[0]], sensor=Sensor(clip, levels)), ResNet(), SIZES
    )
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
    parts = observation.parts
    (gradient,) = torch.autograd.grad(parts["noisy"].sum(), x)
    assert torch.equal(gradient, torch.ones_like(x))
    assert torch.equal(parts["clean"], x)
    torch.testing.assert_close(parts["noisy"], x + parts.get("noise", 0))


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
    one, again, other = (observed(observer, x, seed) for seed in (1, 1, 2))
    assert torch.equal(one.y, again.y)
    assert torch.equal(one.y, other.y) == ("noise" not in one.parts)


@pytest.mark.parametrize("levels", [6, (3, 6, 300)])
@pytest.mark.parametrize("model", sorted(MODELS))
def test_of_few_values_generated_images_are_seen_as_real_ones(model: str, levels: int | tuple[int, ...]) -> None:
    """Rounded to the values that a sensor tells apart, and spread over the steps as training spreads real images."""
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64).sub(0.5).requires_grad_()
    observation = observed(observer_of(model, clip=True, levels=levels), x)
    counts = torch.tensor(levels if isinstance(levels, tuple) else (levels,) * 3).view(3, 1, 1)
    stored = torch.round(unit_from_signed(observation.parts["noisy"].detach().clamp(-1, 1)) * (counts - 1))
    steps = unit_from_signed(observation.y.detach()) * counts
    assert torch.equal(steps.floor(), stored)
    assert abs(float((steps - stored).mean()) - 0.5) < 0.02 and float((steps - stored).std()) > 0.28
    (gradient,) = torch.autograd.grad(observation.y.sum(), x)
    inside = observation.parts["noisy"].detach().abs() < 1
    torch.testing.assert_close(gradient[inside], ((counts - 1) / counts).expand_as(x)[inside].double())


@pytest.mark.parametrize("model", LEARNED)
def test_learned_noise_reaches_its_generator(model: str) -> None:
    observer = observer_of(model)
    assert set(observer.networks()) == {NOISE_GENERATOR}
    observation = observed(observer, torch.rand(4, 3, 16, 16, dtype=torch.float64) - 0.5)
    assert observation.penalty is not None and float(observation.penalty.detach()) < 0
    gradients = torch.autograd.grad(observation.y.square().sum() + observation.penalty, list(observer.parameters()))
    assert all(float(g.abs().sum()) > 0 for g in gradients)


def test_priors_scale_as_the_relation_says() -> None:
    """For one and the same σ and ε, the noise grows with 1, 2·unit(x) and 2·√unit(x)."""
    x = torch.full((2, 3, 16, 16), -0.5, dtype=torch.float64)  # unit value 0.25
    constant, multiplicative, poisson = (
        observed(observer_of(model, setting), x).parts["noise"]
        for model, setting in (("sinrgan1", "shapes-mg25"), ("sdnrgan1", "shapes-mg25"), ("sdnrgan1", "shapes-p30"))
    )
    torch.testing.assert_close(multiplicative, constant * 2 * 0.25)
    torch.testing.assert_close(poisson, constant * 2 * 0.5)


@pytest.mark.parametrize("model", IMPLICIT)
def test_implicit_models_see_the_images_latent(model: str) -> None:
    observer = observer_of(model)
    assert sizes_of(observer.noise_generator).latent_size == 8
    x = torch.zeros(4, 3, 16, 16, dtype=torch.float64)
    draws = [FreshDraws(torch.Generator().manual_seed(0), dtype=torch.float64) for _ in range(2)]
    one = observer(x, torch.zeros(4, 4, dtype=torch.float64), draws[0]).parts["noise"]
    two = observer(x, torch.ones(4, 4, dtype=torch.float64), draws[1]).parts["noise"]
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


def test_the_sensor_clamps_and_the_view_does_not() -> None:
    y = torch.tensor([-3.0, 0.5, 3.0]).view(1, 1, 1, 3)
    assert Sensor(clip=True)(y).flatten().tolist() == [-1, 0.5, 1]
    assert torch.equal(Sensor(clip=False)(y), y) and torch.equal(View("plain")(y), y)
    assert float(View("blurred")(y).max()) > 1
    assert View("plain").channels(3) == 3 and View("blurred").channels(3) == 6


FITTING = [
    (model, setting)
    for model, row in MODELS.items()
    for setting in ("shapes-mg25", "shapes-p30")
    if row.unfit(SETTINGS[setting]) is None
]


@pytest.mark.parametrize(("model", "setting"), FITTING)
def test_every_model_shows_what_the_sensor_stored(model: str, setting: str) -> None:
    """Real images and generated ones alike: clipped by the sensor, then through the view; never the other way round."""
    x = 2 * torch.rand(4, 3, 16, 16, dtype=torch.float64) - 1
    view = View(SETTINGS[setting].view)
    for clip in (True, False):
        observer = observer_of(model, setting, clip)
        observation = observed(observer, x)
        noisy = observation.parts["noisy"]
        assert torch.equal(observation.y, view(noisy.clamp(-1, 1) if clip else noisy))
        assert torch.equal(observer.seen(3 * x), view((3 * x).clamp(-1, 1) if clip else 3 * x))


def test_wrong_pairing_names_the_right_ones() -> None:
    with pytest.raises(UserError) as caught:
        find_model("sdnrgan1", SETTINGS["cifar10ag25"])
    fitting = [name for name, model in MODELS.items() if model.unfit(SETTINGS["cifar10ag25"]) is None]
    assert "sdnrgan1" not in fitting
    for word in ("cifar10mg25", "cifar10pg30_25", f"cifar10ag25 with {', '.join(fitting)}"):
        assert word in str(caught.value)
    for setting in SETTINGS.values():
        if setting.signal_dependent:
            find_model("sdnrgan1", setting)


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(UserError, match="sinrgan1"):
        find_model("sinrgan11", SETTINGS["cifar10"])
    assert all(model.knowledge for model in MODELS.values())
