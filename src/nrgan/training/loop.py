"""The loop: iterations, one after the other. Whoever runs it logs, saves and evaluates."""

from __future__ import annotations

from collections.abc import Iterator

from nrgan.training.batches import Batches
from nrgan.training.config import TrainConfig
from nrgan.training.graph import GraphedIterations, single_iteration
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState


def iterations(state: TrainState, plan: Plan, batches: Batches) -> Iterator[int]:
    """Trains to the last iteration, yielding the number of the iteration reached; losses go to `state.losses`.

    On a GPU, `iterations_per_launch` iterations are one launch of a captured graph, and it yields once for them. It
    always yields at the multiples of the configuration's intervals.
    """
    config, graphed = plan.config, None
    # a captured graph takes its images from the device's memory, and waits for no other rank
    captured = state.device.type == "cuda" and batches.resident and state.ranks.count == 1
    length = min(config.machine.iterations_per_launch, *_intervals(config)) if captured else 1
    while state.iteration < config.schedule.iterations:
        # the very first iteration is another one (no generator update), and leaves the optimisers ready for capture
        if length == 1 or state.iteration == 0 or iterations_to_boundary(state.iteration, config) < length:
            single_iteration(state, plan, batches)
        else:
            graphed = graphed or GraphedIterations(state, plan, batches, length)
            graphed.run()
        yield state.iteration


def iterations_to_boundary(iteration: int, config: TrainConfig) -> int:
    """How many iterations may pass before somebody wants to look: log, picture, snapshot, evaluation or the end."""
    left = (interval - iteration % interval for interval in _intervals(config))
    return min(config.schedule.iterations - iteration, *left)


def _intervals(config: TrainConfig) -> tuple[int, ...]:
    schedule = config.schedule
    intervals = (schedule.log_interval, schedule.sample_interval, schedule.snapshot_interval, config.evaluation.every)
    return tuple(interval for interval in intervals if interval)
