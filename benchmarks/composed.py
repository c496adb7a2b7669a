"""Is noise learned by what holds of it? Composed models on drawn images with noise that no published model describes.

    python benchmarks/composed.py --truth ROW [--prior NAME] [--invariances NAMES] --out DIR [--json FILE]

Trains `learned` on `shapes` with a noise of known law, and compares at every snapshot the noise of the averaged
generator with that law: level, share of the row and column offsets, autocorrelation down and across, correlation of the
channels, kurtosis, and the noise that is left in the generated clean images. The composition is the truth's own unless
another is given (with --prior, --invariances none where there should be none). --iterations, --channels, --batch,
--size and --threads say how much; the steps of Adam and the average are those that a plan for minutes has.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from numpy.random import RandomState
from scipy.signal import lfilter
from torch import Tensor

from nrgan import AdditiveNoise, TrainConfig, TrainedModel, layout, train
from nrgan.data import Shapes
from nrgan.draws import Draws
from nrgan.evaluation.noise_check import NoiseStatistics
from nrgan.evaluation.noise_level import noise_level
from nrgan.ranges import stored_from_signed, unit_difference, unit_from_stored
from nrgan.storage import write_json
from nrgan.training.rates import decay_of, step_of

Array = npt.NDArray[Any]
SAMPLES = 1_000
_LAGS = 4
_LOOKED_AT = 200
"""Images whose noise is estimated."""
_SNAPSHOTS = 12
SIZES = {"iterations": 2400, "channels": 32, "batch": 32, "size": 16, "threads": 1}
"""What a quarter of an hour has room for on a core."""


@dataclass(frozen=True)
class RowStripes(AdditiveNoise):
    """n = ε·p/255 + ε'·r/255: ε for each value, ε' one for each row and all its channels; levels p `pixel`, r `row`."""

    pixel: float = 15
    row: float = 15

    def noise(self, u: Array, rng: RandomState) -> Array:
        rows = rng.standard_normal((u.shape[0], 1, 1)) * self.row
        return (rng.standard_normal(u.shape) * self.pixel + rows) / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        rows = draws.normal("rows", (x.shape[0], 1, x.shape[2], 1)) * self.row
        return (draws.normal("eps", tuple(x.shape)) * self.pixel + rows) / 255


@dataclass(frozen=True)
class AlongRows(AdditiveNoise):
    """Autoregressive along rows: n(x) = ρ·n(x − 1) + √(1 − ρ²)·ε, rows and channels independent; ρ `correlation`."""

    level: float = 25
    correlation: float = 0.6

    def noise(self, u: Array, rng: RandomState) -> Array:
        eps = rng.standard_normal(u.shape)
        eps[:, 1:] *= (1 - self.correlation**2) ** 0.5  # the first value has the level of the others already
        return lfilter([1], [1, -self.correlation], eps, axis=1) * self.level / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        n = list(draws.normal("eps", tuple(x.shape)).unbind(3))
        for k in range(1, len(n)):
            n[k] = self.correlation * n[k - 1] + (1 - self.correlation**2) ** 0.5 * n[k]
        return torch.stack(n, dim=3) * self.level / 255


@dataclass(frozen=True)
class SharedByChannels(AdditiveNoise):
    """n = ε·o/255 + ε'·s/255: ε for each value, ε' one for each pixel and all its channels; o `own`, s `shared`."""

    own: float = 15
    shared: float = 20

    def noise(self, u: Array, rng: RandomState) -> Array:
        common = rng.standard_normal((*u.shape[:2], 1)) * self.shared
        return (rng.standard_normal(u.shape) * self.own + common) / 255

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        common = draws.normal("shared", (x.shape[0], 1, *x.shape[2:])) * self.shared
        return (draws.normal("eps", tuple(x.shape)) * self.own + common) / 255


class Case(NamedTuple):
    """A noise, and what holds of it."""

    law: AdditiveNoise
    prior: str
    invariances: str


CASES = {
    "row-stripes": Case(RowStripes(), "none", "shuffle-rows,shuffle-columns,invert"),
    "along-rows": Case(AlongRows(), "none", "shuffle-rows,half-turns,invert-channels,permute-channels"),
    "shared": Case(SharedByChannels(), "none", "shuffle-pixels,invert"),
}
"""Each with invariances alone. Of stripes and shared noise they came nearer to the law than the same noise's prior,
by iteration 1,600 of a constant step of 5e-4; of one-axis correlation the prior has not been trained beside them."""


def statistics(noise: Array, clean: Array) -> dict[str, Any]:
    """Of noise (N, C, H, W) on clean images of that shape, unit range; levels are of 255, all else is shares of 1."""
    found = NoiseStatistics.of(noise, clean)
    centred, channels = noise - noise.mean(), noise.shape[1]
    correlations = np.array(found.channel_correlation)
    return {
        "level": found.level,
        "level_of_images": found.level_of_images,
        "row_offset_share": _offset_share(centred, 3),
        "column_offset_share": _offset_share(centred, 2),
        "across": found.autocorrelation[0][1:_LAGS],
        "down": [row[0] for row in found.autocorrelation[1:_LAGS]],
        "channel_correlation": float(correlations[~np.eye(channels, dtype=bool)].mean()) if channels > 1 else None,
        "excess_kurtosis": found.excess_kurtosis,
    }


def _offset_share(n: Array, axis: int) -> float:
    """Share of the variance that the values along an axis have in common: of the two halves, which noise does not."""
    one, two = (half.mean(axis=axis) for half in np.array_split(n, 2, axis=axis))
    return float((one * two).mean() / (n**2).mean())


def truth(law: AdditiveNoise, size: int) -> dict[str, Any]:
    """The statistics of the law itself."""
    images = unit_from_stored(Shapes(size, count=SAMPLES).images())
    noise = np.stack([law.noise(image, RandomState(k)) for k, image in enumerate(images)])
    return statistics(noise.transpose(0, 3, 1, 2), images.transpose(0, 3, 1, 2)) | {
        "noise_left": 255 * noise_level(images[:_LOOKED_AT])
    }


def learned(model: TrainedModel) -> dict[str, Any]:
    """The statistics of a model's noise."""
    parts = [model.observe(0, range(first, first + 100)).parts for first in range(0, SAMPLES, 100)]
    clean, noise = (torch.cat([part[name] for part in parts]) for name in ("clean", "noise"))
    stored = stored_from_signed(clean)
    return statistics(unit_difference(noise.numpy()), unit_from_stored(stored).transpose(0, 3, 1, 2)) | {
        "noise_left": 255 * noise_level(unit_from_stored(stored[:_LOOKED_AT]))
    }


