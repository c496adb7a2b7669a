"""What every image source is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nrgan.downloads import Download
from nrgan.progress import Preparing

Images = npt.NDArray[np.uint8]
"""(N, H, W, C) uint8."""


class ImageSource(ABC):
    """A fixed, ordered set of clean images, all of one size."""

    default_count: ClassVar[int] = 50_000
    """How many images a training set of this source has."""
    default_features: ClassVar[str] = "inception"
    """The feature extractor that its images are measured in, where none is chosen."""
    caption: ClassVar[str]
    """What its training set is, for captions: "the 50,000 images of the train split"."""
    separator: ClassVar[str] = "-"
    """Between its name and a corruption's in the names of settings."""
    download: ClassVar[Download | None] = None
    """The file that it is fetched as, where it is not drawn."""
    published: ClassVar[bool] = False
    """Whether the published settings are about it."""

    image_size: int
    channels: int = 3

    @classmethod
    @abstractmethod
    def check(cls, image_size: int, data_root: Path | None) -> None:
        """Raises `UserError` where the source cannot give images of that size, or takes no data folder."""

    @classmethod
    @abstractmethod
    def open(
        cls, image_size: int, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> ImageSource:
        """The training images; raises `UserError` where they cannot be had."""

    @classmethod
    @abstractmethod
    def unseen(
        cls, image_size: int, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> ImageSource:
        """Images of the same kind that no training sees; raises `UserError` where they cannot be had."""

    @abstractmethod
    def key(self) -> str:
        """A text that changes whenever the images would: a checksum, or the drawing's version and seed."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of images, without reading them."""

    @abstractmethod
    def images(self) -> Images:
        """All images, (N, H, W, C) uint8."""
