"""Batches computed in parts: the gradients, draws and runs of the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nrgan import TrainConfig, UserError
from nrgan.draws import FreshDraws
from nrgan.models import MODELS
from nrgan.settings import CORRUPTIONS
from nrgan.training.accumulate import check_accumulate, parts_of
from nrgan.training.state import TrainState, new_state
from nrgan.training.step import discriminator_step, generator_step

FITTING = {
    "gan": "ag25",
    "ambientgan": "mg5-50",
    "sinrgan1": "ag25",
    "sinrgan2": "bg25k5",
    "sdnrgan1": "p30",
    "sdnrgan2": "p30",
    "sdnrgan3": "pg30_25",
}


def config_of(model: str, corruption: str = "ag25", **changed: object) -> TrainConfig:
    options: dict[str, object] = {
        "setting": f"shapes-{corruption}",
        "model": model,
        "out": Path("unused"),
        "image_size": 24,
        "channels": 3,
        "latent_size": 4,
        "batch_size": 8,
        "iterations": 3,
        "log_interval": 3,
    }
    return TrainConfig(**options | changed)


def trained(config: TrainConfig, iterations: int = 3) -> tuple[TrainState, dict[str, Tensor]]:
    """The state after some iterations in float64 on the same real images, and the losses and gradients on the way."""
    state = new_state(config, torch.device("cpu"), 3, torch.float64)
    shape = (iterations, config.batch_size, 3, config.image_size, config.image_size)
    seen = {}
    for i, real in enumerate(torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))):
        for update in ("generator", "discriminator"):
            if update == "generator":
                losses, network = generator_step(state, config, state.draws()), state.generators
            else:
                losses, network = discriminator_step(state, config, real, state.draws()), state.discriminator
            seen |= {f"{i} {update} loss {name}": loss for name, loss in losses.items()}
            seen |= {f"{i} {update} gradient {name}": p.grad.clone() for name, p in network.named_parameters()}
    return state, seen


def assert_same_run(config: TrainConfig, parts: int) -> None:
    check_accumulate(config.model_copy(update={"accumulate": parts}))
    (whole, expected), (split, seen) = trained(config), trained(config.model_copy(update={"accumulate": parts}))
    assert torch.equal(whole.rng.get_state(), split.rng.get_state())
    expected, seen = expected | whole.tensors(), seen | split.tensors()
    assert expected.keys() == seen.keys()
    for name, value in expected.items():
        if value.is_floating_point():
            torch.testing.assert_close(seen[name], value, rtol=1e-10, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("model", MODELS)
def test_parts_make_the_run_of_the_whole(model: str, parts: int) -> None:
    """For every model, within rounding: losses, gradients, weights, averages, Adam; and the same random state."""
    assert_same_run(config_of(model, FITTING[model]), parts)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("form", ["tangent", "double-backward"])
@pytest.mark.parametrize("corruption", ["ag25", "p30"])
def test_both_forms_of_the_penalty_and_both_views(corruption: str, form: str, clip: bool) -> None:
    assert_same_run(config_of("sinrgan1", corruption, penalty_gradient=form, clip=clip), 2)


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_corruption_draws_for_parts(corruption: str, parts: int) -> None:
    """A corruption draws by image: each part's noise is its rows of the batch's."""
    config = config_of("ambientgan", corruption)
    observer = new_state(config, torch.device("cpu"), 3, torch.float64).generators.observer
    x = torch.rand(8, 3, 24, 24, dtype=torch.float64) - 0.5
    z = torch.zeros(8, 4, dtype=torch.float64)

    def draws() -> FreshDraws:
        return FreshDraws(torch.Generator().manual_seed(2), dtype=torch.float64)

    expected = observer(x, z, draws()).y
    for p, part in enumerate(parts_of(8, parts, draws())):
        torch.testing.assert_close(observer(part.of(x), part.of(z), part.draws).y, expected[p::parts])


def test_no_network_sees_more_than_a_part() -> None:
    config = config_of("sinrgan2", accumulate=4)
    state = new_state(config, torch.device("cpu"), 3, torch.float64)
    seen: dict[str, list[int]] = {"g": [], "n": [], "d": []}
    networks = {
        "g": state.generators.generator,
        "n": state.generators.observer.noise_generator,
        "d": state.discriminator,
    }
    for name, network in networks.items():
        network.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(len(inputs[0])))
    generator_step(state, config, state.draws())
    assert seen == {"g": [4] * 4, "n": [4] * 4, "d": [4] * 4}
    real = torch.zeros(8, 3, 24, 24, dtype=torch.float64)
    discriminator_step(state, config, real, state.draws())
    assert all(sizes[4:] == [2] * len(sizes[4:]) for sizes in seen.values())


def test_batches_that_do_not_split_are_refused() -> None:
    """Where the options are checked, or by the check itself."""
    refused = {
        "--accumulate 3: --batch-size 8 must be a multiple of 3": {"accumulate": 3},
        "--generator-batch-size 9 must be a multiple of 2": {"accumulate": 2, "generator_batch_size": 9},
        "must be a multiple of 8, for the pairs": {"accumulate": 4, "generator_batch_size": 12, "model": "sinrgan1"},
    }
    for message, changed in refused.items():
        with pytest.raises(UserError, match=message):
            check_accumulate(config_of(**{"model": "gan"} | changed))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="--accumulate 0"):
        config_of("gan", accumulate=0)
    with pytest.raises(ValueError, match="a batch of 8 in 3"):
        next(parts_of(8, 3, FreshDraws()))


def test_pairs_matter_only_where_they_are_compared() -> None:
    check_accumulate(config_of("gan", accumulate=4, generator_batch_size=12))
    check_accumulate(config_of("sinrgan1", accumulate=4, generator_batch_size=12, diversity_weight=0))
    check_accumulate(config_of("sinrgan1", generator_batch_size=5))
