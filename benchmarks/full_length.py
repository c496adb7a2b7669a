"""The runs at the published width and length, in the order of their worth, as far as the time goes.

    python benchmarks/full_length.py --out OUT --data-root DIR --minutes 9 --features FILE.pt

Each is trained to its end before the next begins; stopped by the clock, the same command goes on from the checkpoint,
also on another machine that OUT has been copied to. Every run measures itself (observed FID), keeps its best snapshot,
and says how far it is. Afterwards: `nrgan select`, `nrgan check-noise`, and `benchmarks/results.py --collect OUT`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from nrgan import TrainConfig, train
from nrgan.runs.log import last_iteration
from nrgan.studies.trained import is_trained
from nrgan.training.device import configure_process

RUNS = [
    ("cifar10ag25", "gan"),
    ("cifar10ag25", "ambientgan"),
    ("cifar10ag25", "sinrgan1"),
    ("cifar10ag25", "sinrgan2"),
    ("cifar10bg25k5", "sinrgan2"),
    ("cifar10mg25", "sdnrgan2"),
]
"""Setting and model, the most wanted first."""


def config_of(setting: str, model: str, arguments: argparse.Namespace) -> TrainConfig:
    """A run with the published numbers, unless told otherwise."""
    return TrainConfig(
        setting=setting,
        model=model,
        out=arguments.out / f"{setting}-{model}-seed0",
        data_root=arguments.data_root,
        iterations=arguments.iterations,
        channels=arguments.channels,
        device=arguments.device,
        snapshot_interval=arguments.interval,
        sample_interval=arguments.interval,
        evaluate_every=arguments.interval,
        evaluate_features=arguments.features,
        evaluate_samples=arguments.samples,
    )


def main() -> None:
    """Trains until the runs or the minutes are over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--features", default="auto")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--iterations", type=int, default=200_000)
    parser.add_argument("--interval", type=int, default=20_000)
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    for setting, model in RUNS:
        config = config_of(setting, model, arguments)
        if not is_trained(config) and time.monotonic() < end:
            configure_process(config.machine)
            for progress in train(config, resume=True):
                if progress.metrics:
                    print(f"{config.out.name} {progress.iteration:,}: {progress.metrics}", flush=True)
                if time.monotonic() > end:
                    break  # leaving the loop saves a checkpoint
        print(
            f"{config.out.name}: {last_iteration(config.out):,} of {config.schedule.iterations:,} iterations",
            flush=True,
        )


if __name__ == "__main__":
    main()
