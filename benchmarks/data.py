"""The data side: making the frozen noisy set, starting from the cache, and feeding batches.

    python benchmarks/data.py --data-root DIR [--reference CHECKOUT] [--out results/speed/data.json]

DIR holds CIFAR-10; CHECKOUT, the reference implementation, whose path for one image is then timed too. The large sets
are made once each, in a cache folder of their own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nrgan.bench.ceilings import seconds
from nrgan.bench.reference_code import reference_dataset
from nrgan.data import CIFAR10
from nrgan.draws import FreshDraws
from nrgan.noisy import frozen_noisy_set, make_noisy
from nrgan.settings import SETTINGS
from nrgan.training.batches import Place, ResidentBatches

CPU = torch.device("cpu")


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return round(time.perf_counter() - begun, 3)


def simulators() -> dict[str, float]:
    """The time of each AmbientGAN simulator on a batch, as a multiple of additive Gaussian's."""
    x = torch.rand(128, 3, 32, 32)
    rng = torch.Generator().manual_seed(0)
    settings = [s for s in SETTINGS.values() if s.source == "cifar10" and s.paper]
    taken = {s.name: seconds(partial(s.corruption.simulate, x, rng), CPU, 15) for s in settings}
    return {name: round(value / taken["cifar10ag25"], 2) for name, value in taken.items()}


def reference_item(checkout: Path, images: np.ndarray) -> float:
    """Seconds for one image of `cifar10ag25` on the reference's path, but for torchvision's part of it."""
    dataset = reference_dataset(checkout, images)
    return seconds(lambda: [dataset[i] for i in range(500)], CPU) / 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    source = CIFAR10(options.data_root)
    images = source.images()
    figures: dict[str, object] = {
        "making 50,000 noisy images, s": {
            s.name: timed(partial(make_noisy, s.corruption, images)) for s in SETTINGS.values() if s.source == "cifar10"
        }
    }
    with tempfile.TemporaryDirectory() as cache:
        setting = SETTINGS["cifar10ag25"]
        frozen_noisy_set(setting, source, cache=Path(cache))
        figures["start from the cache, s"] = timed(
            lambda: frozen_noisy_set(setting, CIFAR10(options.data_root), cache=Path(cache))
        )
        noisy = frozen_noisy_set(setting, source, cache=Path(cache))
        batches = ResidentBatches(noisy, 64, Place(0), CPU)
        draws = FreshDraws(torch.Generator().manual_seed(0))
        taken = seconds(lambda: [batches.take(batches.rows(1)[0], draws) for _ in range(200)], CPU)
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
