"""What is known of the noise at each place: from differences within images, or from repeats of a scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.arrangement import Arrangement, arranged, arranged_in_repeats
from nrgan.diagnosis.cells import CELL, Array, Smoothness, cell_means, mixed_difference, texture
from nrgan.diagnosis.curve import Bins, Curve, choose_bins, fit_curve, one_bin
from nrgan.diagnosis.dependence import NOTHING_TOLD
from nrgan.diagnosis.differences import Difference
from nrgan.diagnosis.looked import Looked
from nrgan.errors import UserError

_FEWEST_CELLS = 500
_SMOOTHEST = 5
"""Tenths of cells, the smoothest, that the noise-level curve is taken from: within an edge there is no one signal."""
_SMOOTHER, _LEAST_TEXTURED = 0.4, 0.05
"""Quantiles of texture among cells of one signal: up to which they are smooth, and that of those which noise alone
makes uneven."""
_SMOOTHEST_OF_SIGNAL = 0.1
"""The same where correlation is told from texture: there is more of it than of level."""
_FEWEST_IN_BIN = 30
_SPIKE = 8.0
"""Times the median energy of its signal: of 16 values, chance gives no such mean."""
_NOISE_IN_TEXTURE = 1 / 18
"""Variance of the means of nine cells of 16 pixels, of white noise: 8/9 of a sixteenth."""
_UNEVEN = 2.0
"""Times the usual relative spread of energies, from which a signal lies at edges alone."""
_TILE = 64
"""Pixels a side of the parts that pairs of frames are cut into: the units that are resampled."""
_MOST_VALUES = 8_000_000
_PADDED = 0.02
"""Share of one value, from which places that have nothing else may be padding."""


@dataclass(frozen=True)
class Cells:
    """Energies of differences in cells, beside the signal and the texture there."""

    energy: Array
    """(N, rows, columns): over the difference's response, so that its mean is σ²."""
    signal: Array
    """(N, rows, columns, C)."""
    textured: Array
    """What of the energy is thought to be texture."""
    valid: npt.NDArray[np.bool_]
    """Cells whose channels all lie in bins of the signal that can be used."""
    smooth: npt.NDArray[np.bool_]
    bins: Bins
    """Of the signal."""
    pattern: float = 0.0
    """Energy of what is the same in all frames, which was taken off."""

    def curve(self, without_texture: bool) -> Curve:
        textured = self.textured if without_texture else np.zeros_like(self.textured)
        return fit_curve(self.energy - textured, self.signal, self.valid & self.smooth, textured, self.bins)


@dataclass(frozen=True)
class Evidence:
    """Images, how the noise lies in them, and its energy in cells.

    y: (N, H, W, C) on 0..255; of repeats, the means of two frames. smooth: how textured the cells of y are.
    """

    y: Array
    smooth: Smoothness
    seen: Arrangement
    cells: Cells


def in_images(
    y: Array, counts: bool = False, spiky: bool = False, pattern: Callable[[Difference], float] | None = None
) -> Evidence:
    """From differences within images.

    counts: black is a count of none, and nothing was cut there. spiky: single pixels stand out, and are left out.
    pattern: the energy of what is the same in all frames, in a difference; None where there is none.

    Raises `UserError` where nearly all is black or white.
    """
    signal = cell_means(y)
    clipped = cell_means(((y >= 255) if counts else (y <= 0) | (y >= 255)).astype(np.float32))
    try:
        return _in_bins(y, choose_bins(signal, clipped), spiky, pattern)
    except UserError:  # nothing in any bin by itself
        return _in_bins(y, one_bin(signal, clipped), spiky, pattern)


