"""What every corruption is: the exact law on one image, and a differentiable simulator on a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions.gains import SignalGain
from nrgan.draws import Draws, fresh
from nrgan.errors import UserError
from nrgan.images import unit_from_stored

Image = npt.NDArray[np.float64]
"""One unit-range image, (H, W, C) float64."""

Seeded = Callable[[int], RandomState]
"""Gives the generator of image k, seeded for it; good until the next call."""

STEP = 1 / 255
"""One 8-bit step in unit range: noise levels are given on the scale 0..255."""


class Corruption(ABC):
    """A noise process y = x + n. Values are unit range, levels are on the scale 0..255 unless said otherwise.

    `signal_gain` is the known relation between signal and noise level, or None where the noise does not depend
    on the signal. A signal-dependent noise n = ε·σ·g(x) is what `sdnrgan1` needs to know of it.
    """

    signal_gain: ClassVar[SignalGain | None] = None
    known: ClassVar[bool] = True
    """Whether its law is known, and can be simulated."""

    def corrupt(self, image: npt.NDArray[Any], rng: RandomState) -> Image:
        """The exact law on one image, with numpy's legacy generator: what a camera did.

        image: (H, W, C), uint8, or unit-range floating point. Returns float64 (H, W, C), not clipped.
        """
        if image.ndim != 3:
            raise UserError(f"corrupt takes one (H, W, C) image, not an array of shape {image.shape}")
        self.check_fits(*image.shape[:2])
        unit = unit_from_stored(image) if image.dtype == np.uint8 else image.astype(np.float64, copy=False)
        return self._corrupt(unit, rng)

    def simulate(self, x: Tensor, rng: Draws | torch.Generator | None = None) -> Tensor:
        """The differentiable simulator on a batch, (B, C, H, W): what AmbientGAN applies to generated images.

        The gradient flows through x as the additive identity only: noise that depends on the image sees it detached.
        """
        return x + self.simulate_noise(x, rng)

    def simulate_noise(self, x: Tensor, rng: Draws | torch.Generator | None = None) -> Tensor:
        """The noise that `simulate` adds, unit range, (B, C, H, W); no gradient flows through it."""
        self.check_fits(*x.shape[2:])
        return self._simulate_noise(x.detach(), fresh(rng, x))

    def check_fits(self, height: int, width: int) -> None:  # noqa: B027 (most corruptions fit any size)
        """Raises `UserError` where the corruption needs a larger image."""

    def corrupt_many(self, images: Image, seeded: Seeded) -> Image:
        """`corrupt` on (K, H, W, C) unit-range float64 images, image k with the generator `seeded(k)`; the same bits.

        Where much of the work is not drawing, a corruption does it here for all images at once.
        """
        return np.stack([self._corrupt(image, seeded(k)) for k, image in enumerate(images)])

    @abstractmethod
    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        """`corrupt` on a unit-range float64 image."""

    @abstractmethod
    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        """`simulate_noise` for detached x."""


class AdditiveNoise(Corruption):
    """A corruption given by its noise: y = u + n(u)."""

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        return u + self.noise(u, rng)

    @abstractmethod
    def noise(self, u: Image, rng: RandomState) -> Image:
        """The noise n(u) of one unit-range image, in unit range."""
