"""What every image source is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
"""(N, H, W, C) uint8."""


class ImageSource(ABC):
    """A fixed, ordered set of clean images, all of one size."""

    image_size: int
    channels: int = 3

    @abstractmethod
    def key(self) -> str:
        """A text that changes whenever the images would: a checksum, or the drawing's version and seed."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of images, without reading them."""

    @abstractmethod
    def images(self) -> Images:
        """All images, (N, H, W, C) uint8."""
