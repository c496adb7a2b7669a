"""How long an iteration takes, measured before training begins."""

from __future__ import annotations

import statistics
import time

import numpy as np

from nrgan.training.batches import EpochPosition, ResidentBatches
from nrgan.training.graph import single_iteration
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState

_TIMED = 2
_MOST_SECONDS = 20.0


def seconds_per_iteration(state: TrainState, plan: Plan) -> float:
    """The median of a few iterations on random images, operation by operation, after one that is not counted.

    The state is as it was afterwards. On a GPU, where launches are captured, training is faster than this.
    """
    before = {name: value.clone() for name, value in state.tensors().items()}
    progress = state.progress()
    batch, channels, size = plan.config.schedule.batch_size, plan.image.channels, plan.image.size
    images = np.random.Generator(np.random.Philox(key=0)).random((batch, channels, size, size), dtype=np.float32)
    # an order of their own: where the run is in its epoch may lie beyond this single batch
    batches = ResidentBatches(images, batch, EpochPosition(state.place.seed), state.device)
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
    return statistics.median(taken[1:] or taken)
