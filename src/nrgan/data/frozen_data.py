"""The images of a source, each corrupted once and for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nrgan.data.choice import DataChoice
from nrgan.data.frozen import FrozenSet, NoisyImages, cache_key, open_frozen_set
from nrgan.data.sources import SOURCES, Images
from nrgan.data.training_data import Indices, TrainingData
from nrgan.frames import ValueRange
from nrgan.limits import DEFAULT_SIDE
from nrgan.progress import Preparing
from nrgan.ranges import STORED_LEVELS


class FrozenData(TrainingData):
    """The images of a source with frozen noise, kept in the cache."""

    value_range = ValueRange.of(0, STORED_LEVELS - 1, "uint8")
    has_clean = True

    def __init__(
        self, choice: DataChoice, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> None:
        self.choice, self.cache = replace(choice, fit="crop"), cache
        self.image_size = choice.image_size or DEFAULT_SIDE
        self.source = SOURCES[choice.source].open(self.image_size, data_root, cache, preparing)
        self.channels = self.source.channels
        self.key = cache_key(self.source, choice.corruption, choice.sensor, choice.data_seed)
        self._frozen: FrozenSet | None = None
        self._clean: Images | None = None

    def __getstate__(self) -> dict[str, Any]:
        # a worker process maps the cached set for itself
        return {**self.__dict__, "_frozen": None, "_clean": None}

    def __len__(self) -> int:
        return len(self.source)

    def noisy(self, indices: Indices) -> NoisyImages:
        return self._set()[indices]

    def clean(self, indices: Indices) -> Images:
        self._clean = self.source.images() if self._clean is None else self._clean
        return self._clean[indices]

    def all_noisy(self, preparing: Preparing | None = None) -> NoisyImages:
        return self._set(preparing).images

    def verify(self, indices: Indices) -> None:
        self._set().verify(indices)

    def _set(self, preparing: Preparing | None = None) -> FrozenSet:
        if self._frozen is None:
            choice = self.choice
            advance = preparing(f"noisy images of {choice.name}", len(self)) if preparing else None
            self._frozen = open_frozen_set(
                self.source, choice.corruption, choice.sensor, choice.data_seed, self.cache, advance, choice.name
            )
        return self._frozen
