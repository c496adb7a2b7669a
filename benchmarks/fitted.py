"""Is noise that the diagnosis tells as good as noise that is known? A generator trained on it, against clean images.

    python benchmarks/fitted.py --out DIR [--settings cifar10ag25 ...] [--seeds 0 1] [--told] [--data-root DIR]
        --features FILE [--iterations 8000] [--network NAME] [--json results/fitted.json]

Writes the noisy training images of a setting into one file of 8 bits, as a user's own, and runs what a user would:
`diagnose --save`, `train … ambientgan --noise`, `select`; with --told, the same of a setting, whose noise `ambientgan`
knows. The chosen snapshot is then compared with the setting's clean training images, by the protocol of
`results/evaluation/cifar10-reduced/`, beside whose runs it stands: as many iterations of the same width, batch and
steps. What is there already is gone on with; of a results file, the rows of other runs are kept. One thread.
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
    run = options.out / f"{name}-seed{seed}{'-told' if options.told else ''}"
    if not (run / layout.BEST).exists():
        common = options.grid["training"] | {"seed": seed, "threads": 1, "device": "cpu"}
        words = [word for name, value in common.items() for word in (dashed(name), value)]
        resume = ["--resume"] if run.exists() else []
        images, of_noise = _source(name, options)
        nrgan("train", images, "ambientgan", run, *of_noise, *words, *resume)
        samples = options.grid["evaluation"]["select_samples"]
        nrgan("select", run, "--samples", samples, "--features", options.features, "--only-observed")
    return run


def _source(name: str, options: argparse.Namespace) -> tuple[object, list[object]]:
    """The images that `train` is given, and the options that say what it is told."""
    if options.told:
        places = {"--data-root": options.data_root, "--cache-dir": options.cache_dir}
        return name, [word for option, at in places.items() if at for word in (option, at)]
    images, noise = (options.out / f"{name}.{kind}" for kind in ("npy", "json"))
    if not images.exists():
        write_noisy(name, images, options)
    if not noise.exists():
        nrgan("diagnose", images, "--save", noise, "--out", options.out / f"{name}-diagnosis")
    return images, ["--noise", noise]


def measured(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """A run's figures against clean images."""
    model = TrainedModel.load(trained(name, seed, options) / layout.BEST)
    protocol = Protocol(metrics=("fid",), samples=options.grid["evaluation"]["samples"], features=str(options.features))
    resources = Resources(options.data_root, options.cache_dir)
    evaluator = Evaluator(protocol, model.about, SIDE, resources, _data(name, options))
    figures = evaluator.records(model)[0].results
    samples = np.concatenate(list(model.images(0, _LOOKED_AT, False)))
    noise = "the setting's own" if options.told else read_noise(str(options.out / f"{name}.json")).plain()
    return {
        "setting": name,
        "seed": seed,
        "iteration": model.about.iteration,
        "processor": processor().describe(),
        "results": figures,
        "noise left in samples, of 255": noise_level(samples),
        "noise told": noise,
    }


def kept(path: Path, fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a results file with those that were just measured in the place of their own."""
    rows = read_json(path)["cells"] if path.exists() else []
    rows = {(row["setting"], row["seed"], isinstance(row["noise told"], str)): row for row in rows + fresh}
    return [rows[key] for key in sorted(rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where images and runs are kept")
    parser.add_argument("--settings", nargs="+", default=["cifar10ag25", "cifar10bg25k5"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--told", action="store_true", help="the setting's own noise, to stand beside")
    parser.add_argument("--iterations", type=int, help="instead of the grid's")
    parser.add_argument("--network", help="another family of networks; give it a results file of its own")
    parser.add_argument("--features", type=Path, required=True, help="a TorchScript file")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--json", type=Path, help="such as results/fitted.json")
    options = parser.parse_args()
    options.grid = tomllib.loads(GRID.read_text(encoding="utf-8"))
    if options.iterations is not None:
        options.grid["training"]["iterations"] = options.iterations
    if options.network is not None:
        options.grid["training"]["network"] = options.network
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
