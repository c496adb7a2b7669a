"""Measuring how long an iteration takes leaves no trace in the training that follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nrgan.training.batches import ResidentBatches
from nrgan.training.duration import seconds_per_iteration
from nrgan.training.graph import single_iteration
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState, new_state
from plans import noisy_images, plan_of

CPU = torch.device("cpu")


def trained(plan: Plan, iterations: int) -> tuple[TrainState, ResidentBatches]:
    """After some iterations, whose losses have not been read."""
    state = new_state(plan, CPU)
    batches = ResidentBatches(noisy_images(), plan.config.schedule.batch_size, state.place, CPU)
    for _ in range(iterations):
        single_iteration(state, plan, batches)
    return state, batches


def copied(state: TrainState) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.tensors().items()}


# of a run that begins, whose optimisers have no state; of one that goes on; amid an interval, with losses not yet read
@pytest.mark.parametrize("iterations", [0, 1, 3])
@pytest.mark.parametrize("log_interval", [1, 4])
def test_the_state_is_bit_for_bit_what_it_was(tiny: dict[str, object], iterations: int, log_interval: int) -> None:
    plan = plan_of(**(tiny | {"iterations": 12, "log_interval": max(log_interval, iterations)}))
    state, _ = trained(plan, iterations)
    before, progress, losses = copied(state), state.progress(), state.losses.means()
    torch_random, numpy_random = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert seconds_per_iteration(state, plan) > 0
    after = copied(state)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert state.progress() == progress and state.losses.means() == losses and state.whole
    made_since = after.keys() - before.keys()
    assert all("_adam/" in name and not bool(after[name].any()) for name in made_since), "where Adam starts"
    assert torch.equal(torch.get_rng_state(), torch_random) and np.array_equal(np.random.get_state()[1], numpy_random)


@pytest.mark.parametrize("iterations", [0, 3])
def test_training_goes_on_as_if_nobody_had_measured(tiny: dict[str, object], iterations: int) -> None:
    plan = plan_of(**(tiny | {"iterations": 12, "log_interval": 12, "critic_steps": 2}))
    (measured, its), (untouched, their) = trained(plan, iterations), trained(plan, iterations)
    seconds_per_iteration(measured, plan)
    for _ in range(4):
        single_iteration(measured, plan, its)
        single_iteration(untouched, plan, their)
    one, two = measured.tensors(), untouched.tensors()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert measured.progress() == untouched.progress() and measured.losses.means() == untouched.losses.means()
