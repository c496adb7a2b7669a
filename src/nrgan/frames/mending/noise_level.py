"""How much single pixels of a set scatter around their neighbours, by how bright these are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nrgan.frames.frame_set import FrameSet
from nrgan.frames.mend import Native
from nrgan.frames.mending.base import evenly, whole

_FRAMES, _SIDE, _BINS = 8, 512, 16
_AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
_NORMAL = 1.4826
"""Standard deviations in a median absolute deviation of a normal distribution."""

Plane = npt.NDArray[np.float32]


def around(pixels: Native) -> Native:
    """The median of each pixel's eight neighbours, channel by channel, (H, W, C)."""
    return np.stack([median_around(pixels[..., c]) for c in range(pixels.shape[2])], axis=-1)


def median_around(plane: Plane) -> Plane:
    return np.asarray(ndimage.median_filter(plane, footprint=_AROUND, mode="mirror"))


@dataclass(frozen=True, eq=False)
class NoiseLevel:
    """σ of a pixel against the median of its neighbours, linear between levels; for each channel.

    levels, sigmas: (C, K), levels ascending.
    """

    levels: npt.NDArray[np.float64]
    sigmas: npt.NDArray[np.float64]

    def at(self, level: Native) -> Native:
        """σ for neighbours of these values, (H, W, C)."""
        found = [
            np.interp(level[..., c], self.levels[c], self.sigmas[c]).astype(np.float32) for c in range(level.shape[2])
        ]
        return np.stack(found, axis=-1)

    @classmethod
    def of(cls, frames: FrameSet) -> NoiseLevel:
        """From the median absolute deviation in sixteenths of the pixels by level, in up to eight frames."""
        levels: list[npt.NDArray[np.float64]] = []
        rests: list[npt.NDArray[np.float64]] = []
        for index in evenly(len(frames), _FRAMES):
            pixels = whole(frames, index).pixels
            top, left = (max(0, side - _SIDE) // 2 for side in pixels.shape[:2])
            pixels = pixels[top : top + _SIDE, left : left + _SIDE]
            level = around(pixels)
            levels.append(level.reshape(-1, pixels.shape[2]).astype(np.float64))
            rests.append((pixels - level).reshape(-1, pixels.shape[2]).astype(np.float64))
        at, off = np.concatenate(levels), np.concatenate(rests)
        curves = [_curve(at[:, c], off[:, c]) for c in range(at.shape[1])]
        return cls(np.stack([known for known, _ in curves]), np.stack([sigma for _, sigma in curves]))


def _curve(
    level: npt.NDArray[np.float64], rest: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    parts = np.array_split(np.argsort(level, kind="stable"), _BINS)
    sigma = np.array([_NORMAL * np.median(np.abs(rest[part])) for part in parts if len(part)])
    at = np.array([level[part].mean() for part in parts if len(part)])
    # where most pixels are equal to their neighbours, as in few levels, the mean tells more than the median
    least = np.array([np.abs(rest[part]).mean() for part in parts if len(part)])
    return at, np.maximum(np.maximum(sigma, least / 2), 1e-6 * (np.abs(rest).max() or 1.0))
