"""Single pixels that stand out in one frame alone: salt and pepper, and the cosmic rays that hit one pixel.

p = v − b is the height of a pixel above the median b of the 16 pixels around its 3x3. It is an impulse where |p| is
beyond 8σ, and its eight neighbours are not raised with it: the mean of the four beside it is below p/5, and none
reaches p/2. Those of a star (a Gaussian of σ = 0.8 pixels and more) are raised to 0.46·p, and so are those of beads,
edges and lines. An impulse becomes the median of its eight neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nrgan.frames.frame_set import FrameSet
from nrgan.frames.mend import Mend, Native, Part
from nrgan.frames.mending.base import Given, Row, evenly, whole
from nrgan.frames.mending.noise_level import NoiseLevel, Plane, median_around

_HEIGHT, _BESIDE, _ANY = 8.0, 0.2, 0.5
_RING = np.ones((5, 5), bool)
_RING[1:4, 1:4] = False
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
_EIGHT = np.ones((3, 3), bool)
_EIGHT[1, 1] = False
_LOOKED_AT = 16


@dataclass(frozen=True, eq=False)
class Impulses(Mend):
    """noise: of the set."""

    noise: NoiseLevel
    said: str
    margin: int = 2

    def apply(self, part: Part) -> Native:
        pixels = part.pixels.copy()
        for channel, found in enumerate(self.found(part.pixels)):
            if found.any():
                pixels[..., channel][found] = median_around(part.pixels[..., channel])[found]
        return pixels

    def found(self, pixels: Native) -> list[np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
        """Which pixels are impulses, for each channel."""
        nothing = np.isnan(pixels)
        pixels = np.where(nothing, np.float32(0), pixels)
        level = np.stack([_around_square(pixels[..., c]) for c in range(pixels.shape[2])], axis=-1)
        height, sigma = pixels - level, self.noise.at(level)
        planes = [
            _impulses(height[..., c], sigma[..., c], pixels[..., c], level[..., c]) for c in range(level.shape[2])
        ]
        if not nothing.any():
            return planes
        # beside a gap it is not known what stands out
        return [plane & ~ndimage.maximum_filter(nothing[..., c], 5) for c, plane in enumerate(planes)]


def _around_square(plane: Plane) -> Plane:
    return np.asarray(ndimage.median_filter(plane, footprint=_RING, mode="mirror"))


def _impulses(
    height: Plane, sigma: Plane, plane: Plane, level: Plane
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    stands = np.abs(height) > _HEIGHT * sigma
    if not stands.any():
        return stands
    sign, size = np.sign(height), np.abs(height)
    beside = sign * (ndimage.convolve(plane, _CROSS.astype(np.float32), mode="mirror") - level)
    highest = np.where(
        sign > 0,
        ndimage.maximum_filter(plane, footprint=_EIGHT, mode="mirror") - level,
        level - ndimage.minimum_filter(plane, footprint=_EIGHT, mode="mirror"),
    )
    return np.asarray(stands & (beside < _BESIDE * size) & (highest < _ANY * size))


def _make(given: Given) -> Impulses:
    frames: FrameSet = given.frames
    mend = Impulses(NoiseLevel.of(frames), "")
    counts, pixels = 0, 0
    chosen = evenly(len(frames), _LOOKED_AT)
    for index in chosen:
        found = mend.found(whole(frames, index).pixels)
        counts += sum(int(mask.sum()) for mask in found)
        pixels += sum(mask.size for mask in found)
    each = counts / len(chosen)
    seen = "1 image" if len(chosen) == 1 else f"{len(chosen)} images"
    said = f"Mended: single pixels that stand out of one image, {each:.3g} an image ({counts / pixels:.3%} of {seen})."
    return Impulses(mend.noise, said)


ROW = Row("single pixels that stand out of one image become the median of their neighbours", _make)
