"""At which frequencies images vary, and how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

HIGHEST = 0.5
"""Of the frequencies that are told, in cycles per pixel: that of rows or columns in turn black and white."""


def level_spectrum(images: npt.NDArray[np.floating[Any]]) -> list[float]:
    """255·√P(f) in H//2 rings of equal width up to 0.5 cycles per pixel, of (N, H, H, C) images, unit range.

    P(f) = mean over the ring, images and channels of |F[w·(x − mean x)]|²/Σw², with F the Fourier transform over an
    image and w a Hann window. White noise of level σ (of 255) has σ at every frequency but the lowest
    two, which the mean that is taken off makes lower.
    """
    side = images.shape[1]
    window = np.outer(np.hanning(side + 2)[1:-1], np.hanning(side + 2)[1:-1])
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    rings = side // 2
    ring = np.minimum((np.hypot(down, across) / HIGHEST * rings).astype(int), rings)  # the last one: the corners
    power = np.zeros(ring.shape)
    for image in images:  # one by one: transforms of all would not fit
        centred = (image - image.mean(axis=(0, 1))) * window[..., None]
        power += (np.abs(np.fft.rfft2(centred, axes=(0, 1))) ** 2).mean(axis=2)
    power /= len(images) * float((window**2).sum())
    count = np.bincount(ring.ravel(), minlength=rings + 1)
    level = 255 * np.sqrt(np.bincount(ring.ravel(), power.ravel(), rings + 1) / np.maximum(count, 1))
    return [float(value) for value in level[:rings]]


def frequencies(rings: int) -> list[float]:
    """The middle of each ring, in cycles per pixel."""
    return [HIGHEST * (k + 0.5) / rings for k in range(rings)]