def snapshots(config: TrainConfig, law: AdditiveNoise) -> Iterator[dict[str, Any]]:
    """What each snapshot of a run has learned, as training comes to it."""
    begun = time.perf_counter()
    for progress in train(config, corruption=law):
        if progress.iteration % config.schedule.snapshot_interval == 0:
            folder, seconds = layout.snapshot_folder(config.out, progress.iteration), time.perf_counter() - begun
            model = TrainedModel.load(folder, corruption=law)
            yield {"iteration": progress.iteration, "seconds": seconds, **learned(model)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--truth", choices=CASES, required=True)
    parser.add_argument("--prior", help="instead of the truth's own")
    parser.add_argument("--invariances", help="instead of the truth's own, with commas between them")
    parser.add_argument("--out", type=Path, required=True, help="the run folder")
    parser.add_argument("--json", type=Path)
    for name, default in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    case, sizes = CASES[given.truth], {name: getattr(given, name) for name in SIZES}
    step, falling, decay = step_of(given.iterations, given.channels), given.iterations // 2, decay_of(given.iterations)
    config = TrainConfig(
        setting="shapes",
        model="learned",
        prior=given.prior or case.prior,
        invariances=given.invariances or case.invariances,
        out=given.out,
        image_size=given.size,
        channels=given.channels,
        batch_size=given.batch,
        iterations=given.iterations,
        generator_learning_rate=step,
        discriminator_learning_rate=step,
        decay_iterations=falling,
        ema_decay=decay,
        snapshot_interval=max(1, given.iterations // _SNAPSHOTS),
        sample_interval=given.iterations,
        device="cpu",
        threads=given.threads,
    )
    composition = config.observation.model_dump(include={"prior", "invariances"})
    steps = {"step": step, "falling_iterations": falling, "average": decay}
    report = {"law": str(case.law), **composition, **sizes, **steps}
    report |= {"truth": truth(case.law, given.size), "learned": []}
    print(json.dumps(report), flush=True)
    for found in snapshots(config, case.law):
        report["learned"].append(found)
        print(json.dumps(found), flush=True)
        if given.json is not None:
            write_json(report, given.json, overwrite=True)


if __name__ == "__main__":
    main()
