"""What makes training fast, step by step: each step keeps what the ones before it added."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, NamedTuple

import torch
from rich.table import Table

from nrgan.bench.clock import Work
from nrgan.bench.timed import TimedTraining
from nrgan.training.config import TrainConfig
from plain_forms import plain_convolutions, plain_shortcuts
from worker import in_turn

PlainForm = Callable[[], AbstractContextManager[None]]


class Step(NamedTuple):
    """One step of the ablation: what is added, and how the work is then done."""

    name: str
    options: dict[str, Any]
    plain: tuple[PlainForm, ...] = ()
    keep_memory: bool = True

    def within(self) -> ExitStack:
        """A context in which the networks are as in this step."""
        stack = ExitStack()
        for form in self.plain:
            stack.enter_context(form())
        return stack


_PLAIN = {"penalty_gradient": "double-backward", "precision": "float32"}
STEPS = (
    Step("only needed gradients", _PLAIN, (plain_convolutions, plain_shortcuts), keep_memory=False),
    Step("+ 1x1 at the low resolution", _PLAIN, (plain_convolutions,), keep_memory=False),
    Step("+ joined convolutions", _PLAIN, keep_memory=False),
    Step("+ tangent form of R1", {"precision": "float32"}, keep_memory=False),
    Step("+ freed memory kept", {"precision": "float32"}),
    Step("+ bfloat16", {"precision": "bfloat16"}),
)


def ablate(config: TrainConfig, device: torch.device, rounds: int) -> list[dict[str, Any]]:
    """The steps, cumulative, timed in turn."""
    makes = {step.name: (partial(work_of, config, device, step), step.keep_memory) for step in STEPS}
    taken = in_turn(makes, rounds, device)
    first = taken[STEPS[0].name]
    return [
        {
            "step": step.name,
            "gflop_per_iteration": flop_of(config, device, step) / 1e9,
            "seconds_per_iteration": statistics.median(taken[step.name]),
            "times_faster": statistics.median(a / b for a, b in zip(first, taken[step.name], strict=True)),
        }
        for step in STEPS
    ]


def work_of(config: TrainConfig, device: torch.device, step: Step) -> Work:
    """The iterations of a step."""
    training = TimedTraining.make(config.replaced(**step.options), device)

    def work() -> int:
        with step.within():
            return training.launch()

    return work


def flop_of(config: TrainConfig, device: torch.device, step: Step) -> int:
    """Floating-point operations of an iteration of a step."""
    training = TimedTraining.make(config.replaced(**step.options), device)
    with step.within():
        return training.flop()


def ablation_table(rows: list[dict[str, Any]]) -> Table:
    """What each step adds."""
    table = Table("step", title="What makes it fast (cumulative)")
    for title in ("GFLOP", "s/iteration", "times faster"):
        table.add_column(title, justify="right")
    for row in rows:
        numbers = (row["gflop_per_iteration"], row["seconds_per_iteration"], row["times_faster"])
        table.add_row(row["step"], *(f"{number:.3g}" for number in numbers))
    return table
