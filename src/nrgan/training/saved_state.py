"""What a checkpoint keeps of a training: networks, their average, optimisers, losses, random state, and how far it is.

One way for all trainings, so that each goes on to the same bits. The state of an optimiser is kept under the names of
the parameters that it is of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nrgan.tensor_files import TensorSpec, specs_of
from nrgan.training.batches import EpochPosition
from nrgan.training.losses import LossHistory


class SavedState(ABC):
    """A `nrgan.runs.checkpoint.Resumable` made of modules and their optimisers; subclasses name them."""

    parts: ClassVar[tuple[str, ...]]
    """The attributes that are modules."""
    first_updates: ClassVar[Mapping[str, int]]
    """The iteration of each optimiser's first update, before which it may have no moments, by its attribute's name."""

    rng: torch.Generator
    place: EpochPosition
    losses: LossHistory
    iteration: int

    @abstractmethod
    def optimised(self) -> dict[str, nn.Module]:
        """The module that each optimiser updates, by the name of the optimiser's attribute."""

    def _optimisers(self) -> list[tuple[str, nn.Module, torch.optim.Adam]]:
        return [(name, network, getattr(self, name)) for name, network in self.optimised().items()]

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
        named = self._tensors_of_networks()
        for part, network, adam in self._optimisers():
            for name, parameter in network.named_parameters():
                for key, value in adam.state[parameter].items():
                    named[f"{part}/{name}/{key}"] = value
        return named

    def _tensors_of_networks(self) -> dict[str, Tensor]:
        """All but the optimisers'."""
        named = {"rng": self.rng.get_state()}
        for part in self.parts:
            for name, value in getattr(self, part).state_dict().items():
                named[f"{part}/{name}"] = value
        for name, value in self.losses.tensors().items():
            named[f"losses/{name}"] = value
        return named

    def expected(self, found: Mapping[str, TensorSpec], iteration: int) -> dict[str, TensorSpec]:
        """What kinds of tensors the file of such a state holds after so many iterations."""
        specs = specs_of(self._tensors_of_networks())
        values = found.get("losses/values")
        specs |= {f"losses/{name}": spec for name, spec in self.losses.specs(values.shape if values else ()).items()}
        for part, network, _ in self._optimisers():
            if iteration < self.first_updates[part] and not any(name.startswith(f"{part}/") for name in found):
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
        for part in self.parts:
            getattr(self, part).load_state_dict(_below(named, f"{part}/"))
        self.losses.load_tensors(_below(named, "losses/"))
        for part, network, adam in self._optimisers():
            for name, parameter in network.named_parameters():
                own, kept = _below(named, f"{part}/{name}/"), adam.state[parameter]
                for key in kept.keys() - own.keys():
                    kept[key].zero_()  # made since: back to where Adam starts
                for key, value in own.items():
                    # into the same memory where there is some: a captured graph goes on using it
                    kept[key] = kept[key].copy_(value) if key in kept else _laid_out(value, parameter)


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """A copy on the parameter's device and, of its shape, in its layout, which Adam's fused step takes for granted."""
    if value.shape != parameter.shape:
        return value.to(parameter.device, copy=True)
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


def _below(named: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in named.items() if name.startswith(prefix)}
