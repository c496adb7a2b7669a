"""The user's own images: noisy already, or corrupted here by a known law."""

from __future__ import annotations

from typing import Any

import numpy as np

from nrgan.data.choice import DataChoice
from nrgan.data.frozen import NoisyImages, check_data_seed, corrupt_units, law_key
from nrgan.data.sources import Images
from nrgan.data.training_data import Indices, TrainingData
from nrgan.errors import UserError
from nrgan.frames import Fit, FrameSet, Patches, PatchPlace, choose_range
from nrgan.limits import SIDE_STEP, SMALLEST_SIDE, trainable
from nrgan.progress import Preparing
from nrgan.ranges import nhwc, stored_from_unit

_BLOCK = 100
_TILE = 64


class OwnData(TrainingData):
    """The user's own images: noisy already, or corrupted here by a known law, the originals being the clean ones.

    In memory are only the images that `frames` keeps and, once it was asked for, the whole noisy set. Travels to worker
    processes, without either.
    """

    def __init__(self, choice: DataChoice, frames: FrameSet) -> None:
        self.choice = choice
        self.patches = Patches(frames, Fit(choice.image_size, choice.fit))
        self.image_size, self.channels = self.patches.size, frames.channels
        self.value_range, outside = choose_range(choice.value_range, frames.statistics, frames.dtype)
        self.notes = (*frames.notes, *self.patches.notes, outside)
        self.has_clean = choice.corruption.known
        choice.corruption.check_fits(self.image_size, self.image_size)
        check_data_seed(choice.data_seed, len(self.patches))
        self.key = {
            "data": frames.key(),
            "fit": [choice.fit, self.image_size],
            "range": list(self.value_range.plain().values()),
            "corruption": law_key(choice.corruption),
            **({"data_seed": choice.data_seed, "clip": choice.sensor.clip} if self.has_clean else {}),
        }
        self._resident: NoisyImages | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_resident": None}

    def __len__(self) -> int:
        return len(self.patches)

    def origin(self, index: int) -> PatchPlace:
        """The user's image that training image `index` was cut from, and its place there."""
        return self.patches.place(index)

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


def tiles_of(frames: FrameSet) -> dict[str, Any]:
    """The size and fit that look at all of the images, where they are not all the same small trainable square."""
    sides = np.unique(frames.sizes)
    if sides[0] < SMALLEST_SIDE:
        raise UserError(f"{frames.path}: has images of {sides[0]} pixels on a side; {SMALLEST_SIDE} are the fewest")
    if len(sides) == 1 and trainable(int(sides[0])) and sides[0] <= _TILE:
        return {}
    return {"image_size": min(_TILE, int(sides[0]) // SIDE_STEP * SIDE_STEP), "fit": "tiles"}
