"""Snapshots: the averaged networks of one moment, to generate with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from torch import nn

from nrgan.networks.generator import SNAPSHOTS, Generator, save_weights
from nrgan.storage import disk_errors
from nrgan.training.state import TrainState

NOISE_GENERATOR = "noise_generator"
DISCRIMINATOR = "discriminator"


def snapshot_folder(run: Path, iteration: int) -> Path:
    """Where the snapshot of an iteration lies. The names sort by iteration."""
    return run / SNAPSHOTS / f"iteration-{iteration:07d}"


def save_snapshot(
    folder: Path,
    generator: Generator,
    noise_generator: Generator | None,
    discriminator: nn.Module,
    about: dict[str, object],
) -> None:
    """Writes a snapshot folder, whole or not at all: the generator's files, and the other networks in folders below.

    `Generator.from_pretrained(folder)` reads the image generator, `folder/noise_generator` likewise.
    `about` says what the snapshot is of. Raises `UserError` where it cannot be written.
    """
    part = folder.with_name(f".{folder.name}.part")
    with disk_errors(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            generator.save_pretrained(part)
            if noise_generator is not None:
                noise_generator.save_pretrained(part / NOISE_GENERATOR)
            (part / DISCRIMINATOR).mkdir()
            save_weights(discriminator, part / DISCRIMINATOR)
            (part / "about.json").write_text(json.dumps(about, indent=1))
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def snapshot_of(state: TrainState, run: Path, about: dict[str, object]) -> Path:
    """Saves the snapshot of a state into its run folder and returns where it lies."""
    folder = snapshot_folder(run, state.iteration)
    noise_generator = getattr(state.averaged.observer, NOISE_GENERATOR, None)
    about = {"iteration": state.iteration, **about}
    save_snapshot(folder, state.averaged.generator, noise_generator, state.discriminator, about)
    return folder
