"""What is timed: training states on random images, with iterations to run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nrgan.bench.operations import Operation, recorded
from nrgan.data import ImageSpec
from nrgan.frames import ValueRange
from nrgan.ranges import STORED_LEVELS
from nrgan.training.batches import Batches, ResidentBatches
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_dtype
from nrgan.training.graph import GraphedIterations, single_iteration
from nrgan.training.plan import Plan, resolve
from nrgan.training.state import TrainState, new_state

_IMAGES = 2048


@dataclass
class TimedTraining:
    """A training that is ready to be timed."""

    plan: Plan
    state: TrainState
    batches: Batches
    graphed: GraphedIterations | None = None

    @classmethod
    def make(cls, config: TrainConfig, device: torch.device) -> TimedTraining:
        """Random images of the configuration's size, and networks; the first, other iteration is done."""
        size = config.resolved_size
        spec = ImageSpec(size, 3, ValueRange.of(0, STORED_LEVELS - 1, "uint8"))
        plan = resolve(config.replaced(log_interval=1000), spec)
        state = new_state(plan, device, compute_dtype=choose_dtype(config.machine.precision, device))
        images = np.random.RandomState(0).rand(_IMAGES, 3, size, size).astype(np.float32)
        training = cls(plan, state, ResidentBatches(images, config.schedule.batch_size, state.place, device))
        training.single()
        return training

    def single(self) -> None:
        """One iteration, operation by operation."""
        self.state.losses.clear()
        single_iteration(self.state, self.plan, self.batches)

    def launch(self) -> int:
        """As training would go on: on a GPU one captured launch. Returns the number of iterations done."""
        length = self.plan.config.machine.iterations_per_launch
        if self.state.device.type != "cuda" or length == 1:
            self.single()
            return 1
        self.graphed = self.graphed or GraphedIterations(self.state, self.plan, self.batches, length)
        self.state.losses.clear()
        self.graphed.run()
        return length

    def operations(self) -> list[Operation]:
        """The matrix products and convolutions of one iteration."""
        return recorded(self.single)

    def flop(self) -> int:
        """Floating-point operations of one iteration's matrix products and convolutions, counted as it runs.

        Two for each multiplication with its addition.
        """
        return sum(operation.flop * operation.calls for operation in self.operations())
