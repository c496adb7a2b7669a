"""Makes the small generator and the small denoiser that `nrgan open` shows where nothing else is given.

    python benchmarks/builtin.py WORK

WORK: a folder for both trainings, which go on there where they were stopped. Both see noisy drawn images alone. What
is written to src/nrgan/page/builtin is what the page needs of them: no discriminator, no state of the training. On one
core it takes some minutes.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from nrgan import Denoiser, DenoiserConfig, TrainConfig, TrainedModel, train, train_denoiser
from nrgan.layout import ABOUT, DISCRIMINATOR, find_snapshot
from nrgan.manifest import write_manifest
from nrgan.page.builtin import DENOISER, GENERATOR, MOST_BYTES
from nrgan.progress import Progress

GENERATOR_OPTIONS: dict[str, Any] = {
    "setting": "shapes-ag25",
    "model": "sinrgan1",
    "image_size": 16,
    "channels": 24,
    "batch_size": 32,
    "iterations": 2400,
    "generator_learning_rate": 5e-4,
    "discriminator_learning_rate": 5e-4,
    "ema_decay": 0.99,
    "sample_interval": 400,
    "snapshot_interval": 400,
    "threads": 1,
    "device": "cpu",
}
"""A step larger and an average shorter than the published ones: minutes, not days."""
DENOISER_OPTIONS: dict[str, Any] = {
    "images": "shapes-ag5-50",
    "image_size": 32,
    "width": 16,
    "iterations": 3000,
    "minutes": None,
    "threads": 1,
    "device": "cpu",
}
"""Noise of many levels, so that visitors' images may have theirs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", choices=("generator", "denoiser"))
    options = parser.parse_args()
    if options.only != "denoiser":
        run = options.work / "generator"
        for progress in train(TrainConfig(out=run, **GENERATOR_OPTIONS), resume=(run / "run.json").exists()):
            _say(progress)
        _keep(find_snapshot(run), GENERATOR)
        TrainedModel.load(GENERATOR)
    if options.only != "generator":
        run = options.work / "denoiser"
        for progress in train_denoiser(DenoiserConfig(out=run, **DENOISER_OPTIONS), resume=(run / "run.json").exists()):
            _say(progress)
        _keep(find_snapshot(run), DENOISER)
        Denoiser.load(DENOISER)
    size = sum(path.stat().st_size for path in DENOISER.parent.rglob("*") if path.suffix != ".py" and path.is_file())
    print(f"{DENOISER.parent}: {size:,} bytes, {MOST_BYTES:,} are allowed")


def _say(progress: Progress) -> None:
    if progress.logged and progress.iteration % 250 == 0:
        print(progress.iteration, progress.losses, flush=True)


def _keep(snapshot: Path, kept: Path) -> None:
    """Copies a snapshot without what only a training needs."""
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(snapshot, kept, ignore=shutil.ignore_patterns(DISCRIMINATOR, "README.md"))
    assert (kept / ABOUT).is_file()
    write_manifest(kept)


if __name__ == "__main__":
    main()
