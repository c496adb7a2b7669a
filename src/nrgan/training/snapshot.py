"""Snapshots: the averaged networks of one moment, to generate with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from nrgan.networks.generator import SNAPSHOTS, Generator, save_weights
from nrgan.storage import writing
from nrgan.training.state import TrainState

DISCRIMINATOR = "discriminator"


def snapshot_folder(run: Path, iteration: int) -> Path:
    """Where the snapshot of an iteration lies. The names sort by iteration."""
    return run / SNAPSHOTS / f"iteration-{iteration:07d}"


def save_snapshot(
    folder: Path,
    generator: Generator,
    others: Mapping[str, Generator],
    discriminator: nn.Module,
    about: dict[str, object],
) -> None:
    """Writes a snapshot folder, whole or not at all: the generator's files, and the other networks in folders below.

    `Generator.from_pretrained(folder)` reads the image generator; `others`, the observer's networks such as the noise
    generator, lie in folders of their names and are read likewise. `about` says what the snapshot is of. Raises
    `UserError` where it cannot be written.
    """
    with writing(folder) as part:
        part.mkdir()
        generator.save_pretrained(part)
        for name, network in others.items():
            network.save_pretrained(part / name)
        (part / DISCRIMINATOR).mkdir()
        save_weights(discriminator, part / DISCRIMINATOR)
        (part / "about.json").write_text(json.dumps(about, indent=1))


def snapshot_of(state: TrainState, run: Path, about: dict[str, object]) -> Path:
    """Saves the snapshot of a state into its run folder and returns where it lies."""
    folder = snapshot_folder(run, state.iteration)
    others = state.averaged.observer.networks()
    about = {"iteration": state.iteration, **about}
    save_snapshot(folder, state.averaged.generator, others, state.discriminator, about)
    return folder
