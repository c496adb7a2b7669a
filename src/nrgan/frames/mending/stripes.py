"""Offsets of whole rows and of whole columns, of each frame by itself.

The offset o of a row is first found by repeating

    o ← o + median over columns of (u − mean of u in the 8 rows above and the 8 below),    u = v − o :

what most columns of a row share, and the rows near it do not. Then the image's own part is left out, which varies
slowly from row to row where stripes do not: left and right parts of the frames, a quarter apart, share stripes, but
neither noise nor structure. With ρ the correlation of their offsets in an octave of frequencies along the column, over
all frames, R = kρ/(1 + (k − 1)ρ) of that octave of o is subtracted (a Wiener filter; k: how much longer a whole row is
than such a part); none of it where ρ may be chance. 1 − R of its variance is left. Columns alike.
A straight line along a row across more than half of the image cannot be told from a stripe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from nrgan.frames.mend import Mend, Native, Part
from nrgan.frames.mending.base import Given, Row, whole
from nrgan.frames.parallel import in_order
from nrgan.progress import prepared

_NEAR, _ROUNDS = 8, 4
_PART = 3 / 8
"""Of a line, on each side."""
_OCTAVES = 5
_SURE = 4.0
"""Standard errors of the correlation of nothing from which on an octave has stripes."""
_WORTH = 0.5
"""Share of the offsets, in the octave that has most of it, that must be stripes."""

Plane = npt.NDArray[np.float32]
Offsets = list[Plane]
"""Of each frame, (H, C) or (W, C)."""


@dataclass(frozen=True, eq=False)
class Stripes(Mend):
    """rows, columns: what is subtracted from each frame; None where there are no such offsets."""

    rows: Offsets | None
    columns: Offsets | None
    said: str

    def apply(self, part: Part) -> Native:
        pixels = part.pixels
        height, width = pixels.shape[:2]
        if self.rows is not None:
            pixels = pixels - self.rows[part.frame][part.top : part.top + height, None]
        if self.columns is not None:
            pixels = pixels - self.columns[part.frame][None, part.left : part.left + width]
        return pixels


@dataclass
class _Lines:
    """The offsets of one kind of line in all frames, and what two parts of each have in common, by octaves."""

    name: str
    offsets: Offsets = field(default_factory=list)
    shared: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(_OCTAVES))
    spread: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(_OCTAVES))
    count: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(_OCTAVES))

    def add(self, offsets: Plane, first: Plane, second: Plane) -> None:
        """Of one frame: the offsets, and those that its two parts have by themselves."""
        self.offsets.append(offsets)
        one, other = _spectrum(first), _spectrum(second)
        octave = _octaves(len(offsets))
        for sums, powers in ((self.shared, one * other), (self.spread, (one**2 + other**2) / 2)):
            np.add.at(sums, octave, powers.sum(1))
        np.add.at(self.count, octave, offsets.shape[1])

    def stripes(self) -> tuple[Offsets | None, str]:
        """What is to be subtracted, and words on it."""
        correlation = self.shared / np.maximum(self.spread, 1e-300)
        correlation[correlation < _SURE / np.sqrt(np.maximum(self.count, 1))] = 0
        longer = 1 / _PART
        share = longer * correlation / (1 + (longer - 1) * correlation)
        if share.max() < _WORTH:
            return None, f"no offsets of {self.name} were found"
        found = [_filtered(offsets, share) for offsets in self.offsets]
        power = np.maximum(self.shared, 0)
        left = math.sqrt(float((power * (1 - share)).sum() / power.sum()))
        level = math.sqrt(float(np.mean(np.concatenate(found) ** 2)))
        return found, f"offsets of {self.name} (rms {level:.3g}, about {left:.0%} of them left)"


def _spectrum(offsets: Plane) -> npt.NDArray[np.float64]:
    return np.asarray(fft.dct(offsets.astype(np.float64), axis=0, norm="ortho"))


def _octaves(lines: int) -> npt.NDArray[np.intp]:
    """Of each frequency of the cosine transform, from 0, the slowest and all below it."""
    cycles = np.maximum(np.arange(lines), 1) / lines
    return np.clip(_OCTAVES + np.floor(np.log2(cycles)), 0, _OCTAVES - 1).astype(np.intp)


def _filtered(offsets: Plane, share: npt.NDArray[np.float64]) -> Plane:
    spectrum = _spectrum(offsets) * share[_octaves(len(offsets))][:, None]
    spectrum[0] = 0  # the frame's own level
    return np.asarray(fft.idct(spectrum, axis=0, norm="ortho"), np.float32)


def offsets_of_rows(pixels: Native) -> Plane:
    """The first o of the module's docstring, (H, C), for (H, W, C)."""
    found = np.zeros((pixels.shape[0], pixels.shape[2]), np.float32)
    size = 2 * _NEAR + 1
    for _ in range(_ROUNDS):
        left = pixels - found[:, None]
        near = (ndimage.uniform_filter1d(left, size, axis=0, mode="mirror") * size - left) / (size - 1)
        found += np.median(left - near, axis=1)
        found -= found.mean(0)  # where all that is there is bright, every median lies below the mean
    return found


def _looked_at(pixels: Native) -> tuple[Plane, Plane, Plane]:
    """The offsets of all rows, and of their left and their right parts."""
    length = max(1, round(_PART * pixels.shape[1]))
    return offsets_of_rows(pixels), offsets_of_rows(pixels[:, :length]), offsets_of_rows(pixels[:, -length:])


def _make(given: Given) -> Stripes:
    frames = given.frames
    advance = prepared(given.preparing, f"stripes of {frames.path}", len(frames))

    def found(index: int) -> tuple[tuple[Plane, Plane, Plane], tuple[Plane, Plane, Plane]]:
        pixels = whole(frames, index).pixels
        return _looked_at(pixels), _looked_at(np.ascontiguousarray(pixels.swapaxes(0, 1)))

    rows, columns = _Lines("rows"), _Lines("columns")
    for of_rows, of_columns in in_order(found, range(len(frames))):
        rows.add(*of_rows)
        columns.add(*of_columns)
        advance(1)
    (by_row, on_rows), (by_column, on_columns) = rows.stripes(), columns.stripes()
    begin = "Not mended: " if by_row is None and by_column is None else "Mended: "
    return Stripes(by_row, by_column, f"{begin}{on_rows}; {on_columns}.")


ROW = Row("offsets of rows and columns of each frame are taken away", _make)
