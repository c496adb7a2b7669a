"""Whether successive frames repeat one scene: then their difference is noise alone.

Frames a, b give D = b − g·a and m = (b + g·a)/2, with the gain g, for lamps and dyes fade. Their autocovariances R(l)
at lags l of 6 to 32 pixels hold no noise of shorter reach, whatever its law. Where scenes differ, R_D = 4·R_m; where
one is repeated, R_D = 0. So a pair repeats a scene where

    cov(a, b) exceeds that with a moved             both show something
    λ = ΣR_D·R_m / ΣR_m² < 0.4 beyond doubt         which is not the sensor alone
    λ·scene, the part of D along ∇m, and what neighbours in D share at details of m are not seen
                                                    nothing changed, and nothing moved

"Not seen" allows a hundredth of D's variance, and never a tenth. λ's error is that of products with random signs,
√(2·Σ_l R_m(l)²·Σ_x(D(x)·D(x + l))²), for noise is independent from place to place. Smooth light, offsets of rows and
columns, and single pixels that stand out are taken away first: they are no scene. Two frames of nothing but a fixed
pattern repeat that pattern; two that are equal are copies, and tell nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nrgan.frames.frame_set import FrameSet
from nrgan.frames.gaps import filled
from nrgan.frames.opened import Region

_MOST_PAIRS = 32
_MOST_SIDE = 512
"""Pixels of a frame's middle that are looked at."""
_LEAST_SIDE = 24
_BLOCK = 2
"""Side of the blocks whose means are compared."""
_NEAREST, _FARTHEST = 6, 32
"""Lags in pixels: beyond the reach of noise, and within that of a scene."""
_BESIDE = ((0, 3), (3, 0), (2, 2), (2, -2))
"""Steps to pixels that share a star, and hardly noise."""
_DETAIL = 0.1
"""Share of the pixels that are looked at as detail."""
_THERE, _SEEN = 5.0, 3.0
"""Standard errors from which on a scene is there, and a change is seen."""
_DIFFERING, _LEFT = 4.0, 0.1
"""λ of scenes that differ, and the share of it below which they do not."""
_ALLOWED, _MOST = 0.01, 0.1
"""Shares of the difference's variance that may be something else: seen beyond doubt, and in any case."""
_STAYS = 0.25
"""Share of what frames show that may lie at the same place in all."""
_COPY = 1e-6
"""Share of a frame's spread up to which two frames are equal."""
_SMOOTH = 16.0
"""Standard deviation in pixels of the blur whose result is light, not scene."""
_STANDS_OUT = 5.0
"""Times the spread around the median of 3x3 pixels up to which a pixel counts."""
_DEGREE = 4
"""Of the polynomial that is a lamp's light."""

Plane = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Repeats:
    """Pairs of frames that show one scene.

    pairs: numbers of the frames (a, b), a < b. share: of all pairs that were looked at.
    """

    pairs: tuple[tuple[int, int], ...]
    share: float

    def __post_init__(self) -> None:
        if not self.pairs or not 0 < self.share <= 1:
            raise ValueError(f"{len(self.pairs)} pairs, a share of {self.share}: there must be one pair at least")


