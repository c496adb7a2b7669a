"""One iteration, as in the paper: the generators' update, then the discriminator's.

A batch may be computed in parts (`schedule.accumulate`), one after the other, and by several ranks, each its share of
it; by default it is one part of one rank. Every random number is an argument (`draws`), and every result stays on the
device: nothing here waits for it.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.objectives import Losses, total
from nrgan.training.accumulate import AccumulatedUpdate, parts_of
from nrgan.training.config import NetworkOptions
from nrgan.training.plan import Plan
from nrgan.training.state import TrainState


def generator_step(state: TrainState, plan: Plan, draws: Draws, real: Tensor | None = None) -> Losses:
    """Updates G and the observer's networks on the objective of D(observed) + the observation's penalty; then averages.

    real: this rank's share of (B, C, H, W) signed images, before sensor and view, for an objective that needs them.
    """
    g, d, config = state.generators, state.discriminator, plan.config
    normalised = partial(_normalised, config.network)
    update, schedule = AccumulatedUpdate(g, state.ranks), config.schedule
    for part in parts_of(schedule.generator_batch, schedule.accumulate, draws, state.ranks, plan.compares_pairs):
        z = part.draws.normal("z_image", (part.size, config.network.latent_size))
        fake = g.observer(g.generator(z), z, part.draws)
        with torch.no_grad():  # nothing of it depends on the generators
            on_real = None if real is None else d(normalised(g.observer.seen(part.of(real))))
        losses = dict(plan.objective.generator_losses(d(normalised(fake.y)), on_real))
        name = g.observer.penalty_name
        if fake.penalty is not None and name is None:
            raise ValueError(f"{type(g.observer).__name__} gives a penalty, but has no penalty_name for it")
        if name is not None and fake.penalty is not None and config.observation.diversity_weight:
            losses[name] = config.observation.diversity_weight * fake.penalty
        update.add(losses, total(losses), part.weight)
    means = update.apply(state.generator_adam)
    state.average.update()
    return means


def discriminator_step(state: TrainState, plan: Plan, real: Tensor, draws: Draws) -> Losses:
    """Updates D on the objective of D(real) and D(observed).

    real: this rank's share of (B, C, H, W), signed, before sensor and view.
    """
    g, d, config = state.generators, state.discriminator, plan.config
    normalised = partial(_normalised, config.network)
    update, schedule = AccumulatedUpdate(d, state.ranks), config.schedule
    for part in parts_of(schedule.batch_size, schedule.accumulate, draws, state.ranks):
        z = part.draws.normal("z_image", (part.size, config.network.latent_size))
        with torch.no_grad():
            fake = g.observer(g.generator(z), z, part.draws)
        on_real, on_fake = normalised(g.observer.seen(part.of(real))), normalised(fake.y)
        update.add(*plan.objective.update_discriminator(d, on_real, on_fake), part.weight)
    return update.apply(state.discriminator_adam)


def _normalised(options: NetworkOptions, y: Tensor) -> Tensor:
    """What D is given of what it sees: (y − centre)·gain, so that R1 is a penalty of the gradient in that.

    D begins with weights for values of mean 0 and deviation ½, as photographs have. Of images that are mostly dark it
    sees hardly anything: the losses stay at those of a coin, and the generators are not told what to mend.
    """
    centre, gain = options.discriminator_centre, options.discriminator_gain
    return y if (centre, gain) == (0.0, 1.0) else (y - centre) * gain
