"""Networks as files: their sizes and weights in a folder, here or on the Hugging Face Hub."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from nrgan.errors import UserError, first_line
from nrgan.layout import SIZES, WEIGHTS, Which, find_snapshot

Network = TypeVar("Network", bound=nn.Module)


def save_weights(network: nn.Module, folder: Path) -> None:
    """Writes the weights of a network into a folder; raises `OSError` where it cannot."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(weights))


def load_weights(network: Network, folder: Path) -> Network:
    """Fills a network with the weights in a folder; raises `UserError` where they are not its own."""
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{folder}: the snapshot cannot be read ({first_line(error)})") from error
    return network.eval()


def read_sizes(folder: Path, names: set[str]) -> dict[str, Any]:
    """The sizes of the network in a folder, `names` and no others; raises `UserError` where they are not these."""
    path = folder / SIZES
    try:
        sizes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: the snapshot cannot be read ({error})") from error
    if not isinstance(sizes, dict) or sizes.keys() != names:
        found = ", ".join(sorted(sizes)) if isinstance(sizes, dict) else f"a {type(sizes).__name__}"
        raise UserError(f"{path}: should hold {', '.join(sorted(names))}, and holds {found or 'nothing'}")
    return sizes


class Pretrained(PyTorchModelHubMixin):
    """A network that is made of the arguments in its folder, and may go to the Hub and come from it."""

    def _save_pretrained(self, save_directory: Path) -> None:
        """Writes the weights; the mixin writes the arguments and the model card."""
        save_weights(self, save_directory)  # type: ignore[arg-type]

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, snapshot: Which = "best", **options: Any
    ) -> Any:
        """The network of a snapshot, of a run (its best snapshot, or the newest), or of a Hub repository.

        Raises `UserError` where a local folder holds no snapshot, or one that is cut short.
        """
        path = Path(pretrained_model_name_or_path)
        if not path.exists():
            return super().from_pretrained(str(pretrained_model_name_or_path), **options)
        folder = find_snapshot(path, snapshot)
        sizes = read_sizes(folder, set(inspect.signature(cls).parameters))
        try:
            network = cls(**sizes)
        except (ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"{folder / SIZES}: no such network can be made ({error})") from error
        return load_weights(network, folder)  # type: ignore[type-var]
