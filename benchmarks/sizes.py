"""How cost grows with image size, width, batch and the number of runs at once.

python benchmarks/sizes.py --out results/speed/cpu-sizes.json [--device auto] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nrgan.bench.measure import measure
from nrgan.training.config import TrainConfig
from nrgan.training.device import configure_process

# image size, width, batch, runs at once; one of them changes at a time
CASES = (
    (32, 128, 64, 1),
    (32, 64, 64, 1),
    (32, 32, 64, 1),
    (32, 128, 32, 1),
    (32, 128, 16, 1),
    (16, 128, 64, 1),
    (64, 128, 16, 1),
    (16, 32, 32, 1),
    (16, 32, 32, 3),
)


def measured(case: tuple[int, int, int, int], device: str, rounds: int) -> dict[str, Any]:
    """One case."""
    size, channels, batch, packed = case
    config = TrainConfig(
        setting="shapes-ag25",
        model="sinrgan1",
        out=Path("unused"),
        image_size=size,
        channels=channels,
        batch_size=batch,
        device=device,
    )
    return measure(config, configure_process(config.machine), rounds, packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = []
    for case in CASES:
        # a process each, whose peak memory is the case's own
        with get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measured, (case, options.device, options.rounds)))
        print(json.dumps(rows[-1]), flush=True)
    options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
