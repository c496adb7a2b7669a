"""What training sees: a setting's frozen noisy images, or the user's own, each addressed by its number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nrgan.data import SOURCES
from nrgan.data.base import Images
from nrgan.data.own import Fit, OwnImages, Patches, ValueRange, choose_range, open_images
from nrgan.data.own.fit import STEP, trainable
from nrgan.images import STORED_LEVELS, nhwc, stored_from_unit
from nrgan.noisy import NoisyImages, cache_key, check_data_seed, corrupt_units, frozen_noisy_set
from nrgan.settings import OWN, Setting, find_setting

Indices = npt.NDArray[np.int64]
Preparing = Callable[[str, int], Callable[[int], None]]
"""Told of a long preparation (what, how many steps), gives what is called with the steps done since the last call."""
FitName = Literal["crop", "resize", "tiles"]


@dataclass(frozen=True)
class DataChoice:
    """Everything that decides which images training sees."""

    setting: str
    """A setting's name, or the path of the user's own images."""
    image_size: int | None = 32
    """Side of the images; None: that of the user's own images."""
    data_seed: int = 0
    clip: bool = True
    corrupt: str | None = None
    """The corruption to add to the user's own images, by its name in the settings; None: they are noisy already."""
    fit: FitName = "crop"
    value_range: str = "auto"
    skip_corrupt: bool = False

    @property
    def found(self) -> Setting:
        """The setting; raises `UserError` for names that are not known."""
        return find_setting(self.setting, self.corrupt)


class TrainingData(ABC):
    """A fixed, ordered set of noisy images, and the clean ones where they are known."""

    setting: Setting
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
        """All noisy images at once."""

    def evenly(self, count: int) -> Indices:
        """The numbers of `count` images, evenly spaced; of all where there are fewer.

        Files that follow one another are often alike, so that the first ones stand for nothing.
        """
        count = min(count, len(self))
        return np.arange(count) * len(self) // count

    @property
    def levels(self) -> int | None:
        """How many values the sensor tells apart within its range; None where they are not counted."""
        return self.value_range.levels

    @property
    def bytes(self) -> int:
        """The size of all noisy images."""
        return 4 * len(self) * self.channels * self.image_size**2


class SettingData(TrainingData):
    """The images of a named setting, with its noise frozen; kept in the cache."""

    value_range = ValueRange(0, STORED_LEVELS - 1, "uint8")
    has_clean = True

    def __init__(self, choice: DataChoice, data_root: Path | None, cache: Path | None) -> None:
        self.choice, self.cache = choice, cache
        self.setting = choice.found
        assert choice.image_size is not None
        self.source = SOURCES[self.setting.source].open(choice.image_size, data_root, cache)
        self.image_size, self.channels = choice.image_size, self.source.channels
        self.key = cache_key(self.setting, self.source, choice.data_seed, choice.clip)
        self._frozen: NoisyImages | None = None
        self._clean: Images | None = None

    def __getstate__(self) -> dict[str, Any]:
        # a worker process maps the cached set for itself
        return {**self.__dict__, "_frozen": None, "_clean": None}

    def __len__(self) -> int:
        return len(self.source)

    def noisy(self, indices: Indices) -> NoisyImages:
        return self.all_noisy()[indices]

    def clean(self, indices: Indices) -> Images:
        self._clean = self.source.images() if self._clean is None else self._clean
        return self._clean[indices]

    def all_noisy(self, preparing: Preparing | None = None) -> NoisyImages:
        if self._frozen is None:
            choice = self.choice
            advance = preparing(f"noisy images of {self.setting.name}", len(self)) if preparing else None
            self._frozen = frozen_noisy_set(
                self.setting, self.source, choice.data_seed, choice.clip, self.cache, advance
            )
        return self._frozen


