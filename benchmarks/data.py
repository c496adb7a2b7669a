"""The data side: making the frozen noisy set, starting from the cache, and feeding batches.

    python benchmarks/data.py --data-root DIR [--reference CHECKOUT] [--out results/speed/data.json]

DIR holds CIFAR-10; CHECKOUT, the reference implementation, whose path for one image is then timed too. The large sets
are made once each, in a cache folder of their own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nrgan.bench.clock import stopwatch
from nrgan.data import CIFAR10
from nrgan.data.frozen import frozen_noisy_set, make_noisy
from nrgan.draws import FreshDraws
from nrgan.errors import UserError
from nrgan.settings import SETTINGS
from nrgan.training.batches import EpochPosition, ResidentBatches
from nrgan.training.config import dashed
from reference_code import check_data, reference_dataset

CPU = torch.device("cpu")


def once(work: Callable[[], object]) -> float:
    """Seconds that `work` takes, to the millisecond."""
    return round(stopwatch(work, CPU)[0], 3)


def seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """The median duration of `work`, after one run that is not counted."""
    return statistics.median([stopwatch(work, CPU)[0] for _ in range(repeats + 1)][1:])


def simulators() -> dict[str, float]:
    """The time of each AmbientGAN simulator on a batch, as a multiple of additive Gaussian's."""
    x = torch.rand(128, 3, 32, 32)
    rng = torch.Generator().manual_seed(0)
    settings = [s for s in SETTINGS.values() if s.source == "cifar10" and s.paper]
    taken = {s.name: seconds(partial(s.corruption.simulate, x, rng), 15) for s in settings}
    return {name: round(value / taken["cifar10ag25"], 2) for name, value in taken.items()}


def reference_item(checkout: Path, images: np.ndarray) -> float:
    """Seconds for one image of `cifar10ag25` on the reference's path, but for torchvision's part of it."""
    dataset = reference_dataset(checkout, images)
    return seconds(lambda: [dataset[i] for i in range(500)]) / 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.reference is not None:
        try:
            check_data(options.reference)
        except UserError as error:
            parser.error(error.for_command_line(dashed))
    source = CIFAR10(options.data_root)
    images = source.images()
    figures: dict[str, object] = {
        "making 50,000 noisy images, s": {
            s.name: once(partial(make_noisy, images, s.corruption)) for s in SETTINGS.values() if s.source == "cifar10"
        }
    }
    with tempfile.TemporaryDirectory() as cache:
        law = SETTINGS["cifar10ag25"].corruption
        frozen_noisy_set(source, law, cache=Path(cache))
        figures["start from the cache, s"] = once(
            lambda: frozen_noisy_set(CIFAR10(options.data_root), law, cache=Path(cache))
        )
        noisy = frozen_noisy_set(source, law, cache=Path(cache))
        batches = ResidentBatches(noisy, 64, EpochPosition(0), CPU)
        draws = FreshDraws(torch.Generator().manual_seed(0))
        taken = seconds(lambda: [batches.take(batches.rows(1)[0], draws) for _ in range(200)])
        figures["feeding, images/s"] = round(200 * 64 / taken)
    if options.reference is not None:
        figures["reference, one image of cifar10ag25, s"] = reference_item(options.reference, images)
    figures["simulators, times additive Gaussian"] = simulators()
    text = json.dumps(figures, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
