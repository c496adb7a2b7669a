"""Makes the small recordings in `recorded/`, in the layout of the reference's (see `benchmarks/parity.py`).

    PYTHONPATH=benchmarks python tests/parity/record.py [SHARED]

Training: three iterations of each model at a tiny size. Noise: where SHARED, the folder with the reference's golden
vectors, is given, a sample of the values of each. To be made again only on purpose, when the reference replays.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nrgan.data import ImageSpec
from nrgan.draws import FreshDraws
from nrgan.frames import ValueRange
from nrgan.observation import NOISE_GENERATOR
from nrgan.training.config import TrainConfig
from nrgan.training.plan import resolve
from nrgan.training.state import new_state
from nrgan.training.step import discriminator_step, generator_step

RECORDED = Path(__file__).parent / "recorded"
RUNS = {
    "gan": "cifar10ag25",
    "ambientgan": "cifar10mg25",
    "sinrgan1": "cifar10ag25",
    "sinrgan2": "cifar10bg25k5",
    "sdnrgan1": "cifar10mg25",
    "sdnrgan2": "cifar10p30",
    "sdnrgan3": "cifar10pg30_25",
}
NAMES = {"z_noise": "z_noise_raw", "eps": "eps"}


class Recorder(FreshDraws):
    """Fresh draws that are also kept, under the recording's names."""

    def __init__(self, generator: torch.Generator, kept: dict[str, Tensor], scope: str = "") -> None:
        super().__init__(generator, dtype=torch.float64)
        self.kept, self.scope = kept, scope

    def _keep(self, name: str, value: Tensor) -> Tensor:
        full = "measure_eps" if self.scope == "corruption/" else NAMES.get(name, name)
        self.kept[full] = value
        return value

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        # half precision, exactly kept in float64, makes the file small
        return self._keep(name, super().normal(name, shape).half().double())

    def integers(self, name: str, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return self._keep(name, super().integers(name, shape, low, high))

    def permutations(self, name: str, count: int, length: int) -> Tensor:
        return self._keep(name, super().permutations(name, count, length))

    def within(self, scope: str) -> Recorder:
        assert self.generator is not None
        return Recorder(self.generator, self.kept, f"{scope}/")


def reference_name(name: str, kind: str) -> str:
    """Our parameter's name as the reference has it."""
    first = {"G": 2, "D": 1}[kind]
    wrapped = {
        ("G", "shortcut"): "conv.conv",
        ("G", "conv1"): "conv.conv",
        ("G", "conv2"): "conv",
        ("D", "shortcut"): "conv.conv",
        ("D", "conv1"): "conv",
    }
    parts = name.split(".")
    if parts[0] == "start":
        return f"linear1.{parts[1]}"
    if parts[0] == "finish":
        return f"conv5.conv.{parts[1]}" if kind == "G" else f"linear5.{parts[1]}"
    block, layer = int(parts[1]) + first, parts[2]
    inner = ("conv.conv" if block <= 2 else "conv") if (kind, layer) == ("D", "conv2") else wrapped[kind, layer]
    layer = "conv_shortcut" if layer == "shortcut" else layer
    return f"block{block}.{layer}.{inner}.{parts[3]}"


def record(model: str, setting: str) -> None:
    config = TrainConfig(
        setting=setting,
        model=model,
        out=Path("unused"),
        channels=2,
        latent_size=3,
        batch_size=2,
        iterations=3,
    )
    plan = resolve(config, ImageSpec(32, 3, ValueRange.of(0, 255, "uint8")))
    state = new_state(plan, torch.device("cpu"), torch.float64)
    rng = torch.Generator().manual_seed(1)
    arrays: dict[str, Tensor] = {}

    def keep_weights(moment: str, averaged: bool = False) -> None:
        pair = state.averaged if averaged else state.generators
        networks = {"G": pair.generator}
        if NOISE_GENERATOR in pair.observer.networks():
            networks["Gn"] = pair.observer.networks()[NOISE_GENERATOR]
        if not averaged:
            networks["D"] = state.discriminator
        for name, network in networks.items():
            for key, value in network.state_dict().items():
                full = f"{moment}/{name}{'_ema' if averaged else ''}/{reference_name(key, name[0])}"
                arrays[full] = value.clone()

    keep_weights("init")
    for i in range(config.schedule.iterations):
        losses: dict[str, Tensor] = {}
        for update in ("g", "d") if i else ("d",):
            kept: dict[str, Tensor] = {}
            if update == "g":
                losses |= generator_step(state, plan, Recorder(rng, kept))
            else:
                real = torch.randn(2, 3, 32, 32, generator=rng).mul(0.6).half().double()
                arrays[f"iter{i}/d/real"] = real
                losses |= discriminator_step(state, plan, real, Recorder(rng, kept))
            arrays |= {f"iter{i}/{update}/{name}": value for name, value in kept.items()}
        theirs = {
            "generator": "G/loss_fake",
            "diversity": "Gn/loss_ds",
            "real": "D/loss_real",
            "fake": "D/loss_fake",
        }
        for name, value in losses.items():
            arrays[f"iter{i}/loss/{theirs.get(name, 'D/loss_r1')}"] = value
    keep_weights("final")
    keep_weights("final", averaged=True)
    np.savez_compressed(RECORDED / f"train_{model}__{setting}.npz", **{k: v.numpy() for k, v in arrays.items()})


if __name__ == "__main__":
    RECORDED.mkdir(exist_ok=True)
    for model, setting in RUNS.items():
        record(model, setting)
    if len(sys.argv) > 1:
        with np.load(Path(sys.argv[1]) / "golden" / "noise.npz") as golden:
            sampled = {name: golden[name].reshape(len(golden[name]), -1)[:, ::61] for name in golden.files}
        np.savez_compressed(RECORDED / "noise.npz", **sampled)
