"""What training sees: a fixed set of noisy images, each addressed by its number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.corruptions import Corruption
from nrgan.data.choice import DataChoice
from nrgan.data.frozen import NoisyImages
from nrgan.data.sources import Images
from nrgan.frames import SensorFrames, ValueRange
from nrgan.limits import Levels
from nrgan.progress import Preparing

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImageSpec:
    """What kind of images: side in pixels, channels, and the sensor's range in the data's own values."""

    size: int
    channels: int
    range: ValueRange


class TrainingData(ABC):
    """A fixed, ordered set of noisy images, and the clean ones where they are known."""

    choice: DataChoice
    image_size: int
    channels: int
    key: dict[str, Any]
    """Changes whenever the images would."""
    value_range: ValueRange
    """The sensor's range: unit 0 and 1 in the data's own values, and their type."""
    notes: tuple[str, ...] = ()
    """What the user should know of how the images were read."""
    has_clean: bool

    @abstractmethod
    def __len__(self) -> int:
        """The number of images."""

    @abstractmethod
    def noisy(self, indices: Indices) -> NoisyImages:
        """The noisy images of these numbers, (K, C, H, W) float32, unit range."""

    @abstractmethod
    def clean(self, indices: Indices) -> Images:
        """The clean images of these numbers, (K, H, W, C) uint8; only where `has_clean`."""

    @abstractmethod
    def all_noisy(self, preparing: Preparing | None = None) -> NoisyImages:
        """All noisy images at once; before any is used, it is to be verified."""

    def verify(self, indices: Indices) -> None:  # noqa: B027 (most have just been made, or read)
        """Raises `Damaged` where one of these images was kept in a cache, and has changed there."""

    def evenly(self, count: int) -> Indices:
        """The numbers of `count` images, evenly spaced; of all where there are fewer.

        Files that follow one another are often alike, so that the first ones stand for nothing.
        """
        count = min(count, len(self))
        return np.arange(count) * len(self) // count

    def glance(self, count: int) -> Indices:
        """The numbers of about `count` images to look at before training, evenly spaced.

        Of those that are in memory where not all are, so that none is decoded again.
        """
        return self.evenly(count)

    def looked_at(self) -> None:  # noqa: B027 (most keep nothing)
        """Lets go of what was kept in memory to be looked at: from now on images are read from their files."""

    def sensor_frames(self) -> SensorFrames | None:
        """Frames as the sensor gave them, before they were cut; None where the images are all that there is."""
        return None

    @property
    def spec(self) -> ImageSpec:
        """What kind of images they are."""
        return ImageSpec(self.image_size, self.channels, self.value_range)

    @property
    def corruption(self) -> Corruption:
        """What befell them."""
        return self.choice.corruption

    @property
    def levels(self) -> Levels:
        """How many values the sensor tells apart within its range; None where they are not counted.

        Neither are few of them where noise was added or something mended: those images have values between.
        """
        between = self.has_clean or bool(self.choice.mending.names)
        return None if between and self.value_range.few_levels else self.value_range.levels

    @property
    def bytes(self) -> int:
        """The size of all noisy images."""
        return 4 * len(self) * self.channels * self.image_size**2
