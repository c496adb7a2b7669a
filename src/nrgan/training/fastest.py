"""How many ranks of a machine train a run fastest, and with how many threads each: measured before it begins."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

import torch

from nrgan import torchrun
from nrgan.data import ImageSpec
from nrgan.errors import UserError
from nrgan.ranks import Ranks, choose
from nrgan.training.accumulate import check_ranks
from nrgan.training.config import TrainConfig
from nrgan.training.duration import random_batches
from nrgan.training.graph import single_iteration
from nrgan.training.plan import Objects, Plan, resolve
from nrgan.training.state import new_state

_WARMING, _FEWEST, _MOST = 2, 3, 50
"""Iterations that are not timed, and how many are."""
_SECONDS = 2.0
"""That each number of ranks is timed for, about."""


@dataclass(frozen=True)
class Measured:
    """What was found: seconds of an iteration, by the number of ranks."""

    seconds: dict[int, float]
    processors: int

    @property
    def best(self) -> int:
        """The number of ranks that is fastest."""
        return min(self.seconds, key=lambda count: self.seconds[count])

    def sentence(self) -> str:
        """What there is to say of it."""
        count = self.best
        words = f"ranks: {count}, threads of each: {self.processors // count}"
        if count == 1:
            return f"{words}; more ranks are not faster here"
        return f"{words}; {self.seconds[1] / self.seconds[count]:.2f} times as fast as one rank of all threads"


def wanted() -> bool:
    """Whether the ranks that were started are to choose how many of them train."""
    return torchrun.CHOOSE in os.environ


@dataclass(frozen=True)
class Asked:
    """What is to be trained, as the first rank tells the others."""

    config: TrainConfig
    image: ImageSpec
    dtype: torch.dtype


def choose_ranks(ranks: Ranks, asked: Asked | None, objects: Objects) -> tuple[Ranks, Measured]:
    """Those of the ranks that are to train, and what was measured. All of them ask; those left out are to end.

    asked: on the first rank; the others are told. On processors only.
    """
    told = ranks.told(asked)
    assert told is not None, "the first rank asks for something"
    plan = resolve(told.config, told.image, objects)
    seconds: dict[int, float] = {}
    groups: dict[int, Ranks] = {}
    for count in _counts(ranks.count, plan):
        groups[count] = some = ranks.some(count)
        each = 0.0
        if ranks.number < count:
            torch.set_num_threads(threads_of(plan.config, count))
            each = seconds_of(plan, some, told.dtype)
        seconds[count] = ranks.told(each)
    measured = Measured(seconds, torchrun.processors())
    choose(groups[measured.best])
    torch.set_num_threads(threads_of(plan.config, measured.best))
    return groups[measured.best], measured


def threads_of(config: TrainConfig, count: int) -> int:
    """Threads of each of so many ranks."""
    return config.machine.threads or max(1, torchrun.processors() // count)


def _counts(most: int, plan: Plan) -> list[int]:
    """The numbers of ranks that are tried: powers of 2, each of which has a share of every batch."""
    counts = []
    for count in (2**k for k in range(most.bit_length())):
        with suppress(UserError):
            check_ranks(plan.config.schedule, count, plan.compares_pairs, plan.objective.needs_real)
            counts.append(count)
    return counts


def seconds_of(plan: Plan, ranks: Ranks, dtype: torch.dtype) -> float:
    """Of an iteration on random images, by these ranks together."""
    state = new_state(plan, torch.device("cpu"), compute_dtype=dtype, ranks=ranks)
    batches = random_batches(state, plan)

    def timed(iterations: int) -> float:
        begun = time.monotonic()
        for _ in range(iterations):
            state.losses.clear()
            single_iteration(state, plan, batches)
        return (time.monotonic() - begun) / iterations

    timed(_WARMING)
    once = ranks.told(timed(1))
    return timed(min(_MOST, max(_FEWEST, round(_SECONDS / once))))
