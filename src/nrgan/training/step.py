"""One iteration, as in the paper: the generators' update, then the discriminator's.

Every random number is an argument (`draws`), and every result stays on the device: nothing here waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nrgan.draws import Draws
from nrgan.objectives import logistic_fake, logistic_real
from nrgan.training.config import TrainConfig
from nrgan.training.losses import Losses
from nrgan.training.real_side import real_side
from nrgan.training.state import TrainState


def generator_step(state: TrainState, config: TrainConfig, draws: Draws) -> Losses:
    """Updates G and the observer's networks on −log σ(D(observed)) + penalty, then their averages."""
    g, d = state.generators, state.discriminator
    z = draws.normal("z_image", (config.generator_batch, config.latent_size))
    fake = g.observer(g.generator(z), z, draws)
    losses = {"generator": logistic_real(d(fake.y))}
    if fake.penalty is not None:
        losses["diversity"] = fake.penalty
    _update(g, state.generator_adam, torch.stack(list(losses.values())).sum())
    average(state.averaged, g, config.ema_decay)
    return _detached(losses)


def discriminator_step(state: TrainState, config: TrainConfig, real: Tensor, draws: Draws) -> Losses:
    """Updates D on −log σ(D(real)) − log(1 − σ(D(observed))) + R1; real (B, C, H, W) signed, before the view."""
    g, d = state.generators, state.discriminator
    z = draws.normal("z_image", (len(real), config.latent_size))
    with torch.no_grad():
        fake = g.observer(g.generator(z), z, draws)
    on_real = real_side(config.penalty_gradient, d, g.observer.view(real), config.r1_weight)
    on_fake = logistic_fake(d(fake.y))
    _update(d, state.discriminator_adam, on_real.to_minimise + on_fake)
    return _detached({**on_real.losses, "fake": on_fake})


def _update(network: nn.Module, adam: torch.optim.Adam, loss: Tensor) -> None:
    """One Adam step of the network's parameters; gradients of any other parameter are never computed."""
    parameters = list(network.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        # Adam's fused form takes the values in memory order, whatever the strides
        parameter.grad = gradient.contiguous()
    adam.step()


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """averaged ← decay·averaged + (1 − decay)·network, for every parameter."""
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - decay)


def _detached(losses: Mapping[str, Tensor]) -> Losses:
    return {name: loss.detach() for name, loss in losses.items()}
