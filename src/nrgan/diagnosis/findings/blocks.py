"""Blocks of 8x8 pixels: what compression with losses (JPEG, most video) leaves."""

from __future__ import annotations

import numpy as np

from nrgan.diagnosis.cells import Array, Doubles
from nrgan.diagnosis.findings.base import STANDARD_ERRORS, Finding, bootstrap
from nrgan.diagnosis.looked import Looked

_BLOCK = 8
_FEWEST = 24
_MORE = 0.05
"""Jumps at borders of blocks are larger than others by this share, at least."""
_PHASES = 1.0
"""Standard errors more, for it may be any of eight phases across and down."""


def compression_blocks(looked: Looked) -> Finding:
    """Jumps between blocks of 8x8 pixels, wherever the blocks begin."""
    name = "compression blocks"
    if min(looked.frames.shape[1:3]) < _FEWEST:
        return Finding(name, False)
    found = [_largest(_jumps(frames)) for frames in (looked.frames, looked.frames.transpose(0, 2, 1, 3))]
    # both ways: a grid has rows and columns
    strength, significance = min(found)
    if significance < STANDARD_ERRORS + _PHASES or strength < _MORE:
        return Finding(name, False, 0.0, "of jumps", None)
    words = f"jumps at the borders of blocks of 8x8 pixels ({strength:.0%} larger than others): files were compressed"
    advice = "use the files as the instrument wrote them; a model would learn the blocks as part of the images"
    return Finding(name, True, strength, "of jumps", strength / max(significance, 1e-9), words, advice)


def _jumps(frames: Array) -> Doubles:
    """(F, 8): mean jump between columns 8k + phase and the next, less the slope on either side."""
    d = np.diff(frames, axis=2)
    jump = np.abs(d[:, :, 1:-1] - (d[:, :, :-2] + d[:, :, 2:]) / 2).mean((1, 3), dtype=np.float64)
    jump = jump[:, : jump.shape[1] // _BLOCK * _BLOCK]
    # jump k lies between columns k + 1 and k + 2
    return np.roll(jump.reshape(len(jump), -1, _BLOCK).mean(1), 1, axis=1)


def _largest(jumps: Doubles) -> tuple[float, float]:
    """Of the phase that stands out most: by what share, and by how many standard errors."""
    best = (-1.0, 0.0)
    scale = jumps.mean(1, keepdims=True) + 1e-9
    for phase in range(_BLOCK):
        others = [p for p in range(_BLOCK) if p != phase]
        # the largest of the others: what is uneven for another reason is no grid
        excess = (jumps[:, phase] - jumps[:, others].mean(1)) / scale[:, 0]
        most = float(jumps[:, phase].mean() / max(jumps[:, others].mean(0).max(), 1e-9) - 1)
        error = max(bootstrap(excess), 1e-9)
        best = max(best, (min(float(excess.mean()), most), float(excess.mean()) / error))
    return best
