"""What the device can do at most: its matrix rate and its copy bandwidth, measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch


class Ceilings(NamedTuple):
    """Rates of the device: multiplications and additions of matrices, and bytes read plus written by a copy."""

    matrix_flop_per_second: float
    copy_bytes_per_second: float


def synchronize(device: torch.device) -> None:
    """Waits until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """The median duration of `work`, after one run that is not counted."""
    durations = []
    for _ in range(repeats + 1):
        synchronize(device)
        begun = time.perf_counter()
        work()
        synchronize(device)
        durations.append(time.perf_counter() - begun)
    return statistics.median(durations[1:])


def measure_ceilings(device: torch.device, dtype: torch.dtype) -> Ceilings:
    """Measures both, on random numbers (zeros can run faster), with sizes that fill the device."""
    n = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    # convolutions of float32 use a GPU's TF32 units unless told otherwise, so the ceiling must too
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    matrix = 2 * n**3 / seconds(lambda: a @ b, device)
    torch.set_float32_matmul_precision(before)
    source = torch.randn((1 << 28) if device.type == "cuda" else (1 << 25), device=device)
    target = torch.empty_like(source)
    copy = 2 * source.numel() * source.element_size() / seconds(lambda: target.copy_(source), device)
    return Ceilings(matrix, copy)
