"""Impulses: single pixels that have nothing to do with the signal, as of failing bits or cosmic rays."""

from __future__ import annotations

import numpy as np

from nrgan.diagnosis.cells import Array
from nrgan.diagnosis.findings.base import STANDARD_ERRORS, Finding, bootstrap
from nrgan.diagnosis.findings.fixed import hot_places
from nrgan.diagnosis.looked import Looked, neighbours

_FAR = 6.0
"""Local standard deviations beyond which a pixel stands out, ..."""
_BETWEEN = 3.5
"""... and from which on Gaussian noise, and noise of mixed levels, has ever fewer."""
_FALL = 0.5
"""Standing far out are at least this share of those that stand out less: tails of noise fall faster."""
_RAISED = 0.25
"""Share of a bright pixel's height that its four nearest neighbours have where it is a star's, however sharp."""
_EIGHT = tuple((i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1))
_FOUR = ((0, 1), (1, 0), (1, 2), (2, 1))
_LEAST = 3e-4
"""Share of pixels below which impulses are not told from specks."""


def impulses(looked: Looked) -> Finding:
    """Pixels that stand out of all their neighbours, which do not know of it."""
    name = "impulses"
    if min(looked.frames.shape[1:3]) < 16:
        return Finding(name, False)
    out, heights = _standing_out(looked)
    far = (out > _FAR).mean((1, 2, 3))
    between = ((out > _BETWEEN) & (out <= _FAR)).mean((1, 2, 3))
    excess = far - _FALL * between
    share, error = float(far.mean()), bootstrap(excess)
    seen = float(excess.mean()) > STANDARD_ERRORS * error and share > _LEAST
    if not seen:
        return Finding(name, False, 0.0, "of pixels", None)
    white = float((heights[out > _FAR] > 0).mean())
    kind = "bright" if white > 0.9 else "dark" if white < 0.1 else "bright and dark"
    words = f"single {kind} pixels, {share:.2%} of all, stand out of what is around them"
    spikes = looked.inner[:, 1:-1, 1:-1][out > _FAR]
    least, most = float(looked.frames.min()), float(looked.frames.max())
    at_ends = float(((spikes <= least + looked.step) | (spikes >= most - looked.step)).mean())
    numbers = {"white": white, "at ends": at_ends}
    return Finding(name, True, share, "of pixels", error, words, "<mend> impulses fills them in", numbers)


def _standing_out(looked: Looked) -> tuple[Array, Array]:
    """How far pixels stand out, in local standard deviations, (F, H − 4, W − 4, C), and by how much."""
    height = (looked.inner - looked.around)[:, 1:-1, 1:-1]
    spread = np.empty_like(height)
    for k, size in enumerate(np.abs(looked.inner - looked.around)):
        largest, spread[k] = np.zeros_like(height[0]), 0
        # the second largest: one of them may be an impulse itself
        for near in neighbours(size):
            np.maximum(spread[k], np.minimum(largest, near), out=spread[k])
            np.maximum(largest, near, out=largest)
    inner = looked.inner[:, 1:-1, 1:-1]
    h, w = inner.shape[1:3]

    def beside(places: tuple[tuple[int, int], ...]) -> list[Array]:
        return [looked.inner[:, i : i + h, j : j + w] for i, j in places]

    lowest, nearest = np.minimum.reduce([inner, *beside(_EIGHT)]), np.mean(beside(_FOUR), axis=0)
    raised = np.where(height > 0, nearest - lowest, 0) > _RAISED * (inner - lowest)
    floor = np.maximum(looked.level[:, None, None, :], max(looked.step, 1e-3)).astype(np.float32)
    # the second largest of 8 is about 1.2 standard deviations of a normal variable
    out = np.abs(height) / np.maximum(spread / 1.2, floor)
    # hot pixels are found by themselves, and what raises its nearest neighbours too is a star or a bead
    return np.asarray(np.where(hot_places(looked)[None, 1:-1, 1:-1] | raised, 0, out), np.float32), height
