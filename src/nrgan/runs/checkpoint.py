"""Checkpoints: a whole training state in one file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nrgan.errors import UserError, first_line
from nrgan.runs.identity import check_same_run
from nrgan.storage import writing

FORMAT_VERSION = 2


class Resumable(Protocol):
    """The state of any training that can go on from a file."""

    whole: bool
    """False in the middle of an iteration, when it is not to be saved."""

    @property
    def device(self) -> torch.device:
        """Where it is."""

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, by name; `rng` is the state of its random numbers."""

    def load_tensors(self, named: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave; raises `KeyError` or `RuntimeError` where names or shapes differ."""

    def progress(self) -> dict[str, int]:
        """How far it is, as plain numbers; one is `iteration`."""

    def go_to(self, progress: dict[str, Any]) -> None:
        """Puts it where `progress` said."""

    def restart_random(self, seed: int) -> Tensor:
        """Begins its random numbers anew, and gives their state."""


def save_checkpoint(state: Resumable, path: Path, identity: Mapping[str, Any]) -> None:
    """Writes the state; a kill at any moment leaves the earlier checkpoint or this one. Raises `UserError`.

    identity: what the run is (options, data, precision), with which alone it may go on.
    """
    about = {
        "format": FORMAT_VERSION,
        **state.progress(),
        "device": state.device.type,
        "run": identity,
    }
    tensors = {name: value.contiguous() for name, value in state.tensors().items()}
    with writing(path) as part:
        part.write_bytes(save(tensors, metadata={"nrgan": json.dumps(about)}))


def load_checkpoint(state: Resumable, path: Path, identity: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Restores the state from `path`, bit for bit; runs no code. Raises `UserError` where the file cannot serve.

    Returns whether random numbers go on too: between a CPU and a GPU they cannot, and begin anew.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})["nrgan"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: the checkpoint is cut short or not one ({error})") from error
    if about.get("format") != FORMAT_VERSION:
        raise UserError(f"{path}: a checkpoint of format {about.get('format')}; this version reads {FORMAT_VERSION}")
    check_same_run(about["run"], identity, defaults, path)
    same_device = about["device"] == state.device.type
    if not same_device:
        tensors["rng"] = state.restart_random(identity["seed"] ^ int(about["iteration"]))
    try:
        state.load_tensors(tensors)
    except (KeyError, RuntimeError) as error:
        raise UserError(f"{path}: a checkpoint of another configuration ({first_line(error)})") from error
    state.go_to(about)
    return same_device
