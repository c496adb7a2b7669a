"""Networks as files: their sizes and weights in a folder, here or on the Hugging Face Hub."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from safetensors.torch import save
from torch import nn

from nrgan.errors import UserError, first_line
from nrgan.layout import SHARED_FILES, SIZES, WEIGHTS, Which, find_snapshot, is_snapshot
from nrgan.manifest import check_snapshot
from nrgan.reading import read_json
from nrgan.tensor_files import check_specs, load_tensors, read_header, specs_of

Network = TypeVar("Network", bound=nn.Module)


def save_weights(network: nn.Module, folder: Path) -> None:
    """Writes the weights of a network into a folder; raises `OSError` where it cannot."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(weights))


def load_weights(network: Network, folder: Path) -> Network:
    """Fills a network with the weights in a folder; raises `UserError` where they are not its own, or not finite."""
    network.load_state_dict(load_tensors(folder / WEIGHTS, specs_of(network.state_dict())))
    return network.eval()


def check_weights(network: nn.Module, folder: Path) -> None:
    """Raises `UserError` where the weights in a folder are not of that network; loads none."""
    path = folder / WEIGHTS
    check_specs(path, read_header(path).specs, specs_of(network.state_dict()))


def sketched(build: Callable[[], Network]) -> Network | None:
    """A network that takes no memory, to compare a file with before it is made in earnest; None where there is none."""
    try:
        with torch.device("meta"):
            return build()
    except UserError:
        raise
    except Exception:  # a network of the user's own may do anything; made in earnest it says what is wrong
        return None


def read_sizes(folder: Path, names: set[str]) -> dict[str, Any]:
    """The sizes of the network in a folder, `names` and no others; raises `UserError` where they are not these."""
    path = folder / SIZES
    try:
        sizes = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the snapshot cannot be read ({first_line(error)})") from error
    if sizes.keys() != names:
        found = ", ".join(sorted(sizes)) or "nothing"
        raise UserError(f"{path}: should hold {', '.join(sorted(names))}, and holds {found}")
    return sizes


HUB = "hf://"
"""What a name of the Hub may begin with: a path is never looked for there."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FETCHED = [pattern for name in SHARED_FILES for pattern in (name, f"*/{name}")]
"""Of a repository, ours: nothing that anybody could run is among them."""


def find_pretrained(name: str | Path, snapshot: Which = "best", **options: Any) -> Path:
    """The snapshot of a folder here, a run's or one by itself, or of a repository of the Hub, which is fetched.

    hf://owner/name is of the Hub, and so is the text owner/name where nothing of that name is here: what is here wins,
    and a `Path` is never looked for there. options: of `huggingface_hub.snapshot_download`, for the Hub. What comes is
    not checked here. Raises `UserError`, which says where was looked.
    """
    text = str(name)
    if text.startswith(HUB):
        return _fetched(text, f"{text}: cannot be fetched from the Hub", options)
    if isinstance(name, str) and _REPOSITORY.fullmatch(name) and not os.path.lexists(name):
        return _fetched(name, f"{name}: there is no such folder here, and it cannot be fetched from the Hub", options)
    return find_snapshot(Path(name), snapshot)


def _fetched(name: str, failed: str, options: Mapping[str, Any]) -> Path:
    """The folder of a repository's files, fetched where they are not there yet; raises `UserError`."""
    try:
        folder = Path(snapshot_download(name.removeprefix(HUB), allow_patterns=_FETCHED, **options))
    except Exception as error:  # the network's and the Hub's many ways to fail
        raise UserError(f"{failed} ({first_line(error)})") from error
    if not is_snapshot(folder):
        raise UserError(f"{failed} (the repository there holds no {WEIGHTS})")
    return folder


class Pretrained(PyTorchModelHubMixin):
    """A network that is made of the arguments in its folder, and may go to the Hub and come from it."""

    def _save_pretrained(self, save_directory: Path) -> None:
        """Writes the weights; the mixin writes the arguments and the model card."""
        save_weights(self, save_directory)  # type: ignore[arg-type]

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, snapshot: Which = "best", **options: Any
    ) -> Any:
        """The network of a snapshot, of a run (its best snapshot, or the newest), or of the Hub: see `find_pretrained`.

        Of this class, or of a subclass of the same arguments whose weights those are. Raises `UserError` where a folder
        holds no snapshot, or one that is damaged, or where the Hub does not give it.
        """
        folder = find_pretrained(pretrained_model_name_or_path, snapshot, **options)
        check_snapshot(folder)
        sizes = read_sizes(folder, set(inspect.signature(cls).parameters))

        try:
            build = partial(cls._kind_of(folder, sizes), **sizes)
            if (sketch := sketched(build)) is not None:
                check_weights(sketch, folder)
            network = build()
        except (ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"{folder / SIZES}: no such network can be made ({first_line(error)})") from error
        return load_weights(network, folder)

    @classmethod
    def _kind_of(cls, folder: Path, sizes: dict[str, Any]) -> Any:
        """The class, of these arguments, whose weights are in a folder; this one where it is none."""
        there = read_header(folder / WEIGHTS).specs
        for kind in (cls, *cls.__subclasses__()):
            sketch: Any = sketched(partial(kind, **sizes))
            if sketch is not None and specs_of(sketch.state_dict()) == there:
                return kind
        return cls
