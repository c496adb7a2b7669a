"""Pictures of a generator for the screen, (H, W, C) uint8: the same images as `nrgan generate` writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from nrgan.errors import UserError
from nrgan.networks import sizes_of
from nrgan.networks.sampling import CHUNK, check_seed, great_circle, latents, place_of
from nrgan.page.bounds import MOST_SHOWN
from nrgan.pictures import grid, visible
from nrgan.ranges import stored_from_signed
from nrgan.runs import TrainedModel

STEPS = 8
"""Images of a walk, both ends among them."""
_WIDE = 512
"""Pixels that a picture has on the screen, about: each of ours becomes a square of whole pixels."""
_KEPT = 8
"""Seeds whose images are remembered."""

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Observed:
    """The same latents, as images without noise, as noise alone (grey is none), and as both together."""

    clean: Picture
    noise: Picture | None
    """None where the model learns no noise."""
    noisy: Picture | None


class Viewer:
    """Shows one model; safe in many threads, and the same picture for the same question."""

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self._parts = lru_cache(maxsize=_KEPT)(self._observed)

    def observed(self, seed: int, count: int) -> Observed:
        """The first `count` images of a seed, 36 at most. Raises `UserError` for a seed or a count that cannot be."""
        check_seed(seed)
        if not 1 <= count <= MOST_SHOWN:
            raise UserError(f"<count> {count}: must be from 1 to {MOST_SHOWN}")
        shown = {name: _on_screen(grid(part[:count], gap=1)) for name, part in self._parts(seed).items()}
        return Observed(shown["clean"], shown.get("noise"), shown.get("noisy"))

    def _observed(self, seed: int) -> dict[str, Picture]:
        parts = self.model.observe(seed, range(CHUNK)).parts
        names = [name for name in ("clean", "noise", "noisy") if name in parts]
        if parts["noisy"] is parts["clean"]:  # as a plain GAN's
            names = ["clean"]
        return {name: stored_from_signed(parts[name][:MOST_SHOWN]) for name in names}

    def between(self, first: int, second: int, share: float) -> Picture:
        """The image at a share, 0 to 1, of the way from the first image of one seed to that of another."""
        return _on_screen(self._walked(first, second, [share])[0])

    def walk(self, first: int, second: int) -> Picture:
        """The way from one seed to another in eight images, side by side."""
        return _on_screen(grid(self._walked(first, second, list(np.linspace(0, 1, STEPS))), columns=STEPS, gap=1))

    @torch.no_grad()
    def _walked(self, first: int, second: int, shares: list[float]) -> Picture:
        for seed in (first, second):
            check_seed(seed)
        generator = self.model.pair.generator
        a, b = (latents(seed, range(1), sizes_of(generator).latent_size) for seed in (first, second))
        z = great_circle(a, b, torch.tensor(shares)[:, None])
        device, dtype = place_of(generator)
        return stored_from_signed(generator(z.to(device, dtype)))


def _on_screen(picture: Picture) -> Picture:
    """As a screen shows it: its pixels as squares."""
    shown = visible(picture)
    factor = max(1, round(_WIDE / shown.shape[1]))
    return np.ascontiguousarray(shown.repeat(factor, axis=0).repeat(factor, axis=1))
