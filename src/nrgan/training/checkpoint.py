"""Checkpoints: the whole training state in one file, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from nrgan.errors import UserError
from nrgan.storage import writing
from nrgan.training.config import check_same_run
from nrgan.training.state import TrainState

CHECKPOINT = "checkpoint.safetensors"
FORMAT_VERSION = 1


def save_checkpoint(state: TrainState, path: Path, run: dict[str, Any]) -> None:
    """Writes the state; a kill at any moment leaves the earlier checkpoint or this one. Raises `UserError`.

    run: what the run is (options, data, precision), with which alone it may go on.
    """
    about = {
        "format": FORMAT_VERSION,
        "iteration": state.iteration,
        "epoch": state.place.epoch,
        "position": state.place.position,
        "device": state.device.type,
        "run": run,
    }
    tensors = {name: value.contiguous() for name, value in state.tensors().items()}
    with writing(path) as part:
        part.write_bytes(save(tensors, metadata={"nrgan": json.dumps(about)}))


def load_checkpoint(state: TrainState, path: Path, run: dict[str, Any]) -> bool:
    """Restores the state from `path`, bit for bit; runs no code. Raises `UserError` where the file cannot serve.

    Returns whether random numbers go on too: between a CPU and a GPU they cannot, and begin anew.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})["nrgan"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: the checkpoint is cut short or not one ({error})") from error
    if about["format"] != FORMAT_VERSION:
        raise UserError(f"{path}: a checkpoint of format {about['format']}; this version reads {FORMAT_VERSION}")
    check_same_run(about["run"], run, path)
    same_device = about["device"] == state.device.type
    if not same_device:
        tensors["rng"] = state.rng.manual_seed(run["seed"] ^ int(about["iteration"])).get_state()
    try:
        state.load_tensors(tensors)
    except (KeyError, RuntimeError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise UserError(f"{path}: a checkpoint of another configuration ({first_line})") from error
    state.iteration = int(about["iteration"])
    state.place.epoch, state.place.position = int(about["epoch"]), int(about["position"])
    return same_device
