"""Iterations as one launch do what single ones do, and no boundary is passed by."""

from __future__ import annotations

import pytest
import torch

from nrgan.training import loop
from nrgan.training.batches import ResidentBatches
from nrgan.training.graph import GraphedIterations, single_iteration
from nrgan.training.loop import iterations, iterations_to_boundary
from nrgan.training.state import TrainState, new_state
from plans import noisy_images, plan_of

CPU = torch.device("cpu")


@pytest.mark.parametrize("changed", [{}, {"critic_steps": 2, "model": "sinrgan2"}, {"decay_iterations": 8}])
def test_graphed_iterations_are_single_ones(tiny: dict[str, object], changed: dict[str, object]) -> None:
    """What a GPU captures as one launch, run on the CPU: the bits of single iterations, across epochs."""
    plan = plan_of(**(tiny | {"iterations": 12, "log_interval": 12} | changed))
    states = [new_state(plan, CPU) for _ in range(2)]
    batches = [ResidentBatches(noisy_images(), plan.config.schedule.batch_size, state.place, CPU) for state in states]
    for state, of_state in zip(states, batches, strict=True):
        single_iteration(state, plan, of_state)
    for _ in range(10):
        single_iteration(states[0], plan, batches[0])
    graphed = GraphedIterations(states[1], plan, batches[1], 5)
    graphed.run()
    graphed.run()
    assert states[0].iteration == states[1].iteration == 11
    one, two = states[0].tensors(), states[1].tensors()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert states[0].place == states[1].place and states[0].place.epoch >= 2


def test_nothing_interesting_is_passed_by(tiny: dict[str, object]) -> None:
    intervals = {"iterations": 100, "log_interval": 10, "sample_interval": 7, "snapshot_interval": 25}
    config = plan_of(**(tiny | intervals)).config
    assert [iterations_to_boundary(i, config) for i in (0, 5, 7, 21, 98, 99)] == [7, 2, 3, 4, 2, 1]


def test_a_warm_up_leaves_no_trace(tiny: dict[str, object]) -> None:
    """As before a capture, right after the first iteration, when the generators' Adam has no state yet."""
    plan = plan_of(**tiny)
    states = [new_state(plan, CPU) for _ in range(2)]
    batches = [ResidentBatches(noisy_images(), 4, state.place, CPU) for state in states]
    for state, of_state in zip(states, batches, strict=True):
        single_iteration(state, plan, of_state)
    warmed = states[1]
    before = {name: value.clone() for name, value in warmed.tensors().items()}
    graphed = GraphedIterations(warmed, plan, batches[1], 2)
    graphed._work()
    warmed.load_tensors(before)
    for _ in range(4):
        for state, of_state in zip(states, batches, strict=True):
            single_iteration(state, plan, of_state)
    one, two = states[0].tensors(), warmed.tensors()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_restoring_keeps_the_memory_that_a_graph_uses(tiny: dict[str, object]) -> None:
    plan = plan_of(**tiny)
    state = new_state(plan, CPU)
    batches = ResidentBatches(noisy_images(), 4, state.place, CPU)
    for _ in range(2):
        single_iteration(state, plan, batches)
    before = {name: value.clone() for name, value in state.tensors().items()}
    places = {name: value.data_ptr() for name, value in state.tensors().items() if name != "rng"}
    single_iteration(state, plan, batches)
    state.load_tensors(before)
    after = state.tensors()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(after[name].data_ptr() == place for name, place in places.items() if "losses/" not in name)


def test_streamed_images_are_never_captured(tiny: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A captured graph takes its images from the device's memory, where streamed ones are not."""

    class NoCapture:
        def __init__(self, *_: object) -> None:
            raise AssertionError("captured")

    plan = plan_of(**tiny, iterations_per_launch=2)
    monkeypatch.setattr(loop, "GraphedIterations", NoCapture)
    monkeypatch.setattr(TrainState, "device", property(lambda _: torch.device("cuda")))
    for resident in (False, True):
        state = new_state(plan, CPU)
        batches = ResidentBatches(noisy_images(), plan.config.schedule.batch_size, state.place, CPU)
        batches.resident = resident
        if resident:
            with pytest.raises(AssertionError, match="captured"):
                list(iterations(state, plan, batches))
        else:
            assert list(iterations(state, plan, batches))[-1] == plan.config.schedule.iterations
