"""How long an iteration takes, measured before training begins."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import numpy as np

from nrgan.training.batches import EpochPosition, ResidentBatches
from nrgan.training.graph import single_iteration
from nrgan.training.loop import iterations
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState

_TIMED = 2
_MOST_SECONDS = 20.0
_WARMING = 2
"""Launches that are not timed: the first iteration is another one, and on a GPU the next launch captures."""
_STRETCHES = 3
_ENDLESS = 2**31 - 1


def seconds_per_iteration(state: TrainState, plan: Plan) -> float:
    """The median of a few iterations on random images, operation by operation, after one that is not counted.

    Of several ranks, this one's share is timed, without the others. The state is as it was afterwards. On a GPU, where
    launches are captured, training is faster than this.
    """
    before = {name: value.clone() for name, value in state.tensors().items()}
    progress, ranks = state.progress(), state.ranks
    state.ranks = replace(ranks, apart=True)
    batches = random_batches(state, plan)
    taken: list[float] = []
    while len(taken) <= _TIMED and sum(taken) < _MOST_SECONDS:
        state.losses.clear()
        begun = time.monotonic()
        single_iteration(state, plan, batches)
        state.losses.means()  # waits for the device
        taken.append(time.monotonic() - begun)
    state.losses.clear()
    state.load_tensors(before)
    state.go_to(progress)
    state.ranks = ranks
    return statistics.median(taken[1:] or taken)


def seconds_in_a_row(state: TrainState, plan: Plan, seconds: float) -> float:
    """An iteration's, done as training does them: the mean over the fastest of three stretches of about so many in all.

    The fastest: what else runs on the machine slows it for a while, and may have ended when training begins. The state
    is trained by it, and to be thrown away.
    """
    endless = replace(plan, config=plan.config.replaced(iterations=_ENDLESS))
    taken: list[float] = []
    first, begun = 0, 0.0
    for number, reached in enumerate(iterations(state, endless, random_batches(state, plan))):
        if number == _WARMING or (number > _WARMING and time.monotonic() - begun >= seconds / _STRETCHES):
            state.losses.means()  # waits for the device
            now = time.monotonic()
            if number > _WARMING:
                taken.append((now - begun) / (reached - first))
            first, begun = reached, now
        if len(taken) == _STRETCHES:
            break
        if state.losses.full:
            state.losses.means()
            state.losses.clear()
    return min(taken)


def random_batches(state: TrainState, plan: Plan) -> ResidentBatches:
    """Of a single batch, in an order of their own: where the run is in its epoch may lie beyond it."""
    batch, channels, size = plan.config.schedule.batch_size, plan.image.channels, plan.image.size
    images = np.random.Generator(np.random.Philox(key=0)).random((batch, channels, size, size), dtype=np.float32)
    return ResidentBatches(images, batch, EpochPosition(state.place.seed), state.device, own=state.ranks.own)
