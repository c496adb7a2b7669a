"""What frames without light tell: the offset, and the noise that is there without light."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import mixed_difference
from nrgan.diagnosis.units import Dark
from nrgan.frames import open_frames

_MOST_FRAMES = 64
_FAR = 7.0
"""Medians of absolute differences beyond which a pixel is hot: about 5 standard deviations."""
_BULK = (0.005, 0.995)
"""Quantiles between which values are no hot or dead pixels."""


def dark_frames(path: str) -> Dark:
    """Of the frames at a path, at most 64 of them, evenly spread. Raises `UserError` where they cannot be read.

    The noise is that of differences of two frames where there are two, in which a fixed pattern is not; of one frame
    that of differences of pixels, with the pattern in it.
    """
    frames = open_frames(path)
    numbers = np.linspace(0, len(frames) - 1, min(len(frames), _MOST_FRAMES)).astype(int)
    pixels = [frames.read(int(number)).pixels.astype(np.float64) for number in numbers]
    offset = float(np.mean([_without_outliers(frame).mean() for frame in pixels]))
    alike = [(a, b) for a, b in itertools.pairwise(pixels) if a.shape == b.shape]
    if alike:
        return Dark(offset, float(np.mean([_deviation(a - b) for a, b in alike]) / np.sqrt(2)))
    return Dark(offset, _deviation(mixed_difference(np.asarray(pixels[0][None], np.float32), 1).astype(np.float64)))


def _deviation(difference: npt.NDArray[np.float64]) -> float:
    """Without hot pixels: of what lies within some deviations."""
    apart = np.abs(difference - np.median(difference))
    return float(difference[apart <= _FAR * max(float(np.median(apart)), 1e-9) + 1].std())


def _without_outliers(frame: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low, high = np.quantile(frame, _BULK)
    return frame[(frame >= low) & (frame <= high)]