class OwnData(TrainingData):
    """The user's own images: noisy already, or corrupted here by a known law, the originals being the clean ones.

    Nothing is kept in memory but what is asked for. Travels to worker processes.
    """

    def __init__(self, choice: DataChoice, images: OwnImages) -> None:
        self.choice = choice
        self.setting = choice.found
        self.patches = Patches(images, Fit(choice.image_size, choice.fit))
        self.image_size, self.channels = self.patches.size, images.channels
        self.value_range, outside = choose_range(choice.value_range, images.statistics, images.dtype)
        self.notes = (*images.notes, *self.patches.notes, outside)
        self.has_clean = choice.corrupt is not None
        self.setting.corruption.check_fits(self.image_size, self.image_size)
        check_data_seed(choice.data_seed, len(self.patches))
        self.key = {
            "data": images.key(),
            "fit": [choice.fit, self.image_size],
            "range": [self.value_range.low, self.value_range.high, self.value_range.dtype],
            "corruption": repr(self.setting.corruption),
            **({"data_seed": choice.data_seed, "clip": choice.clip} if self.has_clean else {}),
        }

    def __len__(self) -> int:
        return len(self.patches)

    def _unit(self, indices: Indices) -> NoisyImages:
        """The images as they are, (K, C, H, W) float32, unit range."""
        out = np.empty((len(indices), self.channels, self.image_size, self.image_size), np.float32)
        for k, index in enumerate(indices):
            out[k] = self.value_range.to_unit(self.patches.read(int(index))).transpose(2, 0, 1)
        return out

    def noisy(self, indices: Indices) -> NoisyImages:
        unit = self._unit(indices)
        if not self.has_clean:
            return unit
        choice, exact = self.choice, nhwc(unit).astype(np.float64)
        noisy = corrupt_units(self.setting.corruption, exact, indices, choice.data_seed, len(self), choice.clip)
        return np.ascontiguousarray(noisy.transpose(0, 3, 1, 2))

    def clean(self, indices: Indices) -> Images:
        return stored_from_unit(nhwc(self._unit(indices)))

    def all_noisy(self, preparing: Preparing | None = None) -> NoisyImages:
        advance = preparing("images", len(self)) if preparing else lambda _: None
        out = np.empty((len(self), self.channels, self.image_size, self.image_size), np.float32)
        for start in range(0, len(self), _BLOCK):
            stop = min(start + _BLOCK, len(self))
            out[start:stop] = self.noisy(np.arange(start, stop))
            advance(stop - start)
        return out


_BLOCK = 100


def default_features(setting: Setting) -> str:
    """The feature extractor that images of a setting are measured in, where none is chosen."""
    return "inception" if setting.source == OWN else SOURCES[setting.source].default_features


def open_data(
    choice: DataChoice,
    data_root: Path | None = None,
    cache: Path | None = None,
    preparing: Preparing | None = None,
    any_size: bool = False,
) -> TrainingData:
    """The images of a choice. The user's own are all read once, so that nothing about them fails later.

    any_size: cut the user's own images into small tiles where they are large, or no squares, and no size is chosen.
    Raises `UserError` where they cannot be had, or are not what training needs.
    """
    if choice.found.source != OWN:
        return SettingData(choice, data_root, cache)
    # how many there are is known only once they have been read
    advance = preparing(f"the list of images in {choice.setting}", 0) if preparing else None
    images = open_images(choice.setting, choice.skip_corrupt, advance)
    if any_size and choice.image_size is None:
        choice = replace(choice, **_tiles_of(images))
    return OwnData(choice, images)


_TILE = 64


def _tiles_of(images: OwnImages) -> dict[str, Any]:
    """The size and fit that look at all of the images, where they are not all the same small trainable square."""
    sides = np.unique(images.sizes)
    if len(sides) == 1 and trainable(int(sides[0])) and sides[0] <= _TILE:
        return {}
    return {"image_size": min(_TILE, int(sides[0]) // STEP * STEP), "fit": "tiles"}
