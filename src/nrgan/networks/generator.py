"""The generator: latent → image. The noise generator is one too."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from nrgan.errors import UserError
from nrgan.images import stored_from_signed
from nrgan.networks.blocks import UpBlock
from nrgan.networks.convolutions import Conv, Linear
from nrgan.networks.initialise import initialise
from nrgan.networks.precision import ComputesIn, compute_in
from nrgan.networks.sizes import check_channels, up_blocks

SNAPSHOTS = "snapshots"
Module = TypeVar("Module", bound=nn.Module)


class Generator(
    nn.Module,
    ComputesIn,
    PyTorchModelHubMixin,
    library_name="nrgan",
    tags=["gan", "nr-gan", "image-generation", "noise"],
    license="mit",
):
    """z ~ N(0, I), (B, latent_size) → image, signed range, (B, image_channels, image_size, image_size).

    Linear to an (image_size/2ᵏ)² map, k residual up-blocks, ReLU, 3x3 convolution, tanh; no normalisation. k follows
    from the size (`up_blocks`): 3 at 32 pixels, which is NR-GAN (Kaneko & Harada 2020), appendix, after the reference
    implementation. Every new one has the same weights; `initialise` draws others. Raises `UserError` for a size or a
    number of channels that it is not made for.
    """

    def __init__(
        self,
        latent_size: int = 128,
        image_size: int = 32,
        image_channels: int = 3,
        channels: int = 128,
        residual_scale: float = 0.1,
    ) -> None:
        super().__init__()
        check_channels(image_channels)
        doublings = up_blocks(image_size)
        self.latent_size = latent_size
        self.image_size = image_size
        self.channels = channels
        self.start_size = image_size // 2**doublings
        self.start = Linear(latent_size, channels * self.start_size**2)
        self.blocks = nn.Sequential(*(UpBlock(channels, residual_scale) for _ in range(doublings)))
        self.finish = Conv(channels, image_channels)
        initialise(self, torch.Generator().manual_seed(0))

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z).view(-1, self.channels, self.start_size, self.start_size)
        h = self.blocks(self.cast(h).contiguous(memory_format=torch.channels_last))
        return self.finish(h.relu()).to(z.dtype).tanh()

    @torch.no_grad()
    def sample(self, n: int, seed: int = 0, first: int = 0) -> npt.NDArray[np.uint8]:
        """`n` images, (n, H, W, C) uint8: numbers `first` … `first + n − 1` of the endless series of a seed.

        Image i depends on (seed, i) alone, so that any one of them can be made again.
        """
        exact, device = in_double(self), self.start.weight.device
        out = [np.empty((0, self.image_size, self.image_size, self.finish.out_channels), np.uint8)]
        for chunk in chunks(first, n):
            images = stored_from_signed(exact(latents(seed, chunk, self.latent_size).to(device, torch.float64)))
            out.append(images[max(0, first - chunk.start) : first + n - chunk.start])
        return np.concatenate(out)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Writes the weights; the mixin writes `config.json` and the model card."""
        save_weights(self, save_directory)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> Generator:
        """The generator of a snapshot folder, of a run folder (its newest snapshot), or of a Hub repository.

        Raises `UserError` where a local folder holds no snapshot, or one that is cut short.
        """
        path = Path(pretrained_model_name_or_path)
        if not path.exists():
            return super().from_pretrained(str(pretrained_model_name_or_path), **options)
        folder = newest_snapshot(path)
        try:
            generator = cls(**_options(folder / "config.json", cls))
            generator.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
            raise UserError(f"{folder}: the snapshot cannot be read ({error})") from error
        return generator.eval()


def _options(path: Path, cls: type[nn.Module]) -> dict[str, Any]:
    """The arguments that a network was made with; raises `UserError` where one is missing or unknown."""
    options = json.loads(path.read_text(encoding="utf-8"))
    names = set(inspect.signature(cls).parameters)
    if not isinstance(options, dict) or options.keys() != names:
        found = sorted(options) if isinstance(options, dict) else type(options).__name__
        raise UserError(f"{path}: should hold {', '.join(sorted(names))}, and holds {found}")
    return options


def save_weights(network: nn.Module, folder: Path) -> None:
    """Writes `folder/model.safetensors`; raises `OSError` where it cannot."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(weights))


def newest_snapshot(folder: Path) -> Path:
    """`folder` itself where it is a snapshot, else the newest one of the run in it; raises `UserError`."""
    if (folder / "model.safetensors").is_file():
        return folder
    snapshots = sorted(path for path in (folder / SNAPSHOTS).glob("*") if (path / "model.safetensors").is_file())
    if not snapshots:
        raise UserError(f"{folder}: holds neither a snapshot (model.safetensors) nor {SNAPSHOTS}/ with one")
    return snapshots[-1]


CHUNK = 100
"""Images that are generated together, the same ones whichever are asked for: so each is computed in one way only."""


def chunks(first: int, count: int) -> Iterator[range]:
    """The whole chunks that hold images `first` … `first + count − 1`."""
    for start in range(first // CHUNK * CHUNK, first + count, CHUNK):
        yield range(start, start + CHUNK)


def in_double(network: Module) -> Module:
    """A copy that computes in double precision, whose last bits no 8- or 16-bit value shows."""
    exact = copy.deepcopy(network).double()
    compute_in(exact, None)
    return exact


def latents(seed: int, indices: range, size: int) -> Tensor:
    """(len(indices), size) float32 standard normal latents; row i is a function of (seed, index) alone."""
    rows = [np.random.Generator(np.random.Philox(key=[seed, i])).standard_normal(size) for i in indices]
    return torch.from_numpy(np.stack(rows)).float()
