"""Timing training."""

from __future__ import annotations

import resource
import statistics
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from nrgan.bench.ceiling import Ceiling
from nrgan.bench.clock import alternated
from nrgan.bench.timed import TimedTraining
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_dtype
from nrgan.training.processor import processor

_BEFORE_PEAK = 2
"""Launches before the peak memory is read: the first captures, and the allocator comes to rest."""


def measure(config: TrainConfig, device: torch.device, rounds: int, packed: int = 1) -> dict[str, Any]:
    """Speed of a configuration, its arithmetic, and the share of what the device can do.

    `packed`: that many independent runs at once, on a GPU each on a stream of its own; rates are of all together.
    """
    dtype = choose_dtype(config.machine.precision, device)
    trainings = [TimedTraining.make(config.replaced(seed=i), device) for i in range(packed)]
    operations = trainings[0].operations()
    flop = sum(operation.flop * operation.calls for operation in operations)
    peak_memory = _peak_memory(trainings, device)
    durations, ceilings = _rounds(trainings, Ceiling(operations, device, dtype), rounds, device)
    per_iteration = statistics.median(durations)
    computer = processor()
    return {
        "model": config.model,
        "batch_size": config.schedule.batch_size,
        "channels": config.network.channels,
        "image_size": config.resolved_size,
        "precision": str(dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else computer.describe(),
        "processor": asdict(computer),
        "packed": packed,
        "seconds_per_iteration": per_iteration,
        "seconds_spread": [min(durations), max(durations)],
        "iterations_per_second": 1 / per_iteration,
        "images_per_second": config.schedule.batch_size / per_iteration,
        "gflop_per_iteration": flop / 1e9,
        "share_of_ceiling": share_of_ceiling(flop, durations, ceilings),
        "ceiling_tflop_per_second": statistics.median(ceilings) / 1e12,
        "peak_memory_gbyte": peak_memory / 1e9,
        "hours_per_paper_run": 200_000 * per_iteration / 3600,
    }


def _rounds(
    trainings: list[TimedTraining], ceiling: Ceiling, rounds: int, device: torch.device
) -> tuple[list[float], list[float]]:
    """Seconds per iteration, and the ceiling next to it, of each round."""
    samples: list[float] = []

    def sample() -> int:
        samples.append(ceiling.sample())
        return 1

    taken = alternated({"training": partial(_launch_together, trainings, device), "ceiling": sample}, rounds, device)
    return taken["training"], samples[-rounds:]


def share_of_ceiling(flop: int, durations: list[float], ceilings: list[float]) -> float | None:
    """Median over the rounds of an iteration's rate, `flop` a duration, by the ceiling sampled next to it.

    None where it is above 1: what was measured was then no ceiling, as other work was in its way.
    """
    share = statistics.median(flop / seconds / rate for seconds, rate in zip(durations, ceilings, strict=True))
    return share if share <= 1 else None


def _launch_together(trainings: list[TimedTraining], device: torch.device) -> int:
    """One launch of each run; on a GPU each on a stream of its own. Returns the iterations of all."""
    if device.type != "cuda" or len(trainings) == 1:
        return sum(training.launch() for training in trainings)
    done = 0
    for training, stream in zip(trainings, _streams(len(trainings)), strict=True):
        with torch.cuda.stream(stream):
            done += training.launch()
    return done


_kept_streams: list[torch.cuda.Stream] = []


def _streams(count: int) -> list[torch.cuda.Stream]:
    while len(_kept_streams) < count:
        _kept_streams.append(torch.cuda.Stream())  # type: ignore[no-untyped-call]
    return _kept_streams[:count]


def _peak_memory(trainings: list[TimedTraining], device: torch.device) -> int:
    """Bytes that some launches take at most: of the GPU as torch took them, or of this process so far."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(_BEFORE_PEAK):
        _launch_together(trainings, device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
