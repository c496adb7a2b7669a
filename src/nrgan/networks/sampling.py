"""Samples by number: image i of a seed is always the same one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nrgan.errors import UserError
from nrgan.networks.family import sizes_of
from nrgan.networks.precision import compute_in
from nrgan.ranges import stored_from_signed

Module = TypeVar("Module", bound=nn.Module)

_SAME_WAY = 1e-4
"""Sine of an angle below which two latents point the same way."""
CHUNK = 100
"""Images that are generated together, the same ones whichever are asked for: so each is computed in one way only."""


def check_seed(seed: int) -> None:
    """Raises `UserError` for a seed that no series of images has."""
    if not 0 <= seed < 2**63:
        raise UserError(f"<seed> {seed}: must not be negative, nor have more than 63 bits")


def latents(seed: int, indices: range, size: int) -> Tensor:
    """(len(indices), size) float32 standard normal latents; row i is a function of (seed, index) alone."""
    rows = [np.random.Generator(np.random.Philox(key=[seed, i])).standard_normal(size) for i in indices]
    return torch.from_numpy(np.stack(rows)).float()


def great_circle(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """(N, L) or (1, L) each, share t (N, 1) or () → (N, L): along the great circle from a to b, as long as they are.

    z(t) = (sin((1 − t)θ) a + sin(tθ) b) / sin θ, θ the angle of a and b; straight where they point the same way. Normal
    latents are nearly all of one length, and a straight line would lead through shorter ones.
    """
    angle = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1).acos()[:, None]
    sine, straight = angle.sin(), angle.sin() < _SAME_WAY
    first = torch.where(straight, 1 - share, ((1 - share) * angle).sin() / sine)
    second = torch.where(straight, share, (share * angle).sin() / sine)
    return first * a + second * b


def chunks(first: int, count: int) -> Iterator[range]:
    """The whole chunks that hold images `first` … `first + count − 1`."""
    for start in range(first // CHUNK * CHUNK, first + count, CHUNK):
        yield range(start, start + CHUNK)


def in_double(network: Module) -> Module:
    """A copy that computes in double precision, whose last bits no 8- or 16-bit value shows."""
    exact = copy.deepcopy(network)
    if place_of(exact)[0].type == "mps":  # which has no double precision
        exact = exact.cpu()
    exact = exact.double()
    compute_in(exact, None)
    return exact


def place_of(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where a network is and the type of its parameters."""
    parameter = next(network.parameters())
    return parameter.device, parameter.dtype


@torch.no_grad()
def sample(generator: nn.Module, n: int, seed: int = 0, first: int = 0) -> npt.NDArray[np.uint8]:
    """`n` images of a generator, (n, H, W, C) uint8: numbers `first` … `first + n − 1` of the series of a seed.

    Image i depends on (seed, i) alone, so that any one of them can be made again. Raises `UserError` for a seed that
    cannot be.
    """
    check_seed(seed)
    sizes, exact = sizes_of(generator), in_double(generator)
    out = [np.empty((0, sizes.image_size, sizes.image_size, sizes.image_channels), np.uint8)]
    for chunk in chunks(first, n):
        images = stored_from_signed(exact(latents(seed, chunk, sizes.latent_size).to(*place_of(exact))))
        out.append(images[max(0, first - chunk.start) : first + n - chunk.start])
    return np.concatenate(out)
