"""Compare this package with recorded runs of the reference implementation.

    python benchmarks/parity.py FILE.npz --setting S --model M
        replays the recorded iterations and prints the largest relative deviation of losses and final weights.
    python benchmarks/parity.py --noise SETTING --base-seed B --count N --data-seed K --indices i,j [--no-clip] --out F
        writes noisy images (array `images`, (K, H, W, C) float32) of N stand-in images of base seed B.

The layout of a recorded file is described in `Recording`.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nrgan.corruptions import Sensor
from nrgan.data import ImageSpec
from nrgan.data.frozen import check_data_seed, corrupt_images
from nrgan.draws import RecordedDraws
from nrgan.errors import UserError
from nrgan.frames import ValueRange
from nrgan.networks.resnet.reference_names import from_reference
from nrgan.ranges import STORED_LEVELS
from nrgan.settings import find_setting
from nrgan.training.config import TrainConfig, dashed
from nrgan.training.plan import Plan, resolve
from nrgan.training.state import TrainState, new_state
from nrgan.training.step import discriminator_step, generator_step

# recorded name → the name of the draw in a step
_DRAWS = {"z_noise_raw": "z_noise", "measure_eps": "corruption/eps"}
# recorded name → the name of the loss
_LOSSES = {
    "G/loss_fake": "generator",
    "Gn/loss_ds": "diversity",
    "D/loss_real": "real",
    "D/loss_fake": "fake",
    "D/loss_r1": "r1",
}


class Recording:
    """A recorded run of the reference, float64.

    `init/{G,Gn,D}/*`: starting weights; `iterI/{g,d}/*`: the draws of iteration I's generator and discriminator
    updates; `iterI/d/real`: its real batch; `iterI/loss/*`: its losses; `final/{G,Gn,D,G_ema,Gn_ema}/*`: the weights
    after the last iteration. Sizes are read off the arrays.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            self.arrays = {name: file[name] for name in file.files}
        self.iterations = 1 + max(int(m[1]) for name in self.arrays if (m := re.match(r"iter(\d+)/", name)))

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The arrays whose names begin with `prefix`, as tensors under the rest of their names."""
        return {k[len(prefix) :]: torch.from_numpy(v) for k, v in self.arrays.items() if k.startswith(prefix)}

    def draws(self, iteration: int, update: str) -> RecordedDraws:
        """The draws of an iteration's update, "g" or "d"."""
        recorded = self.below(f"iter{iteration}/{update}/")
        return RecordedDraws({_DRAWS.get(name, name): value for name, value in recorded.items()})

    def plan(self, setting: str, model: str) -> Plan:
        """The plan that the arrays' shapes imply; all else at its default."""
        start = self.arrays["init/G/linear1.weight"]
        channels = self.arrays["init/G/conv5.conv.weight"].shape[1]
        batch, image_channels, size, _ = self.arrays["iter0/d/real"].shape
        config = TrainConfig(
            setting=setting,
            model=model,
            out=Path("unused"),
            channels=channels,
            discriminator_channels=self.arrays["init/D/linear5.weight"].shape[1],
            latent_size=start.shape[1],
            image_size=size,
            batch_size=batch,
            generator_batch_size=len(self.arrays["iter1/g/z_image"]) if self.iterations > 1 else 2 * batch,
            iterations=self.iterations,
        )
        return resolve(config, ImageSpec(size, image_channels, ValueRange.of(0, STORED_LEVELS - 1, "uint8")))


@dataclass(frozen=True)
class Deviation:
    """Largest relative deviations from the recording: of the losses, and of the final weights."""

    losses: float
    weights: float


def _networks(state: TrainState, averaged: bool = False) -> dict[str, tuple[str, nn.Module]]:
    pair = state.averaged if averaged else state.generators
    suffix = "_ema" if averaged else ""
    found: dict[str, tuple[str, nn.Module]] = {f"G{suffix}": ("G", pair.generator)}
    for network in pair.observer.networks().values():
        found[f"Gn{suffix}"] = ("G", network)
    return found if averaged else found | {"D": ("D", state.discriminator)}


