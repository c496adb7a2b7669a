"""The loop: iterations, one after the other. Whoever runs it logs, saves and evaluates."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nrgan.training.batches import Batches
from nrgan.training.config import TrainConfig
from nrgan.training.losses import Losses
from nrgan.training.state import TrainState, learning_rate_factor
from nrgan.training.step import discriminator_step, generator_step


def iterations(state: TrainState, config: TrainConfig, batches: Batches) -> Iterator[Losses]:
    """Trains until `config.iterations`, yielding the losses of each iteration, on the device, after it.

    The very first iteration updates only the discriminator, as the published training does.
    """
    while state.iteration < config.iterations:
        losses: dict[str, torch.Tensor] = {}
        if state.iteration > 0:
            _set_rate(state.generator_adam, config.generator_learning_rate, config, state.iteration - 1)
            losses |= generator_step(state, config, state.draws())
        _set_rate(state.discriminator_adam, config.discriminator_learning_rate, config, state.iteration)
        for _ in range(config.critic_steps):
            real = batches.next(state.draws())
            losses |= discriminator_step(state, config, real, state.draws())
        state.iteration += 1
        yield losses


def _set_rate(adam: torch.optim.Adam, rate: float, config: TrainConfig, updates: int) -> None:
    factor = learning_rate_factor(config, updates)
    for group in adam.param_groups:
        group["lr"] = rate * factor
