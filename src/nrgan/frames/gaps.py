"""Pixels that have no value: where they lie, and what is put there for training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

CELL = 8
"""Side of the cells in which they are counted."""

Mask = npt.NDArray[np.bool_]
Cells = npt.NDArray[np.uint8]


def counted(missing: Mask) -> Cells:
    """How many pixels of each cell are missing, (rows, columns); cells at the far edges may be cut."""
    height, width = missing.shape
    padded = np.pad(missing, ((0, -height % CELL), (0, -width % CELL)))
    cells = padded.reshape(padded.shape[0] // CELL, CELL, padded.shape[1] // CELL, CELL)
    return cells.sum((1, 3), dtype=np.uint8)


def missing_share(cells: Cells, top: int, left: int, side: int) -> float:
    """At most this share of a square is missing: of the cells that it touches, all that is missing."""
    rows = slice(top // CELL, -(-(top + side) // CELL))
    columns = slice(left // CELL, -(-(left + side) // CELL))
    return float(cells[rows, columns].sum(dtype=np.int64)) / side**2


def filled(pixels: npt.NDArray[Any], missing: Mask) -> npt.NDArray[Any]:
    """The square (H, W, C) with the nearest pixel's value wherever there is none: the noise keeps its level."""
    nearest: Any = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(pixels[tuple(nearest)])
