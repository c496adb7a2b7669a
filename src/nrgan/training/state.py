"""Everything that training changes, in one place: what a checkpoint saves."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from nrgan.draws import FreshDraws
from nrgan.models import find_model
from nrgan.networks import Discriminator, Generator, compute_in, initialise
from nrgan.observation import Observer, View
from nrgan.observation.base import Sizes
from nrgan.settings import Setting, find_setting
from nrgan.training.batches import Place
from nrgan.training.config import TrainConfig
from nrgan.training.losses import LossHistory


class GeneratorPair(nn.Module):
    """The image generator and the observer, whose noise generator is trained with it."""

    def __init__(self, generator: Generator, observer: Observer) -> None:
        super().__init__()
        self.generator = generator
        self.observer = observer


@dataclass
class TrainState:
    """Networks, their average, optimisers, random state, and how far training is."""

    generators: GeneratorPair
    averaged: GeneratorPair
    discriminator: Discriminator
    generator_adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam
    rng: torch.Generator
    place: Place
    losses: LossHistory
    iteration: int = 0
    whole: bool = True
    """False within an iteration, when some networks have been updated and others not: then it is not to be saved."""

    @property
    def device(self) -> torch.device:
        return self.generators.generator.start.weight.device

    def draws(self) -> FreshDraws:
        """Draws for the next step, from the run's own generator."""
        weight = self.generators.generator.start.weight
        return FreshDraws(self.rng, weight.device, weight.dtype)

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

    def load_tensors(self, named: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave, exactly. Raises `KeyError` or `RuntimeError` where names or shapes differ."""
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
    config: TrainConfig,
    device: torch.device,
    image_channels: int,
    dtype: torch.dtype = torch.float32,
    compute_dtype: torch.dtype | None = None,
) -> TrainState:
    """The state before the first iteration; the networks' start depends on `config.seed` alone."""
    setting = find_setting(config.setting, config.corrupt)
    sizes = Sizes(config.latent_size, config.resolved_size, image_channels, config.channels, config.residual_scale)
    generators = untrained_pair(setting, config.model, sizes, config.clip, config.diversity_weight)
    seen_channels = generators.observer.view.channels(image_channels)
    discriminator = Discriminator(seen_channels, config.discriminator_width, config.residual_scale, sizes.image_size)

    start = torch.Generator().manual_seed(config.seed)
    for network in (generators, discriminator):
        initialise(network, start)
        network.to(device, dtype)
    averaged = copy.deepcopy(generators).requires_grad_(False)
    for network in (generators, discriminator):
        compute_in(network, compute_dtype)

    return TrainState(
        generators=generators,
        averaged=averaged,
        discriminator=discriminator,
        generator_adam=_adam(generators, config.generator_learning_rate, config),
        discriminator_adam=_adam(discriminator, config.discriminator_learning_rate, config),
        rng=torch.Generator(device).manual_seed(config.seed),
        place=Place(config.seed),
        losses=LossHistory(config.log_interval, device),
    )


def untrained_pair(
    setting: Setting, model: str, sizes: Sizes, clip: bool, diversity_weight: float = 0.0
) -> GeneratorPair:
    """The generator of these sizes and the observer of a model on a setting, weights as torch makes them."""
    observer = find_model(model, setting).observer(setting, View(setting.view, clip), sizes, diversity_weight)
    return GeneratorPair(Generator(**asdict(sizes)), observer)


def _adam(network: nn.Module, rate: float, config: TrainConfig) -> torch.optim.Adam:
    on_gpu = next(network.parameters()).is_cuda
    betas = (config.beta1, config.beta2)
    return torch.optim.Adam(network.parameters(), rate, betas, fused=True, capturable=on_gpu)


def learning_rate_factor(config: TrainConfig, updates: int) -> float:
    """The factor of the learning rates after so many generator updates: 1, or falling to 0 over `decay_iterations`."""
    if not config.decay_iterations:
        return 1.0
    late = updates + 1 - (config.iterations - config.decay_iterations)
    return 1.0 - max(0, late) / config.decay_iterations
