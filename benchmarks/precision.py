"""Does bfloat16 learn what float32 learns? Loss curves of several seeds in both, on drawn images at small width.

    python benchmarks/precision.py --out results/speed/precision.json [--seeds 3] [--iterations 2000]

Trains `sinrgan2` on `shapes-ag25` (16x16, width 32, batch 32, the demo's rates), two runs at a time, a thread each. For
every loss it prints the mean over the last half of the run, and its spread over seeds, in both precisions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from nrgan import Generator, TrainConfig, train
from nrgan.evaluation.noise_level import noise_level
from nrgan.layout import METRICS, find_snapshot
from nrgan.networks.sampling import latents
from nrgan.observation.base import NOISE_GENERATOR
from nrgan.ranges import unit_difference
from nrgan.runs.log import read_metrics
from nrgan.training.device import configure_process


def run(precision: str, seed: int, iterations: int) -> dict[str, Any]:
    """One training: its losses over the last half, the learned noise and the noise left in the samples, of 255."""
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            setting="shapes-ag25",
            model="sinrgan2",
            out=Path(folder),
            image_size=16,
            channels=32,
            batch_size=32,
            iterations=iterations,
            log_interval=min(100, iterations),
            generator_learning_rate=5e-4,
            discriminator_learning_rate=5e-4,
            ema_decay=0.99,
            precision=precision,
            seed=seed,
            threads=1,
            device="cpu",
        )
        configure_process(config.machine)
        for _ in train(config):
            pass
        lines = [line for line in read_metrics(config.out / METRICS) if line["iteration"] > iterations / 2]
        noise_generator = Generator.from_pretrained(find_snapshot(config.out) / NOISE_GENERATOR)
        with torch.no_grad():
            noise = noise_generator(latents(1, range(500), noise_generator.sizes.latent_size))
        return {
            "precision": precision,
            "seed": seed,
            "learned noise": 255 * float(unit_difference(noise).std()),
            "noise left": noise_level(Generator.from_pretrained(config.out).sample(500, seed=1)),
            **{name: statistics.mean(line[name] for line in lines) for name in ("generator", "real", "fake", "r1")},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=2000)
    options = parser.parse_args()
    precisions = ("float32", "bfloat16")
    jobs = [(precision, seed) for seed in range(options.seeds) for precision in precisions]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(run, precision, seed, options.iterations) for precision, seed in jobs]
        rows = [job.result() for job in waiting]
    print(f"{'':16}{'float32':>20}{'bfloat16':>20}")
    for name in ("generator", "real", "fake", "r1", "learned noise", "noise left"):
        cells = []
        for precision in precisions:
            values = [row[name] for row in rows if row["precision"] == precision]
            cells.append(f"{statistics.mean(values):10.4f} ± {statistics.stdev(values):.4f}")
        print(f"{name:16}{cells[0]:>20}{cells[1]:>20}")
    options.out.write_text(json.dumps({"iterations": options.iterations, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
