"""Standard normal fields whose neighbouring pixels are correlated: white noise filtered, the same up to the border.

A field of autocorrelation r has the power spectrum S = F r, which is nowhere negative. White noise filtered by the
symmetric kernel F⁻¹√S has that spectrum (Wiener & Khinchin). It is drawn on an image that is larger by the kernel's
radius on every side, so that its law is the same in a corner as in the middle.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.errors import UserError

Correlation = tuple[tuple[float, ...], ...]
"""[dy][dx] from lag 0 on, r(dy, dx) = r(dy, −dx) = r(−dy, dx); () is white."""
Doubles = npt.NDArray[np.float64]

LONGEST = 9
"""Lags, 0 among them, that may be told of an axis."""
_PERIOD = 64
"""Pixels after which the spectrum's own grid repeats: many times the longest lag."""
_RADIUS = 12
_CLOSE = 0.005
"""Change of a correlation that a smaller kernel may cost."""
_FAR = 0.05
"""Change of a correlation from which on the noise would not be the one that was told."""
_PROJECTIONS = 300
_ROUNDING = 1e-9


def check_correlation(owner: object, field: str, r: Correlation) -> None:
    """Raises `UserError` unless there is noise of the autocorrelation r, or nearly (0.05 in each entry)."""
    said = f"{type(owner).__name__}: {field}"
    if not r:
        return
    if len(r) > LONGEST or len({len(row) for row in r}) != 1 or not 1 <= len(r[0]) <= LONGEST:
        raise UserError(f"{said} must be rows of equal length, {LONGEST} lags of {LONGEST} at most")
    if abs(r[0][0] - 1) > 1e-6 or not all(abs(entry) <= 1 for row in r for entry in row):
        raise UserError(f"{said} must be 1 at lag 0, and within -1..1 at all others")
    change = float(np.abs(given_correlation(r) - np.array(r)).max())
    if change > _FAR:
        raise UserError(
            f"{said} is that of no noise: the nearest that there is differs by {change:.2f}, and {_FAR} is the most; "
            "take correlations that were measured together"
        )


def given_correlation(r: Correlation) -> Doubles:
    """The autocorrelation that fields of `r` really have, at the lags of r: what the kernel gives.

    It differs where no noise has r, which is then projected onto those that there are, and by what the kernel's size
    cuts off.
    """
    return _autocorrelation(kernel_of(r))[: len(r) or 1, : len(r[0]) if r else 1]


def _autocorrelation(kernel: Doubles) -> Doubles:
    spectrum = np.abs(np.fft.fft2(kernel, (_PERIOD, _PERIOD))) ** 2
    return np.fft.ifft2(spectrum).real[:LONGEST, :LONGEST] / (kernel**2).sum()


@lru_cache
def kernel_of(r: Correlation) -> Doubles:
    """The symmetric kernel k, odd square, ‖k‖ = 1, of the smallest size that gives r as well as the largest one.

    [[1]] where r is white.
    """
    told = np.array(r) if r else np.ones((1, 1))
    whole, middle = np.fft.fftshift(np.fft.ifft2(np.sqrt(_spectrum(told))).real), _PERIOD // 2
    kernels = []
    for radius in range(_RADIUS + 1):
        window = slice(middle - radius, middle + radius + 1)
        kernels.append(whole[window, window] / np.sqrt((whole[window, window] ** 2).sum()))
    given = [_autocorrelation(k)[: told.shape[0], : told.shape[1]] for k in kernels]
    # what no kernel gives is not the fault of the small ones
    return next(k for k, r_of_k in zip(kernels, given, strict=True) if np.abs(r_of_k - given[-1]).max() < _CLOSE)


def _spectrum(told: Doubles) -> Doubles:
    """A spectrum, nowhere negative, of noise with the correlations told, (64, 64).

    Correlations at larger lags, which nobody has told, begin as 0. Where that makes the spectrum negative, clipping it
    and putting what was told back take turns (projections onto two convex sets, Papoulis & Gerchberg), which gives the
    larger lags what it takes.
    """
    height, width = told.shape
    lags = np.zeros((_PERIOD, _PERIOD))
    for y in (1, -1):
        for x in (1, -1):
            lags[np.ix_(y * np.arange(height) % _PERIOD, x * np.arange(width) % _PERIOD)] = told
    known, free = lags, np.ones_like(lags, bool)
    free[np.ix_(*(np.r_[0:n, _PERIOD - n + 1 : _PERIOD] for n in (height, width)))] = False
    for _ in range(_PROJECTIONS):
        spectrum = np.fft.fft2(lags).real
        if spectrum.min() > -_ROUNDING:
            break
        lags = np.where(free, np.fft.ifft2(np.maximum(spectrum, 0)).real, known)
    return np.maximum(np.fft.fft2(lags).real, 0)


def margin(r: Correlation) -> int:
    """Pixels on each side by which white noise must be larger than the field made of it."""
    return len(kernel_of(r)) // 2


def filtered(white: Doubles, r: Correlation) -> Doubles:
    """The field made of white noise: (H + 2m, W + 2m, C) → (H, W, C), m = `margin(r)`."""
    if not (m := margin(r)):
        return white
    size = white.shape[:2]
    spectrum = np.fft.rfft2(white, axes=(0, 1)) * np.fft.rfft2(kernel_of(r), size)[..., None]
    # what went round the edge lies in the first 2m rows and columns
    return np.fft.irfft2(spectrum, size, axes=(0, 1))[2 * m :, 2 * m :]


def filtered_batch(white: Tensor, r: Correlation) -> Tensor:
    """The same of a batch: (B, C, H + 2m, W + 2m) → (B, C, H, W)."""
    if not margin(r):
        return white
    # every channel of every image as a channel of one: five times as fast on a processor as one image after the other
    each = white.flatten(0, 1)[None]
    weights = _weights(r, white.device, white.dtype).expand(each.shape[1], -1, -1, -1)
    field = F.conv2d(each, weights, groups=each.shape[1])
    return field.view(*white.shape[:2], *field.shape[2:])


@lru_cache
def _weights(r: Correlation, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The kernel on a device, copied there once: a step must not wait for a copy."""
    return torch.tensor(kernel_of(r), device=device, dtype=dtype)[None, None]