def find_repeats(
    frames: FrameSet, most_pairs: int = _MOST_PAIRS, advance: Callable[[int], None] | None = None
) -> Repeats | None:
    """The pairs of neighbouring frames that repeat a scene; None where there are none, or where it cannot be told.

    Looks at `most_pairs` pairs at most, evenly spread: where the files say which images are repeats, at those; else at
    each with the next. Reads the middle of both frames, 512 pixels a side at most. advance: called with 1 for each.
    """
    pairs = neighbours(frames.scenes)
    pairs = [pairs[k * len(pairs) // most_pairs] for k in range(most_pairs)] if len(pairs) > most_pairs else pairs
    found, looked_at = [], 0
    for a, b in pairs:
        if advance is not None:
            advance(1)
        if (frames.sizes[a] != frames.sizes[b]).any() or frames.place(a) != frames.place(b):
            continue
        looked_at += 1
        if repeats_scene(_middle(frames, a), _middle(frames, b)):
            found.append((a, b))
    return Repeats(tuple(found), len(found) / looked_at) if found else None


def scene_stays(frames: FrameSet, most: int = _MOST_PAIRS) -> bool:
    """Whether much of what the frames show lies at the same place in all, moving parts and copies or not.

    λ = ΣR_M·R̄ / ΣR̄², R_M of the mean of up to `most` frames, evenly spread, R̄ the mean of R of each: 1 where one scene
    stays, 1/n where n frames differ. Much: a quarter, beyond doubt.
    """
    count = min(most, len(frames))
    chosen = [k * len(frames) // count for k in range(count)]
    there = [k for k in chosen if (frames.sizes[k] == frames.sizes[0]).all() and frames.place(k) == frames.place(0)]
    if len(there) < 2 or frames.sizes[0].min() < _LEAST_SIDE:
        return False
    total: Any = 0
    each: Any = 0
    for k in there:
        coarse = _means(_levelled(_middle(frames, k)))
        total, each = total + coarse, each + _autocovariance(coarse)
    share, error = _left(total / len(there), each / len(there))
    return share > _STAYS and share - _SEEN * error > 1 / len(there)


def neighbours(scenes: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Each frame and the next one of its scene; where no two are of one scene by the files, each and the next."""
    order = np.argsort(scenes, kind="stable")
    same = np.flatnonzero(scenes[order[1:]] == scenes[order[:-1]])
    if len(same):
        return [(int(order[k]), int(order[k + 1])) for k in same]
    return [(k, k + 1) for k in range(len(scenes) - 1)]


def repeats_scene(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """Whether two frames, (H, W) or (H, W, C) of any type, at the same place of the sensor, show one scene."""
    if a.shape != b.shape:
        raise ValueError(f"frames of shapes {a.shape} and {b.shape} are no pair")
    if min(a.shape[:2]) < _LEAST_SIDE:
        return False
    first, second = _levelled(a), _levelled(b)
    coarse = _means(first), _means(second)
    if not _both_show(*coarse):
        return False
    gain = _gain(*coarse)
    difference, mean = second - gain * first, (second + gain * first) / 2
    if difference.std() <= _COPY * mean.std():
        return False
    left, error = _left(_means(difference), _autocovariance(_means(mean)))
    noisy_too = _means(difference).var() / _means(mean).var()
    if min(left + _SEEN * error, noisy_too) > _LEFT * _DIFFERING:
        return False
    scene = max(0.0, gain * float(np.mean(coarse[0] * coarse[1])))
    found = [(left * scene, error * scene), *_along_gradient(difference, mean), _at_details(difference, mean)]
    noise = float(difference.var())
    return all(energy - _SEEN * by < _ALLOWED * noise and energy < _MOST * noise for energy, by in found)


def _middle(frames: FrameSet, index: int) -> npt.NDArray[Any]:
    height, width = (int(side) for side in frames.sizes[index])
    rows, columns = min(height, _MOST_SIDE), min(width, _MOST_SIDE)
    frame = frames.read(index, Region((height - rows) // 2, (width - columns) // 2, rows, columns))
    if frame.missing is None or frame.missing.all():
        return frame.pixels
    return filled(frame.pixels, frame.missing)


def _both_show(a: Plane, b: Plane) -> bool:
    """Whether their covariance is larger than for any other place of one against the other."""
    height, width = a.shape
    steps = [(i, j) for i in range(5) for j in range(5) if (i, j) != (0, 0)]
    moved = [float(np.mean(np.roll(a, (i * height // 5, j * width // 5), (0, 1)) * b)) for i, j in steps]
    here = float(np.mean(a * b))
    return here > max(*moved, float(np.mean(moved) + _THERE * np.std(moved)))


def _gain(a: Plane, b: Plane) -> float:
    """g of b = g·a, both noisy: the principal axis of their values."""
    of_a, of_b, both = (float(np.mean(x * y)) for x, y in ((a, a), (b, b), (a, b)))
    half = (of_b - of_a) / 2
    return (half + math.hypot(half, both)) / both


def _left(difference: Plane, weights: Plane, farthest: float = _FARTHEST) -> tuple[float, float]:
    """λ = ΣR_D·R / ΣR² over the lags, R the autocovariance `weights`, and its error."""
    height, width = weights.shape
    rows, columns = np.fft.fftfreq(height, 1 / height), np.fft.fftfreq(width, 1 / width)
    distance = _BLOCK * np.hypot(rows[:, None], columns[None])
    weights = np.where((distance >= _NEAREST) & (distance <= farthest), weights, 0)
    whole = float((weights**2).sum()) or 1.0
    variance = 2 * float((np.maximum(_autocovariance(difference**2), 0) * weights**2).sum()) / difference.size
    return float((_autocovariance(difference) * weights).sum()) / whole, math.sqrt(variance) / whole


def _autocovariance(blocks: Plane) -> Plane:
    """R(l) = mean X(x)·X(x + l) for all lags, without those around the edge."""
    shape = [2 * side for side in blocks.shape]
    power = np.abs(np.fft.rfft2(blocks, shape)) ** 2
    return np.asarray(np.fft.irfft2(power, shape)) / blocks.size


def _along_gradient(difference: Plane, mean: Plane) -> list[tuple[float, float]]:
    """The energy of D along the gradient of m, by rows and by columns, each with its error.

    Of what moves all together, and of what moves by itself: there only lags within an object count.
    """
    found = []
    for axis, farthest in ((axis, farthest) for axis in (0, 1) for farthest in (_FARTHEST, 2 * _NEAREST)):
        slope = ndimage.gaussian_filter1d(ndimage.gaussian_filter(mean, 1.0), 1.0, axis=axis, order=1)
        steep = _means(slope**2)
        squared_shift, error = _left(_means(difference * slope), _autocovariance(steep), farthest)
        found.append((squared_shift * float(steep.mean()), error * float(steep.mean())))
    return found


def _at_details(difference: Plane, mean: Plane) -> tuple[float, float]:
    """The energy of D that neighbours share more where m has detail than elsewhere, and its error: stars that differ.

    Noise may be stronger there, but its neighbours are related as everywhere.
    """
    detail = ndimage.gaussian_filter(mean**2, 1.5)
    there = detail > np.quantile(detail, 1 - _DETAIL)
    shared, errors = [], []
    for rows, columns in _BESIDE:
        products = difference * np.roll(difference, (rows, columns), (0, 1))
        usual = products[~there].sum() / (difference[~there] ** 2).sum()
        shared.append((products[there].sum() - usual * (difference[there] ** 2).sum()) / difference.size)
        errors.append(np.sqrt((products[there] ** 2).sum()) / difference.size)
    return float(np.mean(shared)), float(np.sqrt(np.mean(np.square(errors)) / len(errors)))


def _means(plane: Plane, block: int = _BLOCK) -> Plane:
    """Of blocks of so many pixels a side; what is left at the far edges is left out."""
    height, width = (side // block * block for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // block, block, width // block, block)
    return np.asarray(blocks.mean((1, 3)))


def _levelled(frame: npt.NDArray[Any]) -> Plane:
    """(H, W): the mean of the channels, each by its own spread, without light, offsets of lines, and single pixels."""
    channels = np.atleast_3d(np.asarray(frame, np.float64))
    return np.sum([_of_channel(channels[..., k]) for k in range(channels.shape[2])], axis=0) / channels.shape[2]


def _of_channel(plane: Plane) -> Plane:
    around = ndimage.median_filter(plane, 3, mode="mirror")
    rest = plane - around
    most = _STANDS_OUT * 1.4826 * float(np.median(np.abs(rest)))
    plane = around + np.clip(rest, -most, most) if most > 0 else plane
    plane = plane - _polynomial(plane)
    plane = plane - np.median(plane, axis=1, keepdims=True)
    plane = plane - np.median(plane, axis=0, keepdims=True)
    # last, for it takes away too by how much means exceed medians where all that is there is bright
    plane = plane - ndimage.gaussian_filter(plane, _SMOOTH, mode="mirror")
    plane = plane - plane.mean()
    return plane / (float(plane.std()) or 1.0)


def _polynomial(plane: Plane) -> Plane:
    """The polynomial in row and column that is nearest: a lamp's light, without a blur's trouble at the edges."""
    powers = [np.polynomial.legendre.legvander(np.linspace(-1, 1, side), _DEGREE) for side in plane.shape]
    block = max(1, min(plane.shape) // 32)
    coarse = _means(plane, block)
    by_row, by_column = (
        p[: n * block].reshape(n, block, -1).mean(1) for p, n in zip(powers, coarse.shape, strict=True)
    )
    terms = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    columns = np.stack([np.outer(by_row[:, i], by_column[:, j]).ravel() for i, j in terms], 1)
    weights = np.linalg.lstsq(columns, coarse.ravel(), rcond=None)[0]
    fitted = np.zeros(plane.shape)
    for (i, j), weight in zip(terms, weights, strict=True):
        fitted += weight * np.outer(powers[0][:, i], powers[1][:, j])
    return fitted
