"""What every corruption is: y = A(x), as an exact law on one image and as a differentiable simulator on a batch.

A corruption may be anything that happens to an image on its way: noise, lost pixels, blur. One that adds noise,
y = x + n(x), is an `AdditiveNoise`, whose simulator gives the noise by itself.
"""

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
from nrgan.ranges import unit_from_stored

Image = npt.NDArray[np.float64]
"""One unit-range image, (H, W, C) float64."""

Seeded = Callable[[int], RandomState]
"""Gives the generator of image k, seeded for it; good until the next call."""

STEP = 1 / 255
"""One 8-bit step in unit range: noise levels are given on the scale 0..255."""


class Corruption(ABC):
    """y = A(x). Values are unit range, levels are on the scale 0..255 unless said otherwise.

    A frozen dataclass of plain numbers, which snapshots keep (`to_plain`, `from_plain`) under its class's name.
    """

    signal_gain: ClassVar[SignalGain | None] = None
    """The known relation between signal and noise level: a noise n = ε·σ·g(x); None where there is none."""
    known: ClassVar[bool] = True
    """Whether its law is known, and can be simulated."""
    already: ClassVar[bool] = False
    """Whether images have it when they come: nothing is added to them, and what they were without it nobody knows."""
    simulator_is_exact: ClassVar[bool] = True
    """Whether the simulator has the law's distribution; False: the same mean and variance only."""
    classes: ClassVar[dict[str, type[Corruption]]] = {}
    """Every class of corruption that has been defined, by its name."""

    @property
    def law(self) -> Corruption:
        """What is simulated: itself, or what it tells of images that have it already."""
        return self

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        Corruption.classes[cls.__name__ if own else f"{cls.__module__}:{cls.__qualname__}"] = cls

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
        """The simulator on a batch, (B, C, H, W), differentiable in x: what AmbientGAN applies to generated images."""
        self.check_fits(*x.shape[2:])
        return self._simulate(x, fresh(rng, x))

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
    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        """`simulate` with draws: each name once an update, shapes beginning with the images (see `Draws`)."""


class AdditiveNoise(Corruption):
    """y = x + n(x). Subclasses give `_simulate_noise`, and of `noise` and `_corrupt` the one that states the law.

    In the simulator the gradient flows through x as the additive identity only: noise that depends on the image sees it
    detached. A law that `replaces` overrides `_simulate`, so that none flows through what is not there any more.
    """

    @property
    def replaces(self) -> bool:
        """Whether some pixels keep nothing of the image, so that the noise is more than what was added."""
        return False

    def simulate_noise(self, x: Tensor, rng: Draws | torch.Generator | None = None) -> Tensor:
        """The noise that `simulate` adds, unit range, (B, C, H, W); no gradient flows through it."""
        self.check_fits(*x.shape[2:])
        return self._simulate_noise(x.detach(), fresh(rng, x))

    def noise(self, u: Image, rng: RandomState) -> Image:
        """The noise n(u) of one unit-range image by the exact law, in unit range."""
        return self._corrupt(u, rng) - u

    def _corrupt(self, u: Image, rng: RandomState) -> Image:
        return u + self.noise(u, rng)

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        return x + self._simulate_noise(x.detach(), draws)

    @abstractmethod
    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        """`simulate_noise` for detached x, with draws."""
