"""Iterations as units of work: one by one, or many as one captured CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nrgan.objectives import Losses
from nrgan.training.accumulate import own_draws, own_share
from nrgan.training.batches import Batches
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState, learning_rate_factor
from nrgan.training.step import discriminator_step, generator_step

_WARM_UP = 3
"""Runs before a capture, in which libraries choose their kernels and allocate."""


def single_iteration(state: TrainState, plan: Plan, batches: Batches) -> None:
    """One iteration, launched operation by operation.

    The very first updates only the discriminator, as the published training does. Raises `UserError` where an image
    cannot be read, before anything is changed.
    """
    real = batches.read(batches.rows(plan.config.schedule.critic_steps))
    state.whole = False
    rates = _rates(plan, state.iteration)
    losses = _iterate(state, plan, batches, real, *rates, generator=state.iteration > 0)
    state.losses.add(state.losses.row(losses)[None], losses)
    state.iteration += 1
    state.whole = True


def _rates(plan: Plan, iteration: int) -> tuple[float, float]:
    """The learning rates of an iteration's generator and discriminator updates.

    The generators' lag one behind: the published training lets the rates fall after their update.
    """
    options = plan.config.optimiser
    of_g = options.generator_learning_rate * learning_rate_factor(plan.config, iteration - 1)
    of_d = options.discriminator_learning_rate * learning_rate_factor(plan.config, iteration)
    return of_g, of_d


def _iterate(
    state: TrainState,
    plan: Plan,
    batches: Batches,
    real: Sequence[Tensor],
    generator_rate: float | Tensor,
    discriminator_rate: float | Tensor,
    generator: bool = True,
) -> Losses:
    """The device's work of one iteration.

    real: this rank's share of a batch of images, unit range, for each of D's updates.
    """
    losses: dict[str, Tensor] = {}
    share = own_share(plan.config.schedule.batch_size, state.ranks)
    if generator:
        _set_rate(state.generator_adam, generator_rate)
        some = batches.fed(real[0], own_draws(share, state.draws())) if plan.objective.needs_real else None
        losses |= generator_step(state, plan, state.draws(), some)
    _set_rate(state.discriminator_adam, discriminator_rate)
    for images in real:
        fed = batches.fed(images, own_draws(share, state.draws()))
        losses |= discriminator_step(state, plan, fed, state.draws())
    return losses


def _set_rate(adam: torch.optim.Adam, rate: float | Tensor) -> None:
    for group in adam.param_groups:
        group["lr"] = rate


class GraphedIterations:
    """`length` iterations on fixed buffers: on a GPU captured once as a CUDA graph, and launched whole thereafter.

    The host's work per launch is to fill in the places of the batches (and the learning rates, where they fall). The
    random numbers are those that single iterations would draw: the graph advances the run's own generator. On a CPU
    the same operations run one by one.
    """

    def __init__(self, state: TrainState, plan: Plan, batches: Batches, length: int) -> None:
        self.state, self.plan, self.batches, self.length = state, plan, batches, length
        self.critic_steps = plan.config.schedule.critic_steps
        device = state.device
        self.rows = torch.zeros(
            (length, self.critic_steps, plan.config.schedule.batch_size), dtype=torch.int64, device=device
        )
        # a captured graph reads the rates from memory, as Adam's fused form wants them
        self.rates = torch.zeros(
            (length, 2), device=device, dtype=torch.float32 if device.type == "cuda" else torch.float64
        )
        self.losses: Tensor | None = None
        self.names: frozenset[str] = frozenset()
        self.graph: torch.cuda.CUDAGraph | None = None

    def run(self) -> None:
        """The next `length` iterations."""
        self._fill()
        self.state.whole = False
        if self.state.device.type == "cuda":
            if self.graph is None:
                self.graph = self._capture()
            self.graph.replay()
        else:
            self._work()
        assert self.losses is not None
        self.state.losses.add(self.losses, self.names)
        self.state.iteration += self.length
        self.state.whole = True

    def _fill(self) -> None:
        """Puts the next batches' places and the learning rates into the buffers."""
        self.rows.copy_(self.batches.rows(self.length * self.critic_steps).view_as(self.rows))
        if self.graph is None or self.plan.config.optimiser.decay_iterations:
            rates = [_rates(self.plan, self.state.iteration + i) for i in range(self.length)]
            on_host = torch.tensor(rates, dtype=self.rates.dtype, pin_memory=self.rates.is_cuda)
            self.rates.copy_(on_host, non_blocking=True)

    def _work(self) -> None:
        losses = [
            _iterate(
                self.state,
                self.plan,
                self.batches,
                self.batches.read(self.rows[i]),
                self.rates[i, 0],
                self.rates[i, 1],
            )
            for i in range(self.length)
        ]
        self.losses = torch.stack([self.state.losses.row(of_one) for of_one in losses])
        self.names = frozenset(losses[0])

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Captures the work as a graph. The warm-up trains too, so the state is put back after it."""
        before = {name: value.clone() for name, value in self.state.tensors().items()}
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                self._work()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.state.rng)
        # on the warm-up's own stream: cuBLAS has a workspace a stream, which graphs replayed together must not share
        with torch.cuda.graph(graph, stream=stream):
            self._work()
        self.state.load_tensors(before)
        return graph
