"""What differs between the four places (row mod 2, column mod 2) of a sensor: nothing of a scene does.

Of colours that were interpolated from a filter array (demosaiced) noise is less where a colour was not measured; lines
that are read in turn by two amplifiers, or at two moments, have offsets of their own.
"""

from __future__ import annotations

import numpy as np

from nrgan.diagnosis.cells import Array, Doubles
from nrgan.diagnosis.findings.base import STANDARD_ERRORS, Finding, bootstrap
from nrgan.diagnosis.looked import Looked, residuals

_BLOCK = 8
_FEWEST_UNITS = 12
"""Frames, or rows or columns of blocks, from which on resampling them tells their spread."""
_CONTRASTS = {
    "even and odd rows": (np.array([[1, 1], [-1, -1]]), 1.5),
    "even and odd columns": (np.array([[1, -1], [1, -1]]), 1.5),
    "the fields of a chessboard": (np.array([[1, -1], [-1, 1]]), 1.0),
}
"""Signs, and what `residuals` makes of a pattern of them: of the 8 neighbours 6, 6 and 4 have the other one."""
_CHOICES = 1.0
"""Standard errors more, for it may be any contrast of any channel."""
_MORE = 0.15
"""Of the energy, at least: edges that were drawn on a grid of pixels prefer some places by up to half as much."""
_CLIP = 3.0


def mosaic(looked: Looked) -> Finding:
    """Noise that differs between the places of a 2x2 mosaic."""
    name, frames = "mosaic", looked.frames
    count, (height, width) = len(frames), (side // _BLOCK for side in frames.shape[1:3])
    if max(count, height, width) < _FEWEST_UNITS or min(height, width) < 2:
        return Finding(name, False)
    if float(np.median(looked.level)) <= max(looked.step, looked.faintest):  # slopes that were rounded make grids too
        return Finding(name, False, 0.0, "of the energy", None)
    residual = residuals(frames)
    if count >= _FEWEST_UNITS:
        residual -= residual.mean(0, keepdims=True)  # a fixed pattern lies at places too
    scale = np.median(np.abs(residual), axis=(1, 2, 3), keepdims=True) / 0.6745
    energy = _phases(np.minimum(np.abs(residual), _CLIP * scale) ** 2)
    total = np.maximum(energy.sum((3, 4)), 1e-12)
    found = [_with_error((energy * signs[..., None]).sum((3, 4)) / total) for signs, _ in _CONTRASTS.values()]
    shares, errors = (np.array(values) for values in zip(*found, strict=True))  # (contrasts, C)
    strength = float(np.sqrt((shares**2).sum(0).mean()))
    if (np.abs(shares) / errors).max() < STANDARD_ERRORS + _CHOICES or strength < _MORE:
        return Finding(name, False, 0.0, "of the energy", None)
    words = (
        f"fine detail differs between the places of a 2x2 mosaic (its energy by {strength:.0%}): pixels were"
        " interpolated, as colours of a filter array are"
    )
    advice = "use the raw values, or means over 2x2 pixels: interpolated noise is not alike at all places"
    return Finding(name, True, strength, "of the energy", float(errors.max()), words, advice)


def alternation(first: Doubles, second: Doubles) -> tuple[float, float, str]:
    """The level of a pattern of 2x2 pixels that two means of residuals, (H, W, C), share, its standard error, and what
    differs most in it; 0, 0 and "" where it may be chance.
    """
    power, error = {}, 0.0
    for name, (signs, kept) in _CONTRASTS.items():
        (a, of_a), (b, of_b) = (
            _with_error((_phases(np.asarray(half[None], np.float32)) * signs[..., None]).mean((3, 4)))
            for half in (first, second)
        )
        sure = (np.minimum(np.abs(a) / of_a, np.abs(b) / of_b) > STANDARD_ERRORS + _CHOICES) & (a * b > 0)
        power[name] = float(np.where(sure, a * b, 0).mean() / kept**2)
        error = max(error, float(np.maximum(of_a, of_b)[sure].max(initial=0.0)) / kept)
    level = float(np.sqrt(sum(power.values())))
    return level, error, max(power, key=lambda name: power[name]) if level > 0 else ""


def without_alternation(mean: Doubles) -> Doubles:
    """(H, W, C) without what differs between the places of a 2x2 mosaic."""
    out = mean.copy()
    for i, j in ((i, j) for i in range(2) for j in range(2)):
        out[i::2, j::2] -= mean[i::2, j::2].mean((0, 1))
    return out


def _phases(values: Array) -> Doubles:
    """Means of (F, H, W, C) over each place of the mosaic in blocks, (F, blocks down, blocks across, 2, 2, C)."""
    f, h, w, c = values.shape
    rows, columns = h // _BLOCK, w // _BLOCK
    cut = values[:, : rows * _BLOCK, : columns * _BLOCK].reshape(f, rows, _BLOCK // 2, 2, columns, _BLOCK // 2, 2, c)
    return np.asarray(cut.mean((2, 5), dtype=np.float64).transpose(0, 1, 3, 2, 4, 5))


def _with_error(values: Doubles) -> tuple[Doubles, Doubles]:
    """Means of (F, rows, columns, C), (C,), and their standard errors: the largest over frames, rows or columns.

    Over all blocks, where there are few of each.
    """
    units = [values.mean(axes) for axes in ((1, 2), (0, 2), (0, 1))]
    units = [unit for unit in units if len(unit) >= _FEWEST_UNITS] or [values.reshape(-1, values.shape[3])]
    channels = range(values.shape[3])
    errors = [max(bootstrap(unit[:, c]) for unit in units) for c in channels]
    return values.mean((0, 1, 2)), np.maximum(errors, 1e-9)
