"""What is timed: training states on random images, with iterations to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from nrgan.training.batches import Batches, ResidentBatches
from nrgan.training.block import Block, single_iteration
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_dtype
from nrgan.training.state import TrainState, new_state

_IMAGES = 2048


class _FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up torch's own formulas. (Its `FlopCounterMode` cannot see gradients taken inside a step.)"""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if (formula := flop_registry.get(func.overloadpacket)) is not None:
            self.total += int(formula(*args, **(kwargs or {}), out_val=out))
        return out


@dataclass
class Subject:
    """A training that is ready to be timed."""

    config: TrainConfig
    state: TrainState
    batches: Batches
    block: Block | None = None

    @classmethod
    def make(cls, config: TrainConfig, device: torch.device) -> Subject:
        """Random images of the configuration's size, and networks; the first, other iteration is done."""
        config = config.model_copy(update={"log_interval": 1000})
        state = new_state(config, device, 3, compute_dtype=choose_dtype(config.precision, device))
        size = config.resolved_size
        images = np.random.RandomState(0).rand(_IMAGES, 3, size, size).astype(np.float32)
        subject = cls(config, state, ResidentBatches(images, config.batch_size, state.place, device))
        subject.single()
        return subject

    def single(self) -> None:
        """One iteration, operation by operation."""
        self.state.losses.clear()
        single_iteration(self.state, self.config, self.batches)

    def launch(self) -> int:
        """As training would go on: on a GPU one captured launch. Returns the number of iterations done."""
        if self.state.device.type != "cuda" or self.config.iterations_per_launch == 1:
            self.single()
            return 1
        self.block = self.block or Block(self.state, self.config, self.batches, self.config.iterations_per_launch)
        self.state.losses.clear()
        self.block.run()
        return self.block.length

    def flop(self) -> int:
        """Floating-point operations of one iteration's matrix products and convolutions, counted as it runs.

        Two for each multiplication with its addition.
        """
        with _FlopCounter() as counter:
            self.single()
        return counter.total
