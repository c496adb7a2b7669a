"""The parts of training: batches, rates, losses, health, device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nrgan import UserError
from nrgan.draws import FreshDraws
from nrgan.training.batches import EpochPosition, ResidentBatches
from nrgan.training.device import choose_device
from nrgan.training.health import PATIENCE, Health
from nrgan.training.loop import iterations
from nrgan.training.losses import LossHistory, loss_names
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState, learning_rate_factor, new_state
from plans import noisy_images, plan_of

CPU = torch.device("cpu")
NAMES = ("generator", "real", "fake")


def numbered(count: int) -> np.ndarray:
    """Images whose value tells their number."""
    return np.broadcast_to((np.arange(count, dtype=np.float32) / 255)[:, None, None, None], (count, 1, 2, 2)).copy()


def drawn_numbers(batches: ResidentBatches, count: int) -> list[list[int]]:
    draws = FreshDraws(torch.Generator().manual_seed(0))
    rows = [batches.take(batches.rows(1)[0], draws)[:, 0, 0, 0] for _ in range(count)]
    return [[int(v) for v in torch.floor((row / 2 + 0.5) * 256)] for row in rows]


def test_epochs_are_shuffled_complete_and_drop_the_rest() -> None:
    seen = drawn_numbers(ResidentBatches(numbered(10), 3, EpochPosition(seed=0), CPU), 9)
    for epoch in range(3):
        numbers = [number for row in seen[3 * epoch : 3 * epoch + 3] for number in row]
        assert len(set(numbers)) == 9 and set(numbers) <= set(range(10))
    assert seen[:3] != seen[3:6], "each epoch has an order of its own"
    assert seen != drawn_numbers(ResidentBatches(numbered(10), 3, EpochPosition(seed=1), CPU), 9)


def test_a_place_is_enough_to_go_on() -> None:
    whole = drawn_numbers(ResidentBatches(numbered(10), 3, EpochPosition(seed=4), CPU), 8)
    place = EpochPosition(seed=4)
    first = drawn_numbers(ResidentBatches(numbered(10), 3, place, CPU), 5)
    rest = drawn_numbers(ResidentBatches(numbered(10), 3, EpochPosition(4, place.epoch, place.position), CPU), 3)
    assert first + rest == whole


def tiny_plan(tiny: dict[str, object], **options: object) -> Plan:
    return plan_of(**(tiny | options))


def run(plan: Plan) -> tuple[list[dict[str, float]], TrainState]:
    state = new_state(plan, CPU)
    batches = ResidentBatches(noisy_images(), plan.config.schedule.batch_size, state.place, CPU)
    seen = []
    for _ in iterations(state, plan, batches):
        seen.append(state.losses.means())
        state.losses.clear()
    return seen, state


def test_first_iteration_is_the_discriminators_alone(tiny: dict[str, object]) -> None:
    losses, state = run(tiny_plan(tiny, iterations=3))
    assert set(losses[0]) == {"real", "fake", "r1"}
    assert set(losses[1]) == {"generator", "diversity", "real", "fake", "r1"}
    steps = {int(s["step"]) for s in state.generator_adam.state.values()}
    assert steps == {2} and {int(s["step"]) for s in state.discriminator_adam.state.values()} == {3}


def test_critic_steps_and_weights_of_zero(tiny: dict[str, object]) -> None:
    losses, state = run(tiny_plan(tiny, iterations=2, critic_steps=3, r1_weight=0, diversity_weight=0))
    assert set(losses[1]) == {"generator", "real", "fake"}
    assert {int(s["step"]) for s in state.discriminator_adam.state.values()} == {6}


def test_same_seed_same_run_other_seed_other_run(tiny: dict[str, object]) -> None:
    assert run(tiny_plan(tiny))[0] == run(tiny_plan(tiny))[0]
    assert run(tiny_plan(tiny))[0] != run(tiny_plan(tiny, seed=1))[0]


def test_a_run_does_not_touch_the_global_generators(tiny: dict[str, object]) -> None:
    torch.manual_seed(5)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    run(tiny_plan(tiny, iterations=2))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)


def test_learning_rate_falls_linearly_to_zero(tiny: dict[str, object]) -> None:
    config = tiny_plan(tiny, iterations=10, decay_iterations=4).config
    assert [learning_rate_factor(config, i) for i in range(10)] == [1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert {learning_rate_factor(tiny_plan(tiny).config, i) for i in (0, 5)} == {1.0}


def test_loss_history_means_and_missing_losses() -> None:
    history = LossHistory(NAMES, 3, CPU)
    for i in range(3):
        losses = {"real": torch.tensor(float(i))} | ({"generator": torch.tensor(10.0 * i)} if i else {})
        history.add(history.row(losses)[None], losses)
    assert history.full and history.first_bad() is None
    assert history.means() == {"generator": 15.0, "real": 1.0}
    history.clear()
    assert not history.full


def test_loss_history_finds_the_first_bad_iteration() -> None:
    history = LossHistory(NAMES, 5, CPU)
    for value in (1.0, 2.0, float("nan"), float("inf")):
        losses = {"real": torch.tensor(value), "fake": torch.tensor(0.5)}
        history.add(history.row(losses)[None], losses)
    bad = history.first_bad()
    assert bad is not None and bad[0] == 1 and bad[1]["fake"] == 0.5 and np.isnan(bad[1]["real"])


def test_a_loss_that_nobody_named_is_refused() -> None:
    """Not dropped without a word: it would be minimised and never shown."""
    history = LossHistory(NAMES, 3, CPU)
    with pytest.raises(ValueError, match=r"losses \['cycle', 'style'\].*'generator', 'real', 'fake'"):
        history.row({"style": torch.tensor(1.0), "real": torch.tensor(1.0), "cycle": torch.tensor(1.0)})
    assert history.means() == {}


def test_losses_are_shown_in_the_order_of_the_updates(tiny: dict[str, object]) -> None:
    assert loss_names(("generator", "real", "r1"), "diversity") == ("generator", "diversity", "real", "r1")
    assert loss_names(("generator", "real", "r1"), None) == ("generator", "real", "r1")
    losses, _ = run(tiny_plan(tiny, iterations=2))
    assert list(losses[1]) == ["generator", "diversity", "real", "fake", "r1"]


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