def _in_bins(y: Array, bins: Bins, spiky: bool, pattern: Callable[[Difference], float] | None) -> Evidence:
    """The same, with signals in these bins."""
    t, signal = texture(y), cell_means(y)
    smooth = Smoothness(t, bins.all_usable(signal))
    if smooth.cells < _FEWEST_CELLS:
        raise UserError(NOTHING_TOLD)
    quieter = t - _of_noise(y)
    seen = arranged(y, smooth, _smoother(quieter, signal, bins, _SMOOTHEST_OF_SIGNAL))
    energy = (seen.difference.of(seen.z) ** 2).mean(3, keepdims=True) / np.float32(seen.response)
    signal = cell_means(seen.difference.signal(y))
    inside = np.s_[:, : signal.shape[1], : signal.shape[2]]
    of_cells, valid = cell_means(energy)[..., 0], bins.all_usable(signal)
    if spiky:
        valid &= ~_spikes(of_cells, signal, bins)
    fixed = pattern(seen.difference) / seen.response if pattern else 0.0
    of_cells = of_cells - np.float32(fixed)
    if seen.z.shape[3] == y.shape[3]:
        valid &= ~_uneven(of_cells, signal, bins, valid)
        chosen = _smoother(quieter[inside], signal, bins)
        textured = _textured(quieter[inside], of_cells, signal, bins, chosen & valid)
    else:
        slope = max(float(smooth.extrapolate(energy).slope[0]), 0.0)
        chosen, textured = smooth.group[inside] < _SMOOTHEST, slope * t[inside]
    cells = Cells(of_cells, signal, textured, valid, chosen, bins, fixed)
    if not cells.curve(without_texture=False).known.any():
        raise UserError(NOTHING_TOLD)
    return Evidence(y, smooth, seen, cells)


def _spikes(energy: Array, signal: Array, bins: Bins) -> npt.NDArray[np.bool_]:
    """Cells with far more energy than others of their signal: what holds a single pixel that stands out."""
    of = bins.of(signal.mean(3))
    out = np.zeros(energy.shape, bool)
    for number in range(bins.count):
        inside = of == number
        if inside.any():
            out |= inside & (energy > _SPIKE * np.median(energy[inside]))
    return out


def _by_signal(signal: Array, bins: Bins, valid: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.bool_]]:
    """Cells of one signal after the other."""
    of = bins.of(signal.mean(3))
    for number in range(bins.count):
        inside = valid & (of == number)
        if inside.sum() >= _FEWEST_IN_BIN:
            yield inside


def _of_noise(y: Array) -> Array:
    """What white noise adds to the texture of each image, (N, 1, 1): images with less noise are no smoother."""
    energy = cell_means((mixed_difference(y, 1) ** 2).mean(3, keepdims=True))
    return np.asarray(np.median(energy, axis=(1, 2, 3), keepdims=True)[..., 0] * _NOISE_IN_TEXTURE, np.float32)


