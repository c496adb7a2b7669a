"""Taking times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

Work = Callable[[], int]
"""Does some iterations and returns how many."""

T = TypeVar("T")


def stopwatch(work: Callable[[], T], device: torch.device) -> tuple[float, T]:
    """Seconds until the device has done all of `work`, and what `work` returns."""
    synchronize(device)
    begun = time.perf_counter()
    done = work()
    synchronize(device)
    return time.perf_counter() - begun, done


def synchronize(device: torch.device) -> None:
    """Waits until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def alternated(works: Mapping[str, Work], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds per iteration of each, `rounds` times in turn, so that all meet the machine in the same states.

    One run of each beforehand is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            seconds, done = stopwatch(work, device)
            taken[name].append(seconds / done)
    return {name: values[1:] for name, values in taken.items()}
