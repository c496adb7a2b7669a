"""What noise keeps and images break: which transformations tell one from the other.

A transformation of the noise separates it from the image only where images are not alike under it: micrographs are as
stationary and as mirror-symmetric as their noise, and then turns, flips and shifts tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Array, cell_means
from nrgan.diagnosis.findings.base import bootstrap
from nrgan.diagnosis.values import Diagnosis

_BROKEN = 5.0
"""Standard errors from which images are unlike their transformed copies."""
_MATTERS = 0.1
"""Of the deviation between images, or of an energy, what a difference must be to be of use."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Symmetry:
    """A transformation by its name among the invariances, a number of each image that it changes, and who keeps it."""

    invariance: str
    unlike: Callable[[Array], Values]
    """Of cell means, (N, rows, columns, C): 0 in the mean of images that are alike under the transformation."""
    kept_by_noise: Callable[[Diagnosis], bool]


def _top_to_bottom(means: Array) -> Values:
    half = means.shape[1] // 2
    return np.asarray(means[:, :half].mean((1, 2, 3)) - means[:, -half:].mean((1, 2, 3)), np.float64)


def _left_to_right(means: Array) -> Values:
    return _top_to_bottom(means.transpose(0, 2, 1, 3))


def _middle_to_rim(means: Array) -> Values:
    quarter = means.shape[1] // 4, means.shape[2] // 4
    middle = means[:, quarter[0] : -quarter[0], quarter[1] : -quarter[1]].mean((1, 2, 3))
    return np.asarray(middle - means.mean((1, 2, 3)), np.float64)


def _across_to_down(means: Array) -> Values:
    across, down = (np.square(np.diff(means, axis=axis)).mean((1, 2, 3)) for axis in (2, 1))
    return np.asarray((across - down) / np.maximum(across + down, 1e-12), np.float64)


def _bright_to_dark(means: Array) -> Values:
    apart = means - means.mean((1, 2), keepdims=True)
    scale = np.maximum(np.sqrt(np.square(apart).mean((1, 2, 3))), 1e-6)
    return np.asarray((apart**3).mean((1, 2, 3)) / scale**3, np.float64)


def _alike_both_ways(found: Diagnosis) -> bool:
    return found.finding("one-axis correlation") is None and not _striped(found)


def _striped(found: Diagnosis) -> bool:
    return found.finding("row offsets") is not None or found.finding("column offsets") is not None


def _anyway(found: Diagnosis) -> bool:
    return True


def _as_often_positive(found: Diagnosis) -> bool:
    return found.finding("few photons") is None and found.finding("impulses") is None


_SYMMETRIES = (
    _Symmetry("flip-down", _top_to_bottom, _anyway),
    _Symmetry("flip-across", _left_to_right, _anyway),
    _Symmetry("shifts", _middle_to_rim, lambda found: found.finding("fixed pattern") is None),
    _Symmetry("quarter-turns", _across_to_down, _alike_both_ways),
    _Symmetry("invert", _bright_to_dark, _as_often_positive),
)


def separating(found: Diagnosis, images: Array) -> tuple[str, ...]:
    """Names of the invariances that the noise keeps and the images, (N, H, W, C) of any scale, break."""
    means = cell_means(np.asarray(images, np.float32))
    if min(means.shape[1:3]) < 4:
        return ()
    return tuple(s.invariance for s in _SYMMETRIES if s.kept_by_noise(found) and _breaks(s.unlike(means)))


def _breaks(unlike: Values) -> bool:
    mean, error = float(unlike.mean()), bootstrap(unlike)
    return abs(mean) > _BROKEN * error and abs(mean) > _MATTERS * float(unlike.std())
