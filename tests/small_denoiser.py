"""A small denoiser with drawn weights, in a folder."""

from __future__ import annotations

from pathlib import Path

import torch

from nrgan.denoising.denoiser import DenoiserMetadata, save_denoiser
from nrgan.networks.unet import UNet, UNetSizes

SMALL = UNetSizes(1, 4, 2, 1)


def write_denoiser(folder: Path, sizes: UNetSizes = SMALL, **about: object) -> Path:
    """about: of its metadata; 12-bit images with an offset in a 16-bit type if not said."""
    network, rng = UNet(sizes), torch.Generator().manual_seed(3)
    network.initialise(rng)
    torch.nn.init.normal_(network.tail.weight, std=0.02, generator=rng)
    values = {"low": 104.0, "high": 4095.0, "dtype": "uint16"} | about
    save_denoiser(folder, network, DenoiserMetadata("cells", "renoise", 100, 32, **values))  # type: ignore[arg-type]
    return folder
