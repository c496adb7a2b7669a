"""The matrix products and convolutions that an iteration is made of: how much arithmetic, at which shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in memory, without its values."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: Tensor) -> Layout:
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype)

    def random(self, device: torch.device, rng: torch.Generator) -> Tensor:
        """Normal random numbers that lie so."""
        length = 1 + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        values = torch.randn(length, device=device, generator=rng).to(self.dtype)
        return values.as_strided(self.shape, self.strides)


@dataclass
class Operation:
    """A matrix product, a convolution or its gradient, at one set of layouts."""

    function: Callable[..., Any]
    """Of torch's own (`torch.ops.aten`)."""
    arguments: tuple[Any, ...]
    """With a `Layout` for each tensor."""
    options: dict[str, Any]
    flop: int
    """Of one call: two for each multiplication with its addition."""
    calls: int = 0
    """In what was recorded."""

    def on_random_numbers(self, device: torch.device) -> Callable[[], object]:
        """The operation, ready to be called again and again with the same operands (zeros can run faster)."""
        rng = torch.Generator(device).manual_seed(0)
        arguments, options = tree_map_only(
            Layout, lambda layout: layout.random(device, rng), (self.arguments, self.options)
        )
        return lambda: self.function(*arguments, **options)


def recorded(work: Callable[[], object]) -> list[Operation]:
    """The distinct operations that `work` does, counted with torch's own formulas as they run."""
    with _Recorder() as recorder:
        work()
    return list(recorder.operations.values())


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation. (Torch's `FlopCounterMode` cannot see gradients taken inside a step.)"""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: dict[tuple[Any, str], Operation] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            arguments, options = tree_map_only(Tensor, Layout.of, (args, kwargs))
            key = func, repr((arguments, options))
            if key not in self.operations:
                flop = int(formula(*args, **kwargs, out_val=out))
                self.operations[key] = Operation(func, arguments, options, flop)
            self.operations[key].calls += 1
        return out
