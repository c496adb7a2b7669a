"""Everything that training changes, in one place: what a checkpoint saves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nrgan.draws import FreshDraws
from nrgan.networks import compute_in
from nrgan.networks.sampling import place_of
from nrgan.observation import GeneratorPair
from nrgan.tensor_files import TensorSpec, specs_of
from nrgan.training.average import MovingAverage
from nrgan.training.batches import EpochPosition
from nrgan.training.config import OptimiserOptions, TrainConfig
from nrgan.training.losses import LossHistory, loss_names
from nrgan.training.plan import Plan

_FIRST_UPDATE = {"generator_adam": 2, "discriminator_adam": 1}
"""The iteration of an optimiser's first update, before which it may have no moments: the first one is D's alone."""


@dataclass
class TrainState:
    """Networks, their average, optimisers, random state, and how far training is."""

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
    whole: bool = True
    """False within an iteration, when some networks have been updated and others not: then it is not to be saved."""

    @property
    def device(self) -> torch.device:
        return place_of(self.generators)[0]

    def draws(self) -> FreshDraws:
        """Draws for the next step, from the run's own generator."""
        return FreshDraws(self.rng, *place_of(self.generators))

    def progress(self) -> dict[str, int]:
        """How far it is, as plain numbers."""
        return {"iteration": self.iteration, "epoch": self.place.epoch, "position": self.place.position}

    def go_to(self, progress: dict[str, Any]) -> None:
        """Puts it where `progress` said."""
        self.iteration = int(progress["iteration"])
        self.place.epoch, self.place.position = int(progress["epoch"]), int(progress["position"])

    def restart_random(self, seed: int) -> Tensor:
        """Begins the random numbers anew, and gives their state: those of another kind of device cannot go on."""
        return self.rng.manual_seed(seed).get_state()

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, by name; the optimisers' under their parameters' names."""
        named = {"rng": self.rng.get_state()}
        for part in ("generators", "averaged", "discriminator"):
            for name, value in getattr(self, part).state_dict().items():
                named[f"{part}/{name}"] = value
        for name, value in self.losses.tensors().items():
            named[f"losses/{name}"] = value
        for part, network, adam in self._optimisers():
            for name, parameter in network.named_parameters():
                for key, value in adam.state[parameter].items():
                    named[f"{part}/{name}/{key}"] = value
        return named

    def expected(self, found: Mapping[str, TensorSpec], iteration: int) -> dict[str, TensorSpec]:
        """What kinds of tensors the file of such a state holds after so many iterations."""
        specs = specs_of({name: value for name, value in self.tensors().items() if "_adam/" not in name})
        values = found.get("losses/values")
        specs |= {f"losses/{name}": spec for name, spec in self.losses.specs(values.shape if values else ()).items()}
        for part, network, _ in self._optimisers():
            if iteration < _FIRST_UPDATE[part] and not any(name.startswith(f"{part}/") for name in found):
                continue  # but they may be there already, all zero: a trial of the duration has made them
            for name, parameter in network.named_parameters():
                if not parameter.requires_grad:
                    continue
                moment = TensorSpec(parameter.dtype, tuple(parameter.shape))
                of_adam = {"step": TensorSpec(torch.float32, ()), "exp_avg": moment, "exp_avg_sq": moment}
                specs |= {f"{part}/{name}/{key}": spec for key, spec in of_adam.items()}
        return specs

    def load_tensors(self, named: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave, exactly."""
        self.rng.set_state(named["rng"].cpu())
        for part in ("generators", "averaged", "discriminator"):
            getattr(self, part).load_state_dict(_below(named, f"{part}/"))
        self.losses.load_tensors(_below(named, "losses/"))
        for part, network, adam in self._optimisers():
            for name, parameter in network.named_parameters():
                own, kept = _below(named, f"{part}/{name}/"), adam.state[parameter]
                for key in kept.keys() - own.keys():
                    kept[key].zero_()  # made since: back to where Adam starts
                for key, value in own.items():
                    # into the same memory where there is some: a captured graph goes on using it
                    if key in kept:
                        kept[key].copy_(value)
                    else:
                        kept[key] = value.to(parameter.device, copy=True)

    def _optimisers(self) -> list[tuple[str, nn.Module, torch.optim.Adam]]:
        return [
            ("generator_adam", self.generators, self.generator_adam),
            ("discriminator_adam", self.discriminator, self.discriminator_adam),
        ]


def _below(named: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in named.items() if name.startswith(prefix)}


def new_state(
    plan: Plan,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    compute_dtype: torch.dtype | None = None,
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
