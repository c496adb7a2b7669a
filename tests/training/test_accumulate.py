"""Batches computed in parts: the gradients, draws and runs of the whole batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan import UserError
from nrgan.draws import FreshDraws
from nrgan.models import MODELS
from nrgan.objectives import Losses, Objective
from nrgan.settings import CORRUPTIONS, SETTINGS
from nrgan.training.accumulate import check_accumulate, parts_of
from nrgan.training.config import ScheduleOptions
from nrgan.training.plan import Objects, Plan, resolve
from nrgan.training.state import TrainState, new_state
from nrgan.training.step import discriminator_step, generator_step
from plans import changed, plan_of

CPU = torch.device("cpu")
DOUBLE = torch.float64


def fitting(model: str) -> list[str]:
    """The corruptions that a model can be trained on."""
    return [row for row in CORRUPTIONS if MODELS[model].unfit(SETTINGS[f"shapes-{row}"]) is None]


FITTING = [(model, row) for model in MODELS for row in (fitting(model)[0], fitting(model)[-1])]
"""Each model with two of them: the first is plain, the last has two noises, depends on the signal, and is blurred."""


def small(model: str, corruption: str = "ag25", **options: object) -> Plan:
    sizes = {"image_size": 24, "channels": 3, "latent_size": 4, "batch_size": 8, "iterations": 3, "log_interval": 3}
    return plan_of(setting=f"shapes-{corruption}", model=model, **(sizes | options))


def trained(plan: Plan, iterations: int = 3) -> tuple[TrainState, dict[str, Tensor]]:
    """The state after some iterations in float64 on the same real images, and the losses and gradients on the way."""
    state = new_state(plan, CPU, DOUBLE)
    shape = (iterations, plan.config.schedule.batch_size, 3, plan.image.size, plan.image.size)
    seen = {}
    for i, real in enumerate(torch.randn(shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))):
        for update in ("generator", "discriminator"):
            if update == "generator":
                some = real if plan.objective.needs_real else None
                losses, network = generator_step(state, plan, state.draws(), some), state.generators
            else:
                losses, network = discriminator_step(state, plan, real, state.draws()), state.discriminator
            seen |= {f"{i} {update} loss {name}": loss for name, loss in losses.items()}
            seen |= {f"{i} {update} gradient {name}": p.grad.clone() for name, p in network.named_parameters()}
    return state, seen


def assert_same_run(plan: Plan, parts: int) -> None:
    in_parts = changed(plan, accumulate=parts)
    (whole, expected), (split, seen) = trained(plan), trained(in_parts)
    assert torch.equal(whole.rng.get_state(), split.rng.get_state())
    expected, seen = expected | whole.tensors(), seen | split.tensors()
    assert expected.keys() == seen.keys()
    for name, value in expected.items():
        if value.is_floating_point():
            torch.testing.assert_close(seen[name], value, rtol=1e-10, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize(("model", "corruption"), FITTING)
def test_parts_make_the_run_of_the_whole(model: str, corruption: str, parts: int) -> None:
    """For every model, within rounding: losses, gradients, weights, averages, Adam; and the same random state."""
    assert_same_run(small(model, corruption), parts)


@dataclass(frozen=True)
class Relative(Objective):
    """Each side is to be more real than the other: what G minimises needs real images too."""

    names: ClassVar[tuple[str, ...]] = ("generator", "both", "r1")
    needs_real: ClassVar[bool] = True

    def generator_losses(self, fake: Tensor, real: Tensor | None) -> Losses:
        assert real is not None
        return {"generator": F.softplus(real - fake).mean()}

    def discriminator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        return {"both": F.softplus(fake - real).mean()}


def test_parts_compare_the_same_pairs_of_real_and_generated_images() -> None:
    """An objective that needs real images in both updates."""
    plan = small("sinrgan1", generator_batch_size=8)
    plan = resolve(plan.config, plan.image, Objects(objective=Relative()))
    assert_same_run(plan, 2)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("form", ["tangent", "double-backward"])
@pytest.mark.parametrize("corruption", ["ag25", "p30"])
def test_both_forms_of_the_penalty_and_both_views(corruption: str, form: str, clip: bool) -> None:
    assert_same_run(small("sinrgan1", corruption, penalty_gradient=form, clip=clip), 2)


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_corruption_draws_for_parts(corruption: str, parts: int) -> None:
    """A corruption draws by image: each part's noise is its rows of the batch's."""
    observer = new_state(small("ambientgan", corruption), CPU, DOUBLE).generators.observer
    x = torch.rand(8, 3, 24, 24, dtype=DOUBLE) - 0.5
    z = torch.zeros(8, 4, dtype=DOUBLE)

    def draws() -> FreshDraws:
        return FreshDraws(torch.Generator().manual_seed(2), dtype=DOUBLE)

    expected = observer(x, z, draws()).y
    for p, part in enumerate(parts_of(8, parts, draws())):
        torch.testing.assert_close(observer(part.of(x), part.of(z), part.draws).y, expected[p::parts])


def test_no_network_sees_more_than_a_part() -> None:
    plan = small("sinrgan2", accumulate=4)
    state = new_state(plan, CPU, DOUBLE)
    seen: dict[str, list[int]] = {"g": [], "n": [], "d": []}
    networks = {
        "g": state.generators.generator,
        "n": state.generators.observer.noise_generator,
        "d": state.discriminator,
    }
    for name, network in networks.items():
        network.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(len(inputs[0])))
    generator_step(state, plan, state.draws())
    assert seen == {"g": [4] * 4, "n": [4] * 4, "d": [4] * 4}
    real = torch.zeros(8, 3, 24, 24, dtype=DOUBLE)
    discriminator_step(state, plan, real, state.draws())
    assert all(sizes[4:] == [2] * len(sizes[4:]) for sizes in seen.values())


def test_batches_that_do_not_split_are_refused() -> None:
    """Where the options are checked, or by the check itself."""
    refused: dict[str, dict[str, object]] = {
        "accumulate 3: batch_size 8 must be a multiple of 3": {"accumulate": 3},
        "generator_batch_size 9 must be a multiple of 2": {"accumulate": 2, "generator_batch_size": 9},
        "must be a multiple of 8, for the pairs": {"accumulate": 4, "generator_batch_size": 12, "model": "sinrgan1"},
        "accumulate 0": {"accumulate": 0},
    }
    for message, options in refused.items():
        with pytest.raises(UserError, match=message):
            small(**{"model": "gan"} | options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a batch of 8 in 9"):
        next(parts_of(8, 9, FreshDraws()))


def test_pairs_matter_only_where_they_are_compared() -> None:
    """Twelve images in four parts of three have no pairs in their parts."""
    split = {"accumulate": 4, "generator_batch_size": 12}
    assert small("gan", **split).config.schedule == small("sinrgan1", **split, diversity_weight=0).config.schedule
    small("sinrgan1", generator_batch_size=5)
    schedule = ScheduleOptions(batch_size=8, **split)
    check_accumulate(schedule, in_pairs=False)
    with pytest.raises(UserError, match="for the pairs"):
        check_accumulate(schedule, in_pairs=True)
