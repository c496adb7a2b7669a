"""The mean of many frames at each place of the sensor, and how much of it is more than chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.frames.frame_set import FrameSet
from nrgan.frames.mend import Native, Part
from nrgan.frames.mending.base import evenly, on_sensor, sensor_sides, whole
from nrgan.frames.parallel import in_order
from nrgan.progress import Preparing, prepared

_MOST_FRAMES = 2000
_STANDS_OUT = 5.0
"""Times the spread of a map up to which a value counts, when its halves are compared."""

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MeanFrame:
    """Of each place of the sensor, (H, W, C); halves: of the first and the second half of the frames, (2, H, W, C).

    totals: sums. reached: how many frames reach it. least, most: the extremes.
    """

    totals: npt.NDArray[np.float64]
    reached: npt.NDArray[np.int32]
    least: Map
    most: Map

    @classmethod
    def of(
        cls, frames: FrameSet, values: Callable[[Part], Native], what: str, preparing: Preparing | None = None
    ) -> MeanFrame:
        """Of `values` of up to 2,000 frames, evenly spread. what: the name of this work for `preparing`."""
        shape, chosen = (*sensor_sides(frames), frames.channels), evenly(len(frames), _MOST_FRAMES)
        totals, reached = np.zeros((2, *shape)), np.zeros((2, *shape), np.int32)
        least, most = np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32)
        advance = prepared(preparing, what, len(chosen))

        def taken(index: int) -> tuple[Part, Native]:
            part = whole(frames, index)
            return part, values(part)

        for number, (part, found) in enumerate(in_order(taken, chosen)):
            half, place = int(2 * number >= len(chosen)), on_sensor(part)
            totals[half][place] += found
            reached[half][place] += 1
            np.minimum(least[place], found, out=least[place])
            np.maximum(most[place], found, out=most[place])
            advance(1)
        return cls(totals, reached, least, most)

    def mean(self) -> Map:
        """0 where no frame reaches."""
        return np.asarray(self.totals.sum(0) / np.maximum(self.reached.sum(0), 1), np.float32)

    def trimmed(self) -> Map:
        """The mean without each place's least and greatest value, where 3 frames or more reach it."""
        total, count = self.totals.sum(0), self.reached.sum(0)
        many = count >= 3
        total[many] -= self.least[many].astype(np.float64) + self.most[many]
        return np.asarray(total / np.maximum(np.where(many, count - 2, count), 1), np.float32)

    def share(self) -> float:
        """R = 2ρ/(1 + ρ), ρ the correlation of the halves: the share of the mean's variance that is no chance.

        Values that stand out are cut, for a few hot pixels are no pattern of all.
        """
        both = (self.reached > 0).all(0)
        if both.sum() < 2:
            return 0.0
        first, second = (_cut(self.totals[half][both] / self.reached[half][both]) for half in (0, 1))
        variance = float(np.mean(first**2) + np.mean(second**2)) / 2
        correlation = max(0.0, float(np.mean(first * second)) / variance) if variance > 0 else 0.0
        return 2 * correlation / (1 + correlation)


def _cut(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred = values - np.median(values)
    most = _STANDS_OUT * 1.4826 * float(np.median(np.abs(centred)))
    cut = np.clip(centred, -most, most) if most > 0 else centred
    return np.asarray(cut - cut.mean())
