"""Hot, dead and stuck pixels: at fixed places of the sensor, in frames that differ in content, or in dark ones.

A place is bad where the pixel lies more than 4σ above the median of its eight neighbours in half of the frames (or
below, in half of them), σ as `NoiseLevel` has it; and in so many that by chance no place of the sensor would, at the
rate at which all do. Places of more than two pixels side by side, or whose other neighbours are raised in the mean, are
structure. A bad pixel becomes the median of its good neighbours within 3x3 pixels, or 5x5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from nrgan.errors import UserError
from nrgan.frames.frame_set import FrameSet
from nrgan.frames.mend import Mend, Native, Part
from nrgan.frames.mending.apart import check_apart
from nrgan.frames.mending.base import Given, Row, check_covers, evenly, on_sensor, sensor_sides, whole
from nrgan.frames.mending.noise_level import NoiseLevel, around
from nrgan.frames.parallel import in_order
from nrgan.progress import Preparing, prepared

_STANDS_OUT = 4.0
_MOST_FRAMES = 1000
_FEWEST, _FEWEST_DARK = 4, 2
_FALSE = 0.1
"""Places that may be bad by chance in all the sensor."""
_CLUSTER = 2
_RAISED = 0.2
"""Part of a pixel's height that its neighbours in a structure have; those of a star of σ = 0.8 pixels have a third."""
_REACH = 2

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HotPixels(Mend):
    """bad: (H, W, C) of the sensor."""

    bad: Mask
    said: str
    margin: int = _REACH

    def apply(self, part: Part) -> Native:
        bad, pixels = self.bad[on_sensor(part)], part.pixels.copy()
        for channel in range(pixels.shape[2]):
            _replace(pixels[..., channel], bad[..., channel])
        return pixels


def _replace(plane: npt.NDArray[np.float32], bad: Mask) -> None:
    rows, columns = np.nonzero(bad)
    if not len(rows):
        return
    good = np.pad(np.where(bad, np.nan, plane), _REACH, constant_values=np.nan)
    for reach in range(1, _REACH + 1):
        steps = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
        near = np.stack([good[rows + _REACH + i, columns + _REACH + j] for i, j in steps])
        some = ~np.isnan(near).all(0)
        plane[rows[some], columns[some]] = np.nanmedian(near[:, some], axis=0)
        rows, columns = rows[~some], columns[~some]
        if not len(rows):
            return


@dataclass
class _Seen:
    """Of each place of the sensor, (H, W, C): how many frames reach it, and in how many it stands above and below.

    excess: the sum of v − median, each cut at 50σ.
    """

    reached: npt.NDArray[np.int32]
    above: npt.NDArray[np.int32]
    below: npt.NDArray[np.int32]
    excess: npt.NDArray[np.float32]

    def bad(self, where: str) -> Mask:
        """Which places are bad; `where` begins the refusal of too few frames."""
        found = np.zeros(self.above.shape, bool)
        for hits, sign in ((self.above, 1), (self.below, -1)):
            rate = min(0.5, (float(hits.sum()) + 1) / float(self.reached.sum()))
            least = _least_count(int(self.reached.max()), rate, self.reached.size)
            if least is None:
                raise UserError(
                    f"{where}: single pixels stand out so often ({rate:.1%}) that {int(self.reached.max())} frames do "
                    "not tell which ones always do; give more, or dark frames (<dark>)"
                )
            often = (hits >= np.maximum(least, self.reached / 2)) & (self.reached > 0)
            mean = sign * self.excess / np.maximum(self.reached, 1)
            for channel in range(often.shape[2]):
                found[..., channel] |= _single(often[..., channel], mean[..., channel].astype(np.float32))
        return found


def _least_count(frames: int, rate: float, places: int) -> int | None:
    """The least count, half of the frames at least, that by chance no place reaches; None where there is none."""
    for count in range(max(1, math.ceil(frames / 2)), frames + 1):
        if places * special.bdtrc(count - 1, frames, rate) < _FALSE:
            return count
    return None


def _single(often: Mask, mean: npt.NDArray[np.float32]) -> Mask:
    """Those of the places that are no structure: few side by side, and the pixels around them as all others."""
    labels, count = ndimage.label(often, np.ones((3, 3)))
    if not count:
        return often
    small = np.bincount(labels.ravel(), minlength=count + 1) <= _CLUSTER
    found: Mask = often & small[labels]
    others = np.where(often, 0, mean)
    weight = ndimage.uniform_filter((~often).astype(np.float32), 3, mode="mirror")
    beside = ndimage.uniform_filter(others, 3, mode="mirror") / np.maximum(weight, 1e-6)
    return np.asarray(found & (beside < _RAISED * mean))


def _look(frames: FrameSet, preparing: Preparing | None) -> _Seen:
    shape = (*sensor_sides(frames), frames.channels)
    seen = _Seen(np.zeros(shape, "i4"), np.zeros(shape, "i4"), np.zeros(shape, "i4"), np.zeros(shape, "f4"))
    noise, chosen = NoiseLevel.of(frames), evenly(len(frames), _MOST_FRAMES)
    advance = prepared(preparing, f"hot pixels of {frames.path}", len(chosen))

    def rest(index: int) -> tuple[Part, Native, Native]:
        part = whole(frames, index)
        level = around(part.pixels)
        return part, part.pixels - level, noise.at(level)

    for part, excess, sigma in in_order(rest, chosen):
        place = on_sensor(part)
        seen.reached[place] += 1
        seen.above[place] += excess > _STANDS_OUT * sigma
        seen.below[place] += excess < -_STANDS_OUT * sigma
        seen.excess[place] += np.clip(excess, -50 * sigma, 50 * sigma)
        advance(1)
    return seen


def _make(given: Given) -> HotPixels:
    frames, dark = given.frames, given.dark
    if dark is None:
        check_apart(frames, HOT_PIXELS, _FEWEST, "give dark frames (<dark>)")
    else:
        check_covers(frames, dark, "dark")
        if len(dark) < _FEWEST_DARK:
            raise UserError(f"<dark> {dark.path}: is one frame, which does not tell a hot pixel from chance; give more")
    bad = _look(frames if dark is None else dark, given.preparing).bad(f"<mend> {HOT_PIXELS}")
    height, width = sensor_sides(frames)
    bad = bad[:height, :width]
    count, share = int(bad.sum()), float(bad.mean())
    pixels = "hot, dead or stuck pixel" if count == 1 else "hot, dead or stuck pixels"
    told = "in most frames" if dark is None else f"in most of {len(dark)} dark frames"
    return HotPixels(bad, f"Mended: {count:,} {pixels} ({share:.2%} of {width}x{height}), at fixed places {told}.")


HOT_PIXELS = "hot-pixels"
ROW = Row("pixels that stand out at a fixed place become the median of their neighbours", _make, ("dark",))
