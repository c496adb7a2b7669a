"""The user's own images: noisy already, or corrupted here by a known law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nrgan.corruptions import Unknown
from nrgan.data.choice import DataChoice
from nrgan.data.frozen import NoisyImages, check_data_seed, corrupt_units, law_key
from nrgan.data.sources import Images
from nrgan.data.training_data import Indices, TrainingData
from nrgan.errors import UserError
from nrgan.frames import Fit, FrameSet, Patches, PatchPlace, SensorFrames, choose_range, sensor_frames
from nrgan.limits import SIDE_STEP, SMALLEST_SIDE, trainable
from nrgan.progress import Preparing
from nrgan.ranges import nhwc, stored_from_unit

_BLOCK = 100
_TILE = 64
_SMALLER = (32, 24, 16)
"""Sides of tiles that are tried where 64 pixels give too few."""
_APART = 1.5
"""Times the side of tiles that images must be long for two of them to share less than half."""
_MANY, _FEW = 200, 50
"""Images, or tiles, from which on there are not few; and with fewer than which nothing can be told."""


class OwnData(TrainingData):
    """The user's own images: noisy already, or corrupted here by a known law, the originals being the clean ones.

    In memory are only the images that `frames` keeps and, once it was asked for, the whole noisy set. Travels to worker
    processes, without either.
    """

    def __init__(self, choice: DataChoice, frames: FrameSet) -> None:
        self.choice = choice
        assert choice.fit != "auto", "see `fitted`"
        self.patches = Patches(frames, Fit(choice.image_size, choice.fit))
        self.image_size, self.channels = self.patches.size, frames.channels
        self.value_range, outside = choose_range(choice.value_range, frames.statistics, frames.dtype)
        self.notes = (frames.reading, *frames.notes, *self.patches.notes, outside)
        self.has_clean = not choice.corruption.already
        choice.corruption.check_fits(self.image_size, self.image_size)
        check_data_seed(choice.data_seed, len(self.patches))
        self.key = {
            "data": frames.key(),
            "fit": [choice.fit, self.image_size],
            "range": list(self.value_range.plain().values()),
            "corruption": law_key(choice.corruption if self.has_clean else Unknown()),  # what is told changes no image
            **({"data_seed": choice.data_seed, "clip": choice.sensor.clip} if self.has_clean else {}),
        }
        self._resident: NoisyImages | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_resident": None}

    def __len__(self) -> int:
        return len(self.patches)

    def cut(self, side: int) -> OwnData:
        """The same images in tiles of another side."""
        return OwnData(replace(self.choice, image_size=side, fit="tiles"), self.patches.frames)

    def glance(self, count: int) -> Indices:
        here = self.patches.in_memory() if self._resident is None else np.empty(0, np.int64)
        if len(here) < max(min(count, len(self) // 2), 1):
            return self.evenly(count)
        return here[np.arange(min(count, len(here))) * len(here) // min(count, len(here))]

    def looked_at(self) -> None:
        self.patches.frames.release()

    def origin(self, index: int) -> PatchPlace:
        """The user's image that training image `index` was cut from, and its place there."""
        return self.patches.place(index)

    def sensor_frames(self) -> SensorFrames | None:
        # with noise that is added here, to each image as it is cut, frames are not as the images
        return None if self.has_clean else sensor_frames(self.patches.frames, self.value_range)

    def _unit(self, indices: Indices) -> NoisyImages:
        """The images as they are, (K, C, H, W) float32, unit range."""
        out = np.empty((len(indices), self.channels, self.image_size, self.image_size), np.float32)
        for k, index in enumerate(indices):
            out[k] = self.value_range.to_unit(self.patches.read(int(index))).transpose(2, 0, 1)
        return out

    def noisy(self, indices: Indices) -> NoisyImages:
        if self._resident is not None:
            return self._resident[indices]
        unit = self._unit(indices)
        if not self.has_clean:
            return unit
        choice, exact = self.choice, nhwc(unit).astype(np.float64)
        noisy = corrupt_units(choice.corruption, choice.sensor, exact, indices, choice.data_seed, len(self))
        return np.ascontiguousarray(noisy.transpose(0, 3, 1, 2))

    def clean(self, indices: Indices) -> Images:
        return stored_from_unit(nhwc(self._unit(indices)))

    def all_noisy(self, preparing: Preparing | None = None) -> NoisyImages:
        if self._resident is None:
            self._resident = self._made(preparing)
            if not self.has_clean:  # else they are the clean images, which are still to be asked for
                self.patches.frames.release()
        return self._resident

    def _made(self, preparing: Preparing | None) -> NoisyImages:
        advance = preparing("images", len(self)) if preparing else lambda _: None
        out = np.empty((len(self), self.channels, self.image_size, self.image_size), np.float32)
        for start in range(0, len(self), _BLOCK):
            stop = min(start + _BLOCK, len(self))
            out[start:stop] = self.noisy(np.arange(start, stop))
            advance(stop - start)
        return out


def fitted(choice: DataChoice, frames: FrameSet, small: bool = False) -> DataChoice:
    """The choice with its fit named, and a size where the images do not have one that they could be trained at.

    auto: images that all are the same square that can be trained on stay as they are, or are cropped to the size that
    is chosen; many that are hardly larger than such squares are cropped. All others become tiles, and so do few large
    ones: of 64 pixels, or of fewer where that would give hardly any. small: also those that are squares of more than 64
    pixels. Raises `UserError` where images are too small.
    """
    sides = np.unique(frames.sizes)
    side = choice.image_size
    if choice.fit != "auto" and side is not None:
        return choice
    if sides[0] < SMALLEST_SIDE and choice.fit != "resize" and side is None:
        raise UserError(f"{frames.path}: has images of {sides[0]} pixels on a side; {SMALLEST_SIDE} are the fewest")
    square = len(sides) == 1 and trainable(int(sides[0]))
    if side is not None:
        many_in_one = len(frames) < _MANY and sides[0] >= 2 * side
        return replace(choice, fit="tiles" if many_in_one else "crop")
    if choice.fit in ("auto", "crop") and square and (sides[0] <= _TILE or (not small and len(frames) >= _MANY)):
        return replace(choice, fit="crop")
    if choice.fit in ("crop", "resize"):
        return choice if not small else replace(choice, image_size=_whole(sides[0]), fit="tiles")
    if choice.fit == "auto" and len(frames) >= _MANY and sides[-1] < _APART * _whole(sides[0]):
        return replace(choice, image_size=_whole(sides[0]), fit="crop")
    return replace(choice, image_size=_tile_side(frames), fit="tiles")


def _whole(side: int) -> int:
    """The largest side of tiles that fits into images of so many pixels."""
    return min(_TILE, int(side) // SIDE_STEP * SIDE_STEP)


def _tile_side(frames: FrameSet) -> int:
    """The side of tiles: 64, or less where there would be few of them, or where they would nearly be the same."""
    shortest = int(frames.sizes.min())
    largest = _whole(shortest)
    for side in (largest, *(side for side in _SMALLER if side < largest)):
        enough = np.prod(-(-frames.sizes.astype(np.int64) // side), axis=1).sum() >= _FEW
        if enough and (shortest == side or shortest >= _APART * side):
            return side
    return min(largest, _SMALLER[0])
