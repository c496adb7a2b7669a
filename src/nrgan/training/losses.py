"""Losses gathered on the device and read once an interval."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from nrgan.objectives import Losses
from nrgan.tensor_files import TensorSpec


def loss_names(of_objective: tuple[str, ...], penalty: str | None) -> tuple[str, ...]:
    """The names of all losses in the order in which they are shown: the generators' penalty comes after the first."""
    first, *others = of_objective
    return (first, *([penalty] if penalty else []), *others)


class LossHistory:
    """The losses since the last reading, in a buffer on the device: adding to it never waits.

    A loss that an iteration does not have (the generator's in the first) counts as nothing.
    """

    def __init__(self, names: tuple[str, ...], capacity: int, device: torch.device) -> None:
        self.names = names
        self._buffer = torch.zeros((capacity, len(names)), device=device)
        self._known = torch.zeros((capacity, len(names)), dtype=torch.bool)
        self._none = torch.zeros((), device=device)
        self._rows = 0

    def row(self, losses: Losses) -> Tensor:
        """One iteration's losses as `add` takes them, (number of names,) on the device; `ValueError` for others."""
        if strange := losses.keys() - set(self.names):
            raise ValueError(
                f"losses {sorted(strange)}: an objective says all names of its losses; {self.names} are known"
            )
        return torch.stack([losses.get(name, self._none) for name in self.names])

    def add(self, rows: Tensor, names: Iterable[str]) -> None:
        """Keeps the losses of some iterations, (n, number of names), of which those of `names` are known."""
        known = set(names)
        kept = slice(self._rows, self._rows + len(rows))
        self._buffer[kept] = rows
        self._known[kept] = torch.tensor([name in known for name in self.names])
        self._rows += len(rows)

    @property
    def full(self) -> bool:
        return self._rows == len(self._buffer)

    def means(self) -> dict[str, float]:
        """The mean of each loss over the history. Waits for the device."""
        return self._means(slice(0, self._rows))

    def first_bad(self) -> tuple[int, dict[str, float]] | None:
        """How many iterations ago the first losses were that are not finite, and those losses. Waits for the device."""
        bad = (~self._buffer[: self._rows].isfinite()).any(dim=1).nonzero()
        if not len(bad):
            return None
        row = int(bad[0])
        return self._rows - 1 - row, self._means(slice(row, row + 1))

    def clear(self) -> None:
        """Forgets the losses kept so far."""
        self._rows = 0

    def _means(self, rows: slice) -> dict[str, float]:
        values, known = self._buffer[rows].cpu().double(), self._known[rows]
        return {name: float(values[known[:, i], i].mean()) for i, name in enumerate(self.names) if known[:, i].any()}

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps of it."""
        return {"values": self._buffer[: self._rows], "known": self._known[: self._rows]}

    def specs(self, shape: tuple[int, ...]) -> dict[str, TensorSpec]:
        """What kinds they are, in a file whose `values` have that shape: as many rows as were kept."""
        rows = min(shape[0] if shape else 0, len(self._buffer))
        kept = (rows, len(self.names))
        return {"values": TensorSpec(torch.float32, kept), "known": TensorSpec(torch.bool, kept)}

    def load_tensors(self, named: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave."""
        self._rows = len(named["values"])
        self._buffer[: self._rows] = named["values"].to(self._buffer.device)
        self._known[: self._rows] = named["known"]


def describe(losses: dict[str, float]) -> str:
    """The losses as text, `name value` each."""
    return "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
