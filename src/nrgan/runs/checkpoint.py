"""Checkpoints: a whole training state in one sealed file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from nrgan.errors import Damaged, UserError, first_line
from nrgan.runs.identity import check_same_run
from nrgan.storage import writing
from nrgan.tensor_files import TensorSpec, check_seal, load_tensors, read_header, write_sealed

FORMAT_VERSION = 3


class Resumable(Protocol):
    """The state of any training that can go on from a file."""

    whole: bool
    """False in the middle of an iteration, when it is not to be saved."""

    @property
    def device(self) -> torch.device:
        """Where it is."""

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, by name; `rng` is the state of its random numbers."""

    def expected(self, found: Mapping[str, TensorSpec], iteration: int) -> dict[str, TensorSpec]:
        """What kinds of tensors a file of it holds after so many iterations; `found`: of this one, for free lengths.

        The tensors are loaded only if these are what the file has.
        """

    def load_tensors(self, named: dict[str, Tensor]) -> None:
        """Restores what `tensors` gave."""

    def progress(self) -> dict[str, int]:
        """How far it is, as plain numbers; one is `iteration`."""

    def go_to(self, progress: dict[str, Any]) -> None:
        """Puts it where `progress` said."""

    def restart_random(self, seed: int) -> Tensor:
        """Begins its random numbers anew, and gives their state."""


def save_checkpoint(state: Resumable, path: Path, earlier: Path, identity: Mapping[str, Any]) -> None:
    """Writes the state, and keeps the one that was there as `earlier`. Raises `UserError`.

    A kill at any moment leaves the checkpoint before, under either name, or this one.
    identity: what the run is (options, data, precision), with which alone it may go on.
    """
    about = {
        "format": FORMAT_VERSION,
        **state.progress(),
        "device": state.device.type,
        "run": identity,
    }
    with writing(path) as part:
        write_sealed(state.tensors(), {"nrgan": json.dumps(about)}, part)
        if path.exists():
            path.replace(earlier)


def load_checkpoint(state: Resumable, path: Path, identity: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Restores the state from `path`, bit for bit; runs no code.

    Returns whether random numbers go on too: between a CPU and a GPU they cannot, and begin anew. Raises `Damaged`
    where the file is not as it was written, `UserError` where it cannot serve otherwise; the state then is as before.
    """
    try:
        check_seal(path)
    except Damaged:
        _check_format(path)  # older ones have no seal
        raise
    found = read_header(path)
    about = _read_about(path, found.metadata)
    _check_format(path)
    check_same_run(about["run"], identity, defaults, path)
    progress = {name: _count(path, name, about.get(name)) for name in state.progress()}
    same_device = about["device"] == state.device.type
    expected = state.expected(found.specs, progress["iteration"])
    if not same_device:  # the state of another kind of device has a size of its own, and is not used
        expected["rng"] = found.specs.get("rng", expected["rng"])
    tensors = load_tensors(path, expected)
    if not same_device:
        tensors["rng"] = state.restart_random(identity["seed"] ^ progress["iteration"])
    state.load_tensors(tensors)
    state.go_to(progress)
    return same_device


def _check_format(path: Path) -> None:
    """Raises `UserError` where the file says that it is of another format; it may be damaged."""
    with suppress(Damaged, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        said = json.loads(read_header(path).metadata["nrgan"]).get("format")
        if said != FORMAT_VERSION:
            raise UserError(f"{path}: a checkpoint of format {said}; this version reads {FORMAT_VERSION}")


def _read_about(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(metadata["nrgan"])
        if not isinstance(about["run"], dict) or not isinstance(about["device"], str):
            raise TypeError("of another form")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: is no checkpoint of a run ({first_line(error)})") from error
    return about


def _count(path: Path, name: str, value: object) -> int:
    """How far the state is, as a plain number that can be."""
    if type(value) is not int or not 0 <= value < 2**53:
        raise UserError(f"{path}: is no checkpoint of a run (its {name} is {value!r})")
    return value