def start_state(recording: Recording, plan: Plan) -> TrainState:
    """A float64 state with the recording's starting weights."""
    state = new_state(plan, torch.device("cpu"), torch.float64)
    for name, (kind, network) in _networks(state).items():
        network.load_state_dict(from_reference(recording.below(f"init/{name}/"), kind))
    state.averaged.load_state_dict(state.generators.state_dict())
    return state


def replay(path: Path, setting: str, model: str) -> Deviation:
    """Replays a recorded run with its own draws and compares losses and final weights."""
    recording = Recording(path)
    plan = recording.plan(setting, model)
    state = start_state(recording, plan)
    worst_loss = 0.0
    for i in range(recording.iterations):
        losses: dict[str, Tensor] = {}
        if i > 0:
            losses |= generator_step(state, plan, recording.draws(i, "g"))
        real = torch.from_numpy(recording.arrays[f"iter{i}/d/real"])
        losses |= discriminator_step(state, plan, real, recording.draws(i, "d"))
        expected = recording.below(f"iter{i}/loss/")
        for name, ours in _LOSSES.items():
            if name in expected:
                worst_loss = max(worst_loss, _deviation(losses[ours], expected[name]))
    worst_weight = 0.0
    for name, (kind, network) in (_networks(state) | _networks(state, averaged=True)).items():
        own = network.state_dict()
        for key, value in from_reference(recording.below(f"final/{name}/"), kind).items():
            worst_weight = max(worst_weight, _deviation(own[key], value))
    return Deviation(worst_loss, worst_weight)


def _deviation(ours: Tensor, theirs: Tensor) -> float:
    """max|ours − theirs| / max|theirs|."""
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


def stand_in_images(base_seed: int, count: int) -> npt.NDArray[np.uint8]:
    """`count` images of uniform random bytes, (count, 32, 32, 3)."""
    return np.random.RandomState(base_seed).randint(0, 256, (count, 32, 32, 3)).astype(np.uint8)


def noisy_stand_in(
    setting: str, base_seed: int, count: int, data_seed: int, indices: list[int], clip: bool
) -> npt.NDArray[np.float32]:
    """The frozen noisy versions of some of the stand-in images, (K, 32, 32, 3) float32."""
    check_data_seed(data_seed, count)
    chosen = np.array(indices)
    images = stand_in_images(base_seed, count)[chosen]
    return corrupt_images(find_setting(setting).corruption, Sensor(clip), images, chosen, data_seed, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="a recorded run")
    parser.add_argument("--setting", help="its setting")
    parser.add_argument("--model", help="its model")
    parser.add_argument("--noise", metavar="SETTING", help="write noisy stand-in images of this setting instead")
    parser.add_argument("--base-seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--data-seed", type=int, default=0)
    parser.add_argument("--indices", type=lambda text: [int(i) for i in text.split(",")], default=[0])
    parser.add_argument("--no-clip", dest="clip", action="store_false")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.noise:
        if options.out is None:
            parser.error("--noise needs --out")
        if not all(0 <= i < options.count for i in options.indices):
            parser.error(f"--indices must lie in 0..{options.count - 1}")
        images = noisy_stand_in(
            options.noise, options.base_seed, options.count, options.data_seed, options.indices, options.clip
        )
        np.savez(options.out, images=images)
        print(f"wrote {options.out}: {images.shape} {images.dtype}")
    elif options.file and options.setting and options.model:
        deviation = replay(options.file, options.setting, options.model)
        print(f"largest relative deviation: losses {deviation.losses:.3e}, final weights {deviation.weights:.3e}")
    else:
        parser.error("give FILE --setting S --model M, or --noise SETTING --out F")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error.for_command_line(dashed)}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
