"""Counts of few photons: are the clean images that are learned from them right, where a sensor tells few values apart?

    python benchmarks/few_values.py --out DIR --data-root DIR [--photons 4 ...] [--models auto sdnrgan2]
        [--iterations 3000] [--json results/few-values.json]

Photographs (CIFAR-10, grey, 2 × 2 binned to 16 px) are counted: y ~ Poisson(photons·x), stored as 16 bits, so that
values go from 0 to a dozen. Each model trains on them as a user's own would, and its clean samples, in counts, are
compared with the photographs: their mean, the distance of all their values (W1), and how much they differ from place
to place. Width, batch and steps are those of `results/evaluation/cifar10-reduced/`. One thread.
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
import numpy.typing as npt
import torch

from fitted import GRID
from nrgan import TrainedModel
from nrgan.data import open_data
from nrgan.ranges import signed_from_unit, unit_from_signed, unit_from_stored
from nrgan.settings import choose_data
from nrgan.storage import write_json
from nrgan.training.config import dashed
from nrgan.training.processor import processor
from nrgan.training.rates import gain_of

_IMAGES, _COMPARED = 10_000, 2_000
_QUANTILES = np.linspace(0.0005, 0.9995, 1000)

Doubles = npt.NDArray[np.float64]


def photographs(options: argparse.Namespace) -> Doubles:
    """(N, 16, 16), unit range."""
    data = open_data(choose_data("cifar10", 32), options.data_root, options.cache_dir)
    grey = unit_from_stored(data.clean(np.arange(_IMAGES))).mean(3)
    return grey.reshape(-1, 16, 2, 16, 2).mean((2, 4))


def contrast_of(images: Doubles) -> dict[str, float]:
    """What the discriminator takes for grey and for contrast of dark images, as `--minutes` chooses it."""
    within = float(images.var(axis=(1, 2)).mean() ** 0.5)
    return {"discriminator_centre": round(float(images.mean()), 2), "discriminator_gain": gain_of(within)}


def trained(photons: float, model: str, clean: Doubles, options: argparse.Namespace) -> Path:
    """The run of a model on counts of so many photons at white."""
    images, run = options.out / f"counts{photons:g}.npy", options.out / f"counts{photons:g}-{model}"
    counts = np.random.default_rng(0).poisson(photons * clean).astype(np.uint16)
    images.parent.mkdir(parents=True, exist_ok=True)
    np.save(images, counts)
    common = options.training | {"iterations": options.iterations, "seed": options.seed, "threads": 1, "device": "cpu"}
    common |= contrast_of(signed_from_unit(counts / counts.max()))
    words = ["train", images, model, run, *(word for name, value in common.items() for word in (dashed(name), value))]
    words += ["--resume"] if run.exists() else []
    print("$ nrgan", *words, flush=True)
    subprocess.run([sys.executable, "-m", "nrgan", *map(str, words)], check=True)
    return run


def measured(photons: float, model: str, clean: Doubles, options: argparse.Namespace) -> dict[str, Any]:
    """A run's clean samples beside the photographs, in counts."""
    found = TrainedModel.load(trained(photons, model, clean, options), snapshot="newest")
    chunks = [range(first, first + 100) for first in range(0, _COMPARED, 100)]
    made = torch.cat([found.observe(0, chunk).parts["clean"] for chunk in chunks])[:, 0].double().numpy()
    (low, high), truth = found.value_range.limits[0], photons * clean
    samples = low + unit_from_signed(made) * (high - low)
    apart = np.abs(np.quantile(samples, _QUANTILES) - np.quantile(truth, _QUANTILES)).mean()
    return {
        "photons": photons,
        "model": found.about.model,
        "iteration": found.about.iteration,
        "processor": processor().describe(),
        "values": int(high - low) + 1,
        "mean of photographs": truth.mean(),
        "mean of samples": samples.mean(),
        "distance of values (W1)": float(apart),
        "darkest tenth of photographs": float(np.quantile(truth, 0.1)),
        "darkest tenth of samples": float(np.quantile(samples, 0.1)),
        "difference of neighbours, photographs": float(np.abs(np.diff(truth)).mean()),
        "difference of neighbours, samples": float(np.abs(np.diff(samples)).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where images and runs are kept")
    parser.add_argument("--photons", nargs="+", type=float, default=[4.0], help="at white, in the mean")
    parser.add_argument("--models", nargs="+", default=["auto", "sdnrgan2"])
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--json", type=Path, help="such as results/few-values.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.training = tomllib.loads(GRID.read_text(encoding="utf-8"))["training"]
    clean = photographs(options)
    cells = [measured(photons, model, clean, options) for photons in options.photons for model in options.models]
    for cell in cells:
        print(json.dumps(cell), flush=True)
    if options.json:
        about = {"versions": {n: version(n) for n in ("nrgan", "torch", "numpy")}}
        write_json(about | {"cells": cells}, options.json, overwrite=True)


if __name__ == "__main__":
    main()
