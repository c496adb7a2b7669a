"""The parts of training: batches, rates, averages, losses, health, device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nrgan import TrainConfig, UserError
from nrgan.draws import FreshDraws
from nrgan.training import loop
from nrgan.training.batches import Place, ResidentBatches
from nrgan.training.block import Block, single_iteration
from nrgan.training.device import choose_device
from nrgan.training.health import PATIENCE, Health
from nrgan.training.loop import iterations, iterations_to_boundary
from nrgan.training.losses import LossHistory
from nrgan.training.state import TrainState, learning_rate_factor, new_state
from nrgan.training.step import average

CPU = torch.device("cpu")


def numbered(count: int) -> np.ndarray:
    """Images whose value tells their number."""
    return np.broadcast_to((np.arange(count, dtype=np.float32) / 255)[:, None, None, None], (count, 1, 2, 2)).copy()


def drawn_numbers(batches: ResidentBatches, count: int) -> list[list[int]]:
    draws = FreshDraws(torch.Generator().manual_seed(0))
    rows = [batches.take(batches.rows(1)[0], draws)[:, 0, 0, 0] for _ in range(count)]
    return [[int(v) for v in torch.floor((row / 2 + 0.5) * 256)] for row in rows]


def test_epochs_are_shuffled_complete_and_drop_the_rest() -> None:
    seen = drawn_numbers(ResidentBatches(numbered(10), 3, Place(seed=0), CPU), 9)
    for epoch in range(3):
        numbers = [number for row in seen[3 * epoch : 3 * epoch + 3] for number in row]
        assert len(set(numbers)) == 9 and set(numbers) <= set(range(10))
    assert seen[:3] != seen[3:6], "each epoch has an order of its own"
    assert seen != drawn_numbers(ResidentBatches(numbered(10), 3, Place(seed=1), CPU), 9)


def test_a_place_is_enough_to_go_on() -> None:
    whole = drawn_numbers(ResidentBatches(numbered(10), 3, Place(seed=4), CPU), 8)
    place = Place(seed=4)
    first = drawn_numbers(ResidentBatches(numbered(10), 3, place, CPU), 5)
    rest = drawn_numbers(ResidentBatches(numbered(10), 3, Place(4, place.epoch, place.position), CPU), 3)
    assert first + rest == whole


def tiny_config(tiny: dict[str, object], **changed: object) -> TrainConfig:
    options = {"setting": "shapes-ag25", "model": "sinrgan1", "out": Path("unused")} | tiny | changed
    return TrainConfig(**options)


def noisy(count: int = 20) -> np.ndarray:
    return np.random.RandomState(0).rand(count, 3, 16, 16).astype(np.float32)


def run(config: TrainConfig) -> tuple[list[dict[str, float]], object]:
    state = new_state(config, CPU, 3)
    batches = ResidentBatches(noisy(), config.batch_size, state.place, CPU)
    seen = []
    for _ in iterations(state, config, batches):
        seen.append(state.losses.means())
        state.losses.clear()
    return seen, state


def test_first_iteration_is_the_discriminators_alone(tiny: dict[str, object]) -> None:
    losses, state = run(tiny_config(tiny, iterations=3))
    assert set(losses[0]) == {"real", "fake", "r1"}
    assert set(losses[1]) == {"generator", "diversity", "real", "fake", "r1"}
    steps = {int(s["step"]) for s in state.generator_adam.state.values()}
    assert steps == {2} and {int(s["step"]) for s in state.discriminator_adam.state.values()} == {3}


def test_critic_steps_and_weights_of_zero(tiny: dict[str, object]) -> None:
    losses, state = run(tiny_config(tiny, iterations=2, critic_steps=3, r1_weight=0, diversity_weight=0))
    assert set(losses[1]) == {"generator", "real", "fake"}
    assert {int(s["step"]) for s in state.discriminator_adam.state.values()} == {6}


def test_same_seed_same_run_other_seed_other_run(tiny: dict[str, object]) -> None:
    assert run(tiny_config(tiny))[0] == run(tiny_config(tiny))[0]
    assert run(tiny_config(tiny))[0] != run(tiny_config(tiny, seed=1))[0]


def test_a_run_does_not_touch_the_global_generators(tiny: dict[str, object]) -> None:
    torch.manual_seed(5)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    config = tiny_config(tiny, iterations=2)
    images = np.zeros((20, 3, 16, 16), np.float32)
    state = new_state(config, CPU, 3)
    list(iterations(state, config, ResidentBatches(images, 4, state.place, CPU)))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)


def test_learning_rate_falls_linearly_to_zero(tiny: dict[str, object]) -> None:
    config = tiny_config(tiny, iterations=10, decay_iterations=4)
    assert [learning_rate_factor(config, i) for i in range(10)] == [1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert {learning_rate_factor(tiny_config(tiny), i) for i in (0, 5)} == {1.0}


def test_average() -> None:
    averaged, network = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    expected = 0.9 * averaged.weight.detach() + 0.1 * network.weight.detach()
    average(averaged, network, 0.9)
    torch.testing.assert_close(averaged.weight.detach(), expected)


def test_loss_history_means_and_missing_losses() -> None:
    history = LossHistory(3, CPU)
    for i in range(3):
        losses = {"real": torch.tensor(float(i))} | ({"generator": torch.tensor(10.0 * i)} if i else {})
        history.add(history.row(losses)[None], losses)
    assert history.full and history.first_bad() is None
    assert history.means() == {"generator": 15.0, "real": 1.0}
    history.clear()
    assert not history.full


def test_loss_history_finds_the_first_bad_iteration() -> None:
    history = LossHistory(5, CPU)
    for value in (1.0, 2.0, float("nan"), float("inf")):
        losses = {"real": torch.tensor(value), "fake": torch.tensor(0.5)}
        history.add(history.row(losses)[None], losses)
    bad = history.first_bad()
    assert bad is not None and bad[0] == 1 and bad[1]["fake"] == 0.5 and np.isnan(bad[1]["real"])


def healthy_data() -> torch.Tensor:
    coarse = torch.nn.functional.interpolate(torch.randn(64, 3, 4, 4), size=16, mode="bilinear")
    return (coarse * 0.5 + torch.randn(64, 3, 16, 16) * 0.2).clamp(-1, 1)


def test_health_says_each_failure_once_and_nothing_of_good_samples() -> None:
    torch.manual_seed(0)
    data = healthy_data()
    swallowed = torch.zeros(64, 3, 16, 16), torch.randn(64, 3, 16, 16) * 0.6
    collapsed = data[:1].expand(64, -1, -1, -1), torch.randn(64, 3, 16, 16) * 0.2
    healthy = data, torch.randn(64, 3, 16, 16) * 0.2
    for samples, word in ((swallowed, "taken the whole image"), (collapsed, "nearly all alike")):
        health = Health(data, first_check=100)
        assert health.check(50, *samples) is None
        said = [health.check(100 + i, *samples) for i in range(PATIENCE + 3)]
        assert [s is not None for s in said] == [False] * (PATIENCE - 1) + [True] + [False] * 3
        assert word in str(said[PATIENCE - 1])
    health = Health(data, first_check=0)
    assert all(health.check(i, *healthy) is None for i in range(10))
    assert all(health.check(i, *(swallowed if i % 2 else healthy)) is None for i in range(20)), "not in a row"


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")
    for name in ("gpu", "cpu:0", "cuda:x"):
        with pytest.raises(UserError, match="choose auto, cpu, cuda"):
            choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="no CUDA GPU"):
        choose_device("cuda")


@pytest.mark.parametrize("changed", [{}, {"critic_steps": 2, "model": "sinrgan2"}, {"decay_iterations": 8}])
def test_a_block_is_its_iterations(tiny: dict[str, object], changed: dict[str, object]) -> None:
    """What a GPU captures as one launch, run on the CPU: the bits of single iterations, across epochs."""
    config = tiny_config(tiny, **({"iterations": 12, "log_interval": 12} | changed))
    states = [new_state(config, CPU, 3) for _ in range(2)]
    batches = [ResidentBatches(noisy(), config.batch_size, state.place, CPU) for state in states]
    for state, of_state in zip(states, batches, strict=True):
        single_iteration(state, config, of_state)
    for _ in range(10):
        single_iteration(states[0], config, batches[0])
    block = Block(states[1], config, batches[1], 5)
    block.run()
    block.run()
    assert states[0].iteration == states[1].iteration == 11
    one, two = states[0].tensors(), states[1].tensors()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert states[0].place == states[1].place and states[0].place.epoch >= 2


def test_nothing_interesting_is_passed_by(tiny: dict[str, object]) -> None:
    config = tiny_config(tiny, iterations=100, log_interval=10, sample_interval=7, snapshot_interval=25)
    assert [iterations_to_boundary(i, config) for i in (0, 5, 7, 21, 98, 99)] == [7, 2, 3, 4, 2, 1]


def test_a_warm_up_leaves_no_trace(tmp_path: Path, tiny: dict[str, object]) -> None:
    """As before a capture, right after the first iteration, when the generators' Adam has no state yet."""
    config = tiny_config(tiny)
    states = [new_state(config, CPU, 3) for _ in range(2)]
    batches = [ResidentBatches(noisy(), 4, state.place, CPU) for state in states]
    for state, of_state in zip(states, batches, strict=True):
        single_iteration(state, config, of_state)
    warmed = states[1]
    before = {name: value.clone() for name, value in warmed.tensors().items()}
    block = Block(warmed, config, batches[1], 2)
    block._work()
    warmed.load_tensors(before)
    for _ in range(4):
        for state, of_state in zip(states, batches, strict=True):
            single_iteration(state, config, of_state)
    one, two = states[0].tensors(), warmed.tensors()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_restoring_keeps_the_memory_that_a_graph_uses(tiny: dict[str, object]) -> None:
    config = tiny_config(tiny)
    state = new_state(config, CPU, 3)
    batches = ResidentBatches(noisy(), 4, state.place, CPU)
    for _ in range(2):
        single_iteration(state, config, batches)
    before = {name: value.clone() for name, value in state.tensors().items()}
    places = {name: value.data_ptr() for name, value in state.tensors().items() if name != "rng"}
    single_iteration(state, config, batches)
    state.load_tensors(before)
    after = state.tensors()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(after[name].data_ptr() == place for name, place in places.items() if "losses/" not in name)


def test_streamed_images_are_never_captured(tiny: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A captured graph takes its images from the device's memory, where streamed ones are not."""

    class NoBlock:
        def __init__(self, *_: object) -> None:
            raise AssertionError("captured")

    config = tiny_config(tiny, iterations_per_launch=2)
    monkeypatch.setattr(loop, "Block", NoBlock)
    monkeypatch.setattr(TrainState, "device", property(lambda _: torch.device("cuda")))
    for resident in (False, True):
        state = new_state(config, CPU, 3)
        batches = ResidentBatches(noisy(), config.batch_size, state.place, CPU)
        batches.resident = resident
        if resident:
            with pytest.raises(AssertionError, match="captured"):
                list(iterations(state, config, batches))
        else:
            assert list(iterations(state, config, batches))[-1] == config.iterations
