"""Is noise that the diagnosis tells as good as noise that is known? A generator trained on it, against clean images.

    python benchmarks/fitted.py --out DIR [--settings cifar10ag25 ...] [--seeds 0 1] [--data-root DIR] --features FILE
        [--iterations 8000] [--json results/fitted.json]

Writes the noisy training images of a setting into one file of 8 bits, as a user's own, and runs what a user would:
`diagnose --save`, `train … ambientgan --noise`, `select`. The chosen snapshot is then compared with the setting's clean
training images, by the protocol of `results/evaluation/cifar10-reduced/`, whose runs of `ambientgan`, which is told the
noise, and of the learned rows it stands beside: as many iterations of the same width, batch and steps. What is there
already is gone on with; of a results file, the rows of other settings and seeds are kept. One thread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nrgan import Protocol, Resources, TrainedModel, layout
from nrgan.data import TrainingData, open_data
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.noise_level import noise_level
from nrgan.noise_file import read_noise
from nrgan.ranges import STORED_LEVELS
from nrgan.reading import read_json
from nrgan.settings import choose_data
from nrgan.storage import write_json
from nrgan.training.config import dashed
from nrgan.training.processor import processor

GRID = Path(__file__).resolve().parents[1] / "results" / "evaluation" / "cifar10-reduced" / "grid.toml"
"""The runs that it stands beside."""
SIDE = 32
_LOOKED_AT = 1_000
"""Images whose noise is estimated."""


def nrgan(*words: object) -> None:
    """Runs the command line."""
    print("$ nrgan", *words, flush=True)
    subprocess.run([sys.executable, "-m", "nrgan", *map(str, words)], check=True)


def write_noisy(name: str, path: Path, options: argparse.Namespace) -> None:
    """The setting's noisy training images, as 8 bits store them, (N, H, W, C)."""
    noisy = _data(name, options).all_noisy()
    stored = np.rint(noisy * (STORED_LEVELS - 1)).clip(0, STORED_LEVELS - 1).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, stored.transpose(0, 2, 3, 1))


def _data(name: str, options: argparse.Namespace) -> TrainingData:
    """The setting's images, noisy and clean."""
    return open_data(choose_data(name, SIDE), options.data_root, options.cache_dir)


def trained(name: str, seed: int, options: argparse.Namespace) -> Path:
    """The run of a setting and seed, with its best snapshot chosen."""
    images, noise, run = (options.out / f for f in (f"{name}.npy", f"{name}.json", f"{name}-seed{seed}"))
    if not images.exists():
        write_noisy(name, images, options)
    if not noise.exists():
        nrgan("diagnose", images, "--save", noise, "--out", options.out / f"{name}-diagnosis")
    if not (run / layout.BEST).exists():
        common = options.grid["training"] | {"seed": seed, "threads": 1, "device": "cpu"}
        words = [word for name, value in common.items() for word in (dashed(name), value)]
        resume = ["--resume"] if run.exists() else []
        nrgan("train", images, "ambientgan", run, "--noise", noise, *words, *resume)
        nrgan("select", run, "--samples", options.grid["evaluation"]["select_samples"], "--features", options.features)
    return run


def measured(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """A run's figures against clean images."""
    model = TrainedModel.load(trained(name, seed, options) / layout.BEST)
    protocol = Protocol(metrics=("fid",), samples=options.grid["evaluation"]["samples"], features=str(options.features))
    resources = Resources(options.data_root, options.cache_dir)
    evaluator = Evaluator(protocol, model.about, SIDE, resources, _data(name, options))
    figures = evaluator.records(model)[0].results
    samples = np.concatenate(list(model.images(0, _LOOKED_AT, False)))
    return {
        "setting": name,
        "seed": seed,
        "iteration": model.about.iteration,
        "processor": processor().describe(),
        "results": figures,
        "noise left in samples, of 255": noise_level(samples),
        "noise told": read_noise(str(options.out / f"{name}.json")).plain(),
    }


def kept(path: Path, fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a results file with those that were just measured in the place of their own."""
    rows = read_json(path)["cells"] if path.exists() else []
    rows = {(row["setting"], row["seed"]): row for row in rows + fresh}
    return [rows[key] for key in sorted(rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where images and runs are kept")
    parser.add_argument("--settings", nargs="+", default=["cifar10ag25", "cifar10bg25k5"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--iterations", type=int, help="instead of the grid's")
    parser.add_argument("--features", type=Path, required=True, help="a TorchScript file")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--json", type=Path, help="such as results/fitted.json")
    options = parser.parse_args()
    options.grid = tomllib.loads(GRID.read_text(encoding="utf-8"))
    if options.iterations is not None:
        options.grid["training"]["iterations"] = options.iterations
    torch.set_num_threads(1)
    cells = [measured(name, seed, options) for seed in options.seeds for name in options.settings]
    for cell in cells:
        print(json.dumps(cell), flush=True)
    if options.json:
        about = {"versions": {n: version(n) for n in ("nrgan", "torch", "numpy")}}
        about |= options.grid["training"] | {"cells": kept(options.json, cells)}
        write_json(about, options.json, overwrite=True)


if __name__ == "__main__":
    main()
