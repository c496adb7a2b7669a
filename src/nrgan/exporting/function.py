"""What other programs are given: a network whose images have the data's own values, float32.

    denoiser    v → low + s·f((v − low)/s),   s = high − low;   f in unit range, 0 black
    generator   z → low + s·u(G(z)),          u: signed → unit

So whoever calls it needs to know of no range. Nothing is rounded or clipped: that is left to who writes files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nrgan.denoising.denoiser import Denoiser
from nrgan.frames import ValueRange
from nrgan.networks import sizes_of
from nrgan.networks.sampling import latents
from nrgan.ranges import unit_from_signed
from nrgan.runs import TrainedModel
from nrgan.storage import MADE_BY


@dataclass(frozen=True)
class Tiling:
    """How images are done in parts. Sides in pixels."""

    multiple: int
    """Parts begin at multiples of this."""
    halo: int
    """What is cut off at each side of a part's answer: the radius, rounded up to a multiple."""
    least: int
    """The smallest side of a part of which something is left; larger ones are `least` + multiples."""
    smallest_side: int
    """Of an image, done as a whole: below it a reflection does not fit."""

    @classmethod
    def of(cls, radius: int, multiple: int) -> Tiling:
        halo = -(-radius // multiple) * multiple
        return cls(multiple, halo, 2 * halo + multiple, multiple + 1)


@dataclass(frozen=True)
class Function:
    """A network, the names of its tensors, and what it is tried at.

    free: numbers and names of the axes that may have any length, of each tensor. example: an input of a usual size.
    trials: others; the first is the one that the exporter follows, so every branch that any size takes must be in it.
    """

    network: nn.Module
    input: str
    output: str
    free: Mapping[str, Mapping[int, str]]
    example: Tensor
    trials: tuple[Tensor, ...]
    values: ValueRange
    facts: Mapping[str, object]
    """What is to be known of it, as JSON holds it."""
    tiling: Tiling | None = None
    """None where it takes no images."""


def denoising_function(denoiser: Denoiser) -> Function:
    """noisy (B, C, H, W) → clean, the same shape; any B, H, W."""
    values, about = denoiser.about.value_range, denoiser.about
    tiling = Tiling.of(denoiser.radius, denoiser.multiple)
    of_images = {0: "batch", 2: "height", 3: "width"}
    m, usual = tiling.multiple, tiling.least + 8 * tiling.multiple
    # the first has sides that are no multiples, so that padding is followed
    sides = [(4 * m + 1, 6 * m - 1), (tiling.smallest_side, tiling.smallest_side), (8 * m, 5 * m)]
    return Function(
        _Denoising(denoiser.network, values),
        "noisy",
        "clean",
        {"noisy": of_images, "clean": of_images},
        _scenes(1, usual, usual, denoiser.channels, values),
        tuple(_scenes(1 + k, *side, denoiser.channels, values) for k, side in enumerate(sides)),
        values,
        {
            **_facts("denoiser", values, denoiser.channels),
            "images": about.images,
            "method": about.method,
            "iteration": about.iteration,
            "radius": denoiser.radius,
            "multiple": m,
            "smallest_side": tiling.smallest_side,
        },
        tiling,
    )


def generating_function(model: TrainedModel) -> Function:
    """latent (B, L), standard normal → clean (B, C, side, side); any B."""
    values, sizes = model.value_range, sizes_of(model.pair.generator)
    return Function(
        _Generating(model.pair.generator, values),
        "latent",
        "clean",
        {"latent": {0: "batch"}, "clean": {0: "batch"}},
        latents(0, range(2), sizes.latent_size),
        tuple(latents(1, range(count), sizes.latent_size) for count in (3, 1)),
        values,
        {
            **_facts("generator", values, sizes.image_channels),
            "model": model.about.model,
            "iteration": model.about.iteration,
            "latent": "standard normal",
            "latent_size": sizes.latent_size,
            "side": sizes.image_size,
        },
    )


def _facts(kind: str, values: ValueRange, channels: int) -> dict[str, object]:
    return {
        "about": f"{MADE_BY} {version('nrgan')}",
        "kind": kind,
        "values": "the data's own, from low (black) to high (white); float32, neither clipped nor rounded",
        "channels": channels,
        **values.plain(),
    }


def _scenes(count: int, height: int, width: int, channels: int, values: ValueRange) -> Tensor:
    """(count, C, H, W) float32 in own values, as files hold them: waves in unit range with noise of level 0.1."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves: npt.NDArray[np.float64] = 0.5 + 0.2 * (np.sin(x / 5) + np.cos(y / 7))
    unit = waves[None, :, :, None] + rng.normal(0, 0.1, (count, height, width, channels))
    return torch.from_numpy(np.ascontiguousarray(values.from_unit(unit).transpose(0, 3, 1, 2))).float()


class _OwnValues(nn.Module):
    """From the data's own values to the unit range and back, as `ValueRange` does it, (B, C, H, W)."""

    low: Tensor
    span: Tensor

    def __init__(self, values: ValueRange) -> None:
        super().__init__()
        spans = [high - low for low, high in values.limits]
        for name, numbers in (("low", values.low), ("span", spans)):
            self.register_buffer(name, torch.from_numpy(np.array(numbers, values.working)).view(1, -1, 1, 1))

    def to_unit(self, native: Tensor) -> Tensor:
        return ((native.to(self.low.dtype) - self.low) / self.span).float()

    def from_unit(self, unit: Tensor) -> Tensor:
        return (unit.to(self.low.dtype) * self.span + self.low).float()


class _Denoising(_OwnValues):
    def __init__(self, network: nn.Module, values: ValueRange) -> None:
        super().__init__(values)
        self.network = network

    def forward(self, noisy: Tensor) -> Tensor:
        return self.from_unit(self.network(self.to_unit(noisy)))


class _Generating(_OwnValues):
    def __init__(self, generator: nn.Module, values: ValueRange) -> None:
        super().__init__(values)
        self.generator = generator

    def forward(self, latent: Tensor) -> Tensor:
        return self.from_unit(unit_from_signed(self.generator(latent)))
