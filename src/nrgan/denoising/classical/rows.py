"""Methods that are not trained: one row each, for images whose noise has the level 1.

Their settings were chosen among three each by the PSNR of 48 training images of CIFAR-10 in colour, those of `nlm` in
grey too: the mean over settings A, G, I and M told their laws, unclipped. No test image was used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage import restoration  # loaded where a function is asked for, and it brings much of scipy

from nrgan.errors import UserError, first_line

Array = npt.NDArray[Any]
WHOLE = 2**20
"""Radius of what needs whole images: more than any has."""


class Row(ABC):
    """A method."""

    @property
    def radius(self) -> int:
        """Pixels beyond which nothing changes a pixel's answer."""
        return WHOLE

    @abstractmethod
    def __call__(self, z: Array) -> Array:
        """(H, W, C) float64, with noise of level 1 → clean."""

    def check(self) -> None:  # noqa: B027 (most need nothing more)
        """Raises `UserError` where something is not installed."""


@dataclass(frozen=True)
class NonLocalMeans(Row):
    """Each pixel from those within `distance` whose patches are like its own, weights exp(−(d² − 2)₊/h²), d² a value.

    Buades, Coll & Morel (2005), as in scikit-image. All its numbers are fixed, so that tiles are exact.
    """

    strength: float = 0.6
    """h, of the noise's level; of 0.4, 0.6, 0.8."""
    patch: int = 5
    """Side, in pixels; of 3, 5, 7."""
    distance: int = 6

    @property
    def radius(self) -> int:
        return self.distance + self.patch // 2

    def __call__(self, z: Array) -> Array:
        alone = z.shape[2] == 1  # which it does not take for a channel
        image, axis = (z[..., 0], None) if alone else (z, 2)
        found = restoration.denoise_nl_means(
            image, self.patch, self.distance, self.strength, sigma=1.0, channel_axis=axis
        )
        return np.reshape(found, z.shape)


@dataclass(frozen=True)
class Wavelet(Row):
    """Wavelet coefficients drawn towards 0, by a threshold for each band of each image (BayesShrink, Chang 2000)."""

    wavelet: str = "db1"
    """Of db1, db2, sym4."""

    def __call__(self, z: Array) -> Array:
        return restoration.denoise_wavelet(z, 1.0, self.wavelet, channel_axis=2, rescale_sigma=False)


@dataclass(frozen=True)
class TotalVariation(Row):
    """The image u of least ‖u − z‖²/2 + weight·Σ|∇u| (Rudin, Osher & Fatemi 1992; Chambolle 2004)."""

    weight: float = 0.7
    """Of 0.5, 0.7, 1.0."""

    def __call__(self, z: Array) -> Array:
        return restoration.denoise_tv_chambolle(z, self.weight, channel_axis=2)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class BM3D(Row):
    """Block matching and 3-D filtering (Dabov et al. 2007): the authors' `bm3d`, told the level and no spectrum.

    Only where the user has installed it, for its licence allows non-commercial use alone.
    """

    level: float = 25 / 255
    """Of the noise that it is shown: its thresholds for matching are made for images on 0..1."""

    def check(self) -> None:
        self._package()

    def __call__(self, z: Array) -> Array:
        package, colour = self._package(), z.shape[2] == 3
        found = (package.bm3d_rgb if colour else package.bm3d)(z * self.level, self.level)
        return np.reshape(found, z.shape) / self.level

    def _package(self) -> Any:
        try:
            return import_module("bm3d")
        except ImportError as error:
            raise UserError(
                f"<method> bm3d: its package cannot be imported ({first_line(error)}); where its licence allows your "
                "use (non-commercial only), pip install bm3d"
            ) from error


CLASSICAL: dict[str, Row] = {"nlm": NonLocalMeans(), "wavelet": Wavelet(), "tv": TotalVariation(), "bm3d": BM3D()}
"""By name."""
