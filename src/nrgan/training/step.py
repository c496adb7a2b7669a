"""One iteration, as in the paper: the generators' update, then the discriminator's.

A batch may be computed in parts (`config.accumulate`), one after the other; by default it is one part. Every random
number is an argument (`draws`), and every result stays on the device: nothing here waits for it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nrgan.draws import Draws
from nrgan.objectives import logistic_fake, logistic_real
from nrgan.training.accumulate import Update, parts_of
from nrgan.training.config import TrainConfig
from nrgan.training.losses import Losses
from nrgan.training.real_side import real_side
from nrgan.training.state import TrainState


def generator_step(state: TrainState, config: TrainConfig, draws: Draws) -> Losses:
    """Updates G and the observer's networks on −log σ(D(observed)) + penalty, then their averages."""
    g, d = state.generators, state.discriminator
    update = Update(g)
    for part in parts_of(config.generator_batch, config.accumulate, draws):
        z = part.draws.normal("z_image", (part.size, config.latent_size))
        fake = g.observer(g.generator(z), z, part.draws)
        losses = {"generator": logistic_real(d(fake.y))}
        if fake.penalty is not None:
            losses["diversity"] = fake.penalty
        update.add(losses, torch.stack(list(losses.values())).sum())
    means = update.apply(state.generator_adam)
    average(state.averaged, g, config.ema_decay)
    return means


def discriminator_step(state: TrainState, config: TrainConfig, real: Tensor, draws: Draws) -> Losses:
    """Updates D on −log σ(D(real)) − log(1 − σ(D(observed))) + R1; real (B, C, H, W) signed, before the view."""
    g, d = state.generators, state.discriminator
    update = Update(d)
    for part in parts_of(len(real), config.accumulate, draws):
        z = part.draws.normal("z_image", (part.size, config.latent_size))
        with torch.no_grad():
            fake = g.observer(g.generator(z), z, part.draws)
        on_real = real_side(config.penalty_gradient, d, g.observer.view(part.of(real)), config.r1_weight)
        on_fake = logistic_fake(d(fake.y))
        update.add({**on_real.losses, "fake": on_fake}, on_real.to_minimise + on_fake)
    return update.apply(state.discriminator_adam)


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """averaged ← decay·averaged + (1 − decay)·network, for every parameter."""
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - decay)
