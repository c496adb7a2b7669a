"""The clock of a run that may take so many minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nrgan.training.config import TrainConfig

RESERVED = 0.02
"""Share that is left at least for the last snapshot and its evaluation, when the clock ends the iterations."""


@dataclass(frozen=True)
class Deadline:
    """When iterations end, done or not: seconds of `clock`."""

    at: float
    clock: Callable[[], float]

    @classmethod
    def of(
        cls, config: TrainConfig, iteration: int, begun: float, clock: Callable[[], float], last: float = 0.0
    ) -> Deadline | None:
        """Of a run that begins or goes on at an iteration: it has the share of its minutes that is still to be trained.

        begun: from where on they count; last: seconds of what comes after the last iteration, where they are known.
        None where no minutes are given.
        """
        minutes, iterations = config.schedule.minutes, config.schedule.iterations
        if minutes is None:
            return None
        share = max(0, iterations - iteration) / iterations
        seconds = 60 * minutes * share
        return cls(begun + seconds - max(last, RESERVED * seconds), clock)

    def passed(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.at
