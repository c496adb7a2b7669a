"""Frames as the sensor gave them: for what lies at places of the sensor, or runs over frames.

Tiles are cut at any place and clipped to the range that training sees; a stripe, a hot pixel or a block of a compressed
file is told best where it arose. Values are on the scale 0..255 of the range, but not clipped to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Array, Doubles, cell_means, mixed_difference
from nrgan.frames import SensorFrames, lattice_step

_NETWORK = (
    *((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6)),
    *((0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (1, 2), (3, 4), (5, 6)),
)
_DITHERS = 0.6
"""Steps of noise in the quietest tenth of cells, from which on rounding leaves no pattern; of 16 pixels, chance gives
about so much of a step."""
_HARDLY = 0.002
"""Of the images' own contrast."""
_LIGHT = 4
"""Cells around each over whose mean the image is light and no scene."""
_ALIKE = 0.3
"""Median correlation of frames far apart, from which they show the same scene."""


@dataclass(frozen=True, eq=False)
class Looked:
    """Frames of one size, at one place of the sensor, in the order of the files.

    frames: (F, H, W, C) float32, on 0..255 of the range. step: between the values that occur, on the same scale; 0
    where they are not counted. zero: the files' value 0, on the same scale. pairs: which of `frames` repeat one scene,
    (P, 2). one_place: whether all frames lie at one place of the sensor. gaps: whether the files' type has
    values between the steps.
    """

    frames: Array
    step: float
    zero: float
    pairs: npt.NDArray[np.int64]
    one_place: bool = True
    gaps: bool = False

    @classmethod
    def of(cls, frames: SensorFrames) -> Looked:
        """From frames in unit range."""
        pixels, step, zero = frames.pixels * np.float32(255), 255 * frames.step, 255 * frames.zero
        return cls(pixels, step, zero, frames.pairs, frames.one_place, frames.gaps)

    @classmethod
    def at_images(cls, images: Array) -> Looked:
        """At images on 0..255 that are frames themselves."""
        whole = bool((images == np.rint(images)).all())
        step = lattice_step(images.astype(np.uint8) if whole else images) or float(whole)
        return cls(images, step, 0.0, np.zeros((0, 2), np.int64), gaps=step > whole)

    @cached_property
    def around(self) -> Array:
        """The median of the 8 neighbours of each pixel but those at the rim, (F, H − 2, W − 2, C)."""
        h, w = self.frames.shape[1:3]
        out = np.empty((len(self.frames), h - 2, w - 2, self.frames.shape[3]), np.float32)
        for k, frame in enumerate(self.frames):  # one by one: eight copies of all would not fit
            out[k] = _median_of_eight(list(neighbours(frame)))
        return out

    @cached_property
    def inner(self) -> Array:
        """The pixels that `around` is of."""
        return self.frames[:, 1:-1, 1:-1]

    @cached_property
    def level(self) -> Doubles:
        """(F, C): the level of white noise that explains the median of cells of each frame, with what is texture."""
        return np.sqrt(np.median(self._energy, axis=1)).astype(np.float64)

    @cached_property
    def _energy(self) -> Array:
        """Of `mixed_difference` in cells, (F, cells, C)."""
        energy = cell_means(mixed_difference(self.frames, 1) ** 2)
        return energy.reshape(len(energy), -1, energy.shape[3])

    @cached_property
    def faintest(self) -> float:
        """A level below which patterns hardly matter, or are those of rounding.

        Noise as large as a step spreads what rounding does to slopes evenly; with less, slopes become patterns.
        """
        means = cell_means(self.frames)
        contrast = float(np.median(np.abs(means - np.median(means)))) / 0.6745
        quiet = float(np.sqrt(np.quantile(self._energy, 0.1)))
        of_steps = 0.75 * self.step if quiet < _DITHERS * self.step else self.step / 10
        return max(of_steps, _HARDLY * contrast)

    @cached_property
    def residual_halves(self) -> tuple[Doubles, Doubles]:
        """Of each place of the sensor, the median over the first and over the second half of frames of what
        `residuals` gives, (H − 2, W − 2, C) each.

        Halves, not every other frame: neighbouring frames may show the same.
        """
        half = len(self.frames) // 2
        parts = (self.frames[:half], self.frames[half:])
        medians = [np.median(residuals(part), axis=0).astype(np.float64) for part in parts]
        return medians[0], medians[1]

    @cached_property
    def differ(self) -> bool:
        """Whether the frames are of one place of the sensor and show different scenes."""
        if not self.one_place or len(self.frames) < 2 or 4 * len(self.pairs) >= len(self.frames):
            return False
        means = cell_means(self.around)  # hot pixels are at the same places, and no scene
        rows, columns = means.shape[1:3]
        # what is smooth over the image is its light, which different scenes share
        for axis, count in ((1, rows), (2, columns)):
            means = means - _running_mean(means, axis, min(_LIGHT, count // 2))
        flat = means.reshape(len(means), -1)
        half = len(flat) // 2
        a, b = flat[:half], flat[half : 2 * half]
        alike = (a * b).sum(1) / np.maximum(np.sqrt((a * a).sum(1) * (b * b).sum(1)), 1e-6)
        return bool(np.median(alike) < _ALIKE)


def neighbours(frame: Array) -> Iterator[Array]:
    """The eight neighbours of each pixel of (H, W, C) but those at the rim, (H − 2, W − 2, C) each."""
    h, w = frame.shape[:2]
    for i, j in ((i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)):
        yield frame[i : i + h - 2, j : j + w - 2]


def _median_of_eight(values: list[Array]) -> Array:
    """The mean of the fourth and the fifth, by a sorting network (Batcher's of 19 comparisons)."""
    v = list(values)
    for i, j in _NETWORK:
        v[i], v[j] = np.minimum(v[i], v[j]), np.maximum(v[i], v[j])
    return np.asarray((v[3] + v[4]) / 2, np.float32)


def _running_mean(values: Array, axis: int, half: int) -> Array:
    """Over 2·half + 1 values along an axis, the ends repeated."""
    pad = [(0, 0)] * values.ndim
    pad[axis] = (half + 1, half)
    total = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float64)
    n, width = values.shape[axis], 2 * half + 1
    upper, lower = total.take(range(width, width + n), axis), total.take(range(n), axis)
    return np.asarray((upper - lower) / width, np.float32)


def residuals(frames: Array) -> Array:
    """Each pixel less the mean of its 8 neighbours, (F, H − 2, W − 2, C)."""
    rows = frames[:, :-2] + frames[:, 1:-1] + frames[:, 2:]
    all_nine = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    inner = frames[:, 1:-1, 1:-1]
    return np.asarray(inner - (all_nine - inner) / 8, np.float32)
