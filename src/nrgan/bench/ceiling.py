"""What the device can do at most, to hold training's arithmetic against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from nrgan.bench.clock import stopwatch
from nrgan.bench.operations import Layout, Operation

_LEAST_SHARE = 0.01
"""Operations with less of an iteration's arithmetic than this cannot lift its rate by much, and are left out."""
_KEPT = 4
_REPEATS = 3


class Ceiling:
    """The highest rate of arithmetic seen in any single operation: of the iteration's own, or a large matrix product.

    An iteration does F = Σᵢ Fᵢ in at least Σᵢ Fᵢ/rᵢ seconds, operation i at its rate rᵢ alone; so F/seconds ≤ maxᵢ rᵢ.
    A matrix product alone is no such bound: convolutions can run faster than it. Which operations are the fastest few
    is found out once; a sample times those again, at the moment's state of the machine.
    """

    def __init__(self, operations: list[Operation], device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        least = _LEAST_SHARE * sum(operation.flop * operation.calls for operation in operations)
        candidates = [operation for operation in operations if operation.flop * operation.calls >= least]
        candidates.append(_large_product(device, dtype))
        # one at a time: together, their operands could take more memory than training
        rates = [self._rate(operation.flop, operation.on_random_numbers(device)) for operation in candidates]
        fastest = sorted(range(len(candidates)), key=rates.__getitem__)[-_KEPT:]
        self._kept = [(candidates[i].flop, candidates[i].on_random_numbers(device)) for i in fastest]

    def sample(self) -> float:
        """Operations a second, now."""
        return max(self._rate(flop, run) for flop, run in self._kept)

    def _rate(self, flop: int, run: Callable[[], object]) -> float:
        # a GPU is given several at once, so that the launch does not count
        calls = 20 if self._device.type == "cuda" else 1

        def work() -> None:
            for _ in range(calls):
                run()

        with torch.no_grad(), _tensor_float32(self._device):
            return calls * flop / min(stopwatch(work, self._device)[0] for _ in range(_REPEATS))


def _large_product(device: torch.device, dtype: torch.dtype) -> Operation:
    """A product of square matrices that fills the device."""
    n = 8192 if device.type == "cuda" else 2048
    layout = Layout((n, n), (n, 1), dtype)
    return Operation(torch.ops.aten.mm.default, (layout, layout), {}, 2 * n**3)


@contextmanager
def _tensor_float32(device: torch.device) -> Iterator[None]:
    """Lets a GPU's float32 matrix products use its TF32 units, as its convolutions do unless told otherwise."""
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