def _uneven(energy: Array, signal: Array, bins: Bins, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Cells of signals whose energies are far more uneven than those of others: they are found at edges alone."""
    groups = list(_by_signal(signal, bins, valid))
    quartiles = [np.quantile(energy[group], (0.25, 0.5, 0.75)) for group in groups]
    unlike = [float((high - low) / max(middle, 1e-12)) for low, middle, high in quartiles]
    usual = float(np.median(unlike)) if unlike else 0.0
    out = np.zeros(energy.shape, bool)
    for group, dispersion in zip(groups, unlike, strict=True):
        if dispersion > _UNEVEN * usual:
            out |= group
    return out


def _smoother(t: Array, signal: Array, bins: Bins, share: float = _SMOOTHER) -> npt.NDArray[np.bool_]:
    """The smoother cells of each signal.

    Bright places are often textured and noisy at once: noise is told from texture among cells of one signal.
    """
    smooth = np.zeros(t.shape, bool)
    for inside in _by_signal(signal, bins, bins.all_usable(signal)):
        smooth |= inside & (t <= np.quantile(t[inside], share))
    return smooth


def _textured(t: Array, energy: Array, signal: Array, bins: Bins, chosen: npt.NDArray[np.bool_]) -> Array:
    """What of the energy is texture: what it grows by among chosen cells of one signal.

    The texture of the smoothest is that of noise.
    """
    above, products, squares = np.zeros_like(t), 0.0, 0.0
    for inside in _by_signal(signal, bins, chosen):
        above[inside] = np.maximum(t[inside] - np.quantile(t[inside], _LEAST_TEXTURED), 0)
        apart = above[inside] - above[inside].mean()
        weight = 1 / max(float(energy[inside].mean()) ** 2, 1e-12)
        products += weight * float((apart * energy[inside]).sum())
        squares += weight * float((apart**2).sum())
    slope = products / squares if squares > 0 else 0.0
    return np.asarray(max(slope, 0.0) * above, np.float32)


def in_repeats(looked: Looked, counts: bool = False) -> Evidence | None:
    """From the differences of pairs of frames that repeat a scene; None where they hold too little. counts: as above"""
    y, z, padded = _pairs(looked)
    signal = cell_means(y)
    # a count of none is no padding
    there = cell_means(padded)[..., 0] == 0 if not counts else np.ones(signal.shape[:3], bool)
    bins = choose_bins(signal[there][:, None, None], np.zeros_like(signal[there][:, None, None]))
    valid = bins.all_usable(signal) & there
    if valid.sum() < _FEWEST_CELLS:
        return None
    seen = arranged_in_repeats(z)
    energy = cell_means((z**2).mean(3, keepdims=True))[..., 0]
    nothing = np.zeros_like(energy)
    cells = Cells(energy, signal, nothing, valid, np.ones_like(valid), bins)
    return Evidence(y, Smoothness(nothing, valid), seen, cells)


def _padding(first: Array, second: Array) -> npt.NDArray[np.float32]:
    """Pixels, (H, W, 1), that two frames were filled with, 1 there: no sensor saw them."""
    values, counts = np.unique(first[::3, ::3], return_counts=True)
    if counts.max() < _PADDED * counts.sum():
        return np.zeros((*first.shape[:2], 1), np.float32)
    filled = (first == values[counts.argmax()]) & (first == second)
    return filled.all(2, keepdims=True).astype(np.float32)


def _pairs(looked: Looked) -> tuple[Array, Array, Array]:
    """Means of two frames of a scene, their differences over √2, and what is padding, in parts, (N, h, w, C or 1)."""
    height, width, channels = looked.frames.shape[1:]
    h, w = (_TILE if side >= _TILE else side // CELL * CELL for side in (height, width))
    most = max(_MOST_VALUES // (height * width * channels), 1)
    means, differences, padding = [], [], []
    for a, b in looked.pairs[np.linspace(0, len(looked.pairs) - 1, min(most, len(looked.pairs))).astype(int)]:
        first, second = looked.frames[a], looked.frames[b]
        # lamps and dyes fade between frames: a gain over the files' own zero
        above = first - np.float32(looked.zero), second - np.float32(looked.zero)
        gain = np.float32((above[0] * above[1]).sum() / max(float((above[1] ** 2).sum()), 1e-6))
        scaled = above[1] * gain + np.float32(looked.zero)
        difference = (first - scaled) / np.sqrt(1 + gain**2)
        means.append(_parts((first + scaled) / 2, h, w))
        padded = _padding(first, second)
        seen = np.float32(1) - padded
        differences.append(_parts((difference - difference.sum((0, 1)) / max(seen.sum(), 1)) * seen, h, w))
        padding.append(_parts(padded, h, w))
    return np.concatenate(means), np.concatenate(differences), np.concatenate(padding)


def _parts(frame: Array, h: int, w: int) -> Array:
    rows, columns = frame.shape[0] // h, frame.shape[1] // w
    whole = frame[: rows * h, : columns * w]
    return whole.reshape(rows, h, columns, w, -1).transpose(0, 2, 1, 3, 4).reshape(rows * columns, h, w, -1)
