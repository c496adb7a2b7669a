"""Everything that training changes, in one place: what a checkpoint saves."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from nrgan.draws import FreshDraws
from nrgan.networks import compute_in
from nrgan.networks.sampling import place_of
from nrgan.observation import GeneratorPair
from nrgan.ranks import ALONE, Ranks
from nrgan.training.average import MovingAverage
from nrgan.training.batches import EpochPosition
from nrgan.training.config import OptimiserOptions, TrainConfig
from nrgan.training.losses import LossHistory, loss_names
from nrgan.training.plan import Plan
from nrgan.training.saved_state import SavedState


@dataclass
class TrainState(SavedState):
    """Networks, their average, optimisers, random state, and how far training is."""

    parts: ClassVar[tuple[str, ...]] = ("generators", "averaged", "discriminator")
    first_updates: ClassVar[dict[str, int]] = {
        "generator_adam": 2,
        "discriminator_adam": 1,
    }  # the first one is D's alone

    generators: GeneratorPair
    averaged: GeneratorPair
    average: MovingAverage
    discriminator: nn.Module
    generator_adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam
    rng: torch.Generator
    place: EpochPosition
    losses: LossHistory
    iteration: int = 0
    ranks: Ranks = ALONE
    """Who computes it together; no part of what is saved."""
    whole: bool = True
    """False within an iteration, when some networks have been updated and others not: then it is not to be saved."""

    @property
    def device(self) -> torch.device:
        return place_of(self.generators)[0]

    def draws(self) -> FreshDraws:
        """Draws for the next step, from the run's own generator."""
        return FreshDraws(self.rng, *place_of(self.generators))

    def optimised(self) -> dict[str, nn.Module]:
        return {"generator_adam": self.generators, "discriminator_adam": self.discriminator}


def new_state(
    plan: Plan,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    compute_dtype: torch.dtype | None = None,
    ranks: Ranks = ALONE,
) -> TrainState:
    """The state before the first iteration; the networks' start depends on the seed alone."""
    config, family = plan.config, plan.family
    generators = GeneratorPair.untrained(family, plan.generator_sizes, plan.model, plan.setting)
    discriminator = family.discriminator(plan.discriminator_sizes)
    start = torch.Generator().manual_seed(config.schedule.seed)
    for network in (generators, discriminator):
        family.initialise(network, start)
        network.to(device, dtype)
    averaged = copy.deepcopy(generators).requires_grad_(False).eval()
    for network in (generators, discriminator):
        compute_in(network, compute_dtype)  # after the copy: averages are sampled from in full precision
    penalty = generators.observer.penalty_name
    optimiser = config.optimiser
    return TrainState(
        generators=generators,
        averaged=averaged,
        average=MovingAverage(averaged, generators, optimiser.ema_decay),
        discriminator=discriminator,
        generator_adam=_adam(generators, optimiser.generator_learning_rate, optimiser),
        discriminator_adam=_adam(discriminator, optimiser.discriminator_learning_rate, optimiser),
        rng=torch.Generator(device).manual_seed(config.schedule.seed),
        place=EpochPosition(config.schedule.seed),
        losses=LossHistory(loss_names(plan.objective.names, penalty), config.schedule.log_interval, device),
        ranks=ranks,
    )


def _adam(network: nn.Module, rate: float, options: OptimiserOptions) -> torch.optim.Adam:
    on_gpu = next(network.parameters()).is_cuda
    return torch.optim.Adam(
        network.parameters(), rate, (options.beta1, options.beta2), fused=_has_fused(network), capturable=on_gpu
    )


def _has_fused(network: nn.Module) -> bool:
    """Whether Adam has a fused form where the network is."""
    return next(network.parameters()).device.type in ("cpu", "cuda", "mps")


def learning_rate_factor(config: TrainConfig, updates: int) -> float:
    """The factor of the learning rates after so many generator updates: 1, or falling to 0 over `decay_iterations`."""
    decaying = config.optimiser.decay_iterations
    if not decaying:
        return 1.0
    late = updates + 1 - (config.schedule.iterations - decaying)
    return 1.0 - max(0, late) / decaying
