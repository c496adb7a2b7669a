"""Row and column offsets: one number added to each row, afresh in every frame.

Far parts of one row share an offset, and nothing else that is as fine as a row: of second differences from row to row,
the signs agree across the image. Structure of the image that runs along a row agrees too, but ever less with distance.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.cells import Array, Doubles
from nrgan.diagnosis.findings.base import STANDARD_ERRORS, Finding, bootstrap, in_blocks, robust_scale
from nrgan.diagnosis.findings.fixed import FEWEST_FRAMES
from nrgan.diagnosis.looked import Looked

_PARTS = 4
"""Of a row, whose signs are compared."""
_DECAY = 0.65
"""Of the agreement of neighbouring parts that is the image's, at most this share is left between the first and the
last: straight edges through whole images are rare."""
_KEPT = 4.375
"""The variance of the filtered offsets over that of the offsets: the sum of the filter's squared weights."""
_NARROWEST = 32
"""Pixels along a stripe: within fewer, an image may be alike from end to end."""
_BLOCK = 16
_MOST = 0.97
_EDGE, _BESIDE = 3.0, 2
"""Robust standard deviations of rows beyond which one holds an edge, and how many beside it the filter reaches."""


def row_offsets(looked: Looked) -> Finding:
    """Offsets of rows."""
    return _offsets(looked, "row offsets", looked.frames)


def column_offsets(looked: Looked) -> Finding:
    """Offsets of columns."""
    return _offsets(looked, "column offsets", looked.frames.transpose(0, 2, 1, 3))


def _offsets(looked: Looked, name: str, frames: Array) -> Finding:
    if frames.shape[1] < 16 or frames.shape[2] < _NARROWEST:
        return Finding(name, False)
    parts, heeded = _parts(frames)
    if looked.differ and len(frames) >= FEWEST_FRAMES:  # what is the same in all of them is the sensor's pattern
        parts = [part - part.mean(0) for part in parts]
    near = np.mean([_agreement(parts[i], parts[i + 1]) for i in range(_PARTS - 1)], axis=0)
    far = _agreement(parts[0], parts[-1])
    units = in_blocks((far - _DECAY * near) / (1 - _DECAY), ~_edges(parts), _BLOCK)
    shared, error = float(units.mean()), bootstrap(units)
    # of two normal variables, signs agree by the arcsine of their correlation (Greiner's relation)
    correlation = math.sin(math.pi / 2 * min(max(shared, 0.0), _MOST))
    scale = robust_scale(parts[0]) * robust_scale(parts[-1])
    strength = math.sqrt(correlation * scale / _KEPT) / heeded
    of_error = strength * error / max(2 * shared, 1e-9)
    seen = shared > STANDARD_ERRORS * error and strength > looked.faintest
    what = name.partition(" ")[0]
    if not seen:
        return Finding(name, False, 0.0, "of 255", None)
    words = f"each {what} has an offset of its own, fresh in every image ({strength:.2g} of 255)"
    return Finding(
        name, True, strength, "of 255", of_error, words, "<mend> stripes takes off what stands out of the noise"
    )


def _parts(frames: Array) -> tuple[list[Doubles], float]:
    """Means over parts of rows of differences from row to row, (F, H − 4, C) each, clipped; and the share that is not.

    An offset moves the mean by what it is times the share of values that are not clipped.
    """
    d: Array = frames
    for _ in range(2):
        d = np.asarray(d[:, 1:-1] - (d[:, :-2] + d[:, 2:]) / 2, np.float32)
    scale = np.median(np.abs(d), axis=(1, 2, 3), keepdims=True) / 0.6745
    heeded = max(float((np.abs(d) < scale).mean()), 0.1)
    d = np.asarray(np.clip(d, -scale, scale), np.float32)
    width = d.shape[2] // _PARTS
    return [d[:, :, i * width : (i + 1) * width].mean(2, dtype=np.float64) for i in range(_PARTS)], heeded


def _edges(parts: list[Doubles]) -> npt.NDArray[np.bool_]:
    """Rows, (F, H), in which something stands out along the whole row, and those beside: an edge, as a horizon's.

    Offsets are as large in one row as in others.
    """
    whole = np.mean(parts, axis=0)
    out = (np.abs(whole) > _EDGE * robust_scale(whole)).any(2)
    wide = np.pad(out, ((0, 0), (_BESIDE, _BESIDE)))
    return np.asarray(np.any([wide[:, i : i + out.shape[1]] for i in range(2 * _BESIDE + 1)], axis=0))


def _agreement(a: Doubles, b: Doubles) -> Doubles:
    """Of the signs in each row, (F, H): 1 for equal ones, −1 for opposite ones, 0 in the mean by chance."""
    return np.sign(a * b).mean(2)
