"""Everything that a denoiser's training changes: what a checkpoint saves."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.networks import compute_in
from nrgan.networks.sampling import place_of
from nrgan.networks.unet import UNet, UNetSizes
from nrgan.tensor_files import TensorSpec, specs_of
from nrgan.training.batches import EpochPosition
from nrgan.training.losses import LossHistory

LOSS = "loss"
_DECAY = 0.999
_WARMING = 200
"""Steps before which the average is worse than a mean of 3x3 pixels."""
_LAST_RATE = 0.01
"""Of the first learning rate, what is left at the end."""


@dataclass
class DenoiserState:
    """The network, its average, the optimiser, random state, and how far training is."""

    network: UNet
    averaged: UNet
    adam: torch.optim.Adam
    rng: torch.Generator
    place: EpochPosition
    losses: LossHistory
    iteration: int = 0
    whole: bool = True

    @property
    def device(self) -> torch.device:
        return place_of(self.network)[0]

    def guess(self, y: Tensor) -> Tensor:
        """The best clean images so far, without gradient: noise that depends on the signal is drawn there."""
        with torch.no_grad():
            if self.iteration >= _WARMING:
                found: Tensor = self.averaged(y)
                return found
            return F.avg_pool2d(F.pad(y, (1, 1, 1, 1), mode="reflect"), 3, 1)

    def updated(self, loss: Tensor, rate: float) -> None:
        """One step of Adam down the loss, and of the average."""
        self.whole = False
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        self.iteration += 1
        decay = min(_DECAY, self.iteration / (self.iteration + 9))  # the first weights are soon forgotten
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - decay)
        self.losses.add(self.losses.row({LOSS: loss.detach()})[None], (LOSS,))
        self.whole = True

    def progress(self) -> dict[str, int]:
        return {"iteration": self.iteration, "epoch": self.place.epoch, "position": self.place.position}

    def go_to(self, progress: dict[str, Any]) -> None:
        self.iteration = int(progress["iteration"])
        self.place.epoch, self.place.position = int(progress["epoch"]), int(progress["position"])

    def restart_random(self, seed: int) -> Tensor:
        return self.rng.manual_seed(seed).get_state()

    def tensors(self) -> dict[str, Tensor]:
        named = {"rng": self.rng.get_state()}
        for part in ("network", "averaged"):
            named |= {f"{part}/{name}": value for name, value in getattr(self, part).state_dict().items()}
        named |= {f"losses/{name}": value for name, value in self.losses.tensors().items()}
        for name, parameter in self.network.named_parameters():
            named |= {f"adam/{name}/{key}": value for key, value in self.adam.state[parameter].items()}
        return named

    def expected(self, found: Mapping[str, TensorSpec], iteration: int) -> dict[str, TensorSpec]:
        specs = specs_of({name: value for name, value in self.tensors().items() if not name.startswith("adam/")})
        values = found.get("losses/values")
        specs |= {f"losses/{name}": spec for name, spec in self.losses.specs(values.shape if values else ()).items()}
        for name, parameter in self.network.named_parameters() if iteration else ():
            moment = TensorSpec(parameter.dtype, tuple(parameter.shape))
            of_adam = {"step": TensorSpec(torch.float32, ()), "exp_avg": moment, "exp_avg_sq": moment}
            specs |= {f"adam/{name}/{key}": spec for key, spec in of_adam.items()}
        return specs

    def load_tensors(self, named: dict[str, Tensor]) -> None:
        self.rng.set_state(named["rng"].cpu())
        for part in ("network", "averaged"):
            getattr(self, part).load_state_dict(_below(named, f"{part}/"))
        self.losses.load_tensors(_below(named, "losses/"))
        for name, parameter in self.network.named_parameters():
            of_adam = _below(named, f"adam/{name}/")
            self.adam.state[parameter] = {
                # the count of steps stays on the CPU, but for a captured optimiser
                key: value.to("cpu" if key == "step" and not parameter.is_cuda else parameter.device, copy=True)
                for key, value in of_adam.items()
            }


def _below(named: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in named.items() if name.startswith(prefix)}


def new_state(
    sizes: UNetSizes, seed: int, log_interval: int, device: torch.device, dtype: torch.dtype
) -> DenoiserState:
    """The state before the first step; the network's start depends on the seed alone. dtype: of the convolutions."""
    network = UNet(sizes)
    network.initialise(torch.Generator().manual_seed(seed))
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(network).requires_grad_(False).eval()
    compute_in(network, None if dtype == torch.float32 else dtype)
    fused = device.type in ("cpu", "cuda", "mps")
    return DenoiserState(
        network=network,
        averaged=averaged,
        adam=torch.optim.Adam(network.parameters(), fused=fused),
        rng=torch.Generator(device).manual_seed(seed),
        place=EpochPosition(seed),
        losses=LossHistory((LOSS,), log_interval, device),
    )


def learning_rate(first: float, iteration: int, iterations: int) -> float:
    """Falling along half a cosine, from the first rate to a hundredth of it."""
    share = min(iteration / max(iterations, 1), 1.0)
    return first * (_LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * share)) / 2)
