"""Is it memorising? Generated images, and the training images that are nearest to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.data import Images, Indices, TrainingData
from nrgan.ranges import nhwc, unit_from_stored

Array = npt.NDArray[Any]
_SIDE = 16
"""Pixels a side, to which images are averaged before they are compared: noise then weighs less."""
_MOST = 20_000
_PART = 500
_TYPICAL = 200


@dataclass(frozen=True)
class Nearest:
    """Distances are root mean squares over the values of images averaged to 16 pixels a side or so, on 0..255."""

    indices: Indices
    """(K, count), nearest first."""
    distances: Array
    """(K, count)."""
    usual: float
    """Median distance of a training image to the nearest other one."""
    compared: int
    """Training images that were looked at."""
    clean: bool
    """Whether they are clean ones; else they are as training saw them, with their noise."""

    @property
    def of_samples(self) -> float:
        """Median distance of a sample to its nearest training image."""
        return float(np.median(self.distances[:, 0]))


def nearest_images(samples: Images, data: TrainingData, count: int = 3) -> Nearest:
    """The nearest training images of (K, H, W, C) uint8 samples, of 20,000 evenly chosen at most."""
    chosen = data.evenly(_MOST)
    known = np.concatenate([_features(shown_images(data, chosen[k : k + _PART])) for k in range(0, len(chosen), _PART)])
    count = min(count, len(chosen))
    distances = _distances(_features(samples), known)
    order = np.argsort(distances, axis=1)[:, :count]
    some = np.arange(min(_TYPICAL, len(known))) * len(known) // min(_TYPICAL, len(known))
    others = _distances(known[some], known)
    others[np.arange(len(some)), some] = np.inf
    return Nearest(
        indices=chosen[order],
        distances=np.take_along_axis(distances, order, 1),
        usual=float(np.median(others.min(axis=1))),
        compared=len(chosen),
        clean=data.has_clean,
    )


def shown_images(data: TrainingData, indices: Indices) -> Array:
    """Training images as samples are compared with them, (K, H, W, C) unit range: clean where they are known."""
    return unit_from_stored(data.clean(indices)) if data.has_clean else np.clip(nhwc(data.noisy(indices)), 0, 1)


def _features(images: Array) -> npt.NDArray[np.float32]:
    """(K, H, W, C), uint8 or unit range → (K, D): means over squares."""
    unit = unit_from_stored(images) if images.dtype == np.uint8 else images
    n, height, width, channels = unit.shape
    step = max(1, height // _SIDE)
    rows, columns = height // step, width // step
    whole = unit[:, : rows * step, : columns * step].reshape(n, rows, step, columns, step, channels)
    return whole.mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)


def _distances(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> Array:
    """Of each row of one to each row of the other; on 0..255."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return 255 * np.sqrt(np.maximum(squares, 0) / a.shape[1])
