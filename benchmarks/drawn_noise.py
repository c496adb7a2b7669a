"""What instruments make of the light that they see, and the exact law of it; all in the values of their files.

    y = s + n + (offsets of rows and columns) + impulses,   E n = 0

s, (N, H, W, C), is what a detector writes on the average of endless exposures: light, after what each pixel has of its
own (`Sensor`). Detectors draw y before it is rounded and clipped (`stored`), and tell the variance of n at s.
"""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage, special

Array = npt.NDArray[np.float64]

_DECIBELS = 20 / math.log(10)
_DARKEST = _DECIBELS * -np.euler_gamma / 2
"""Mean of 20·log10 of a Rayleigh variable whose square has mean 1."""
_LONGEST_TRACK = 4
_GRID = 4000


@dataclass(frozen=True)
class Sensor:
    """What each pixel has of its own, the same in every frame; (H, W, 1) each."""

    gains: Array
    """Around 1."""
    offsets: Array
    read: Array
    """Of read noise, over its root mean square."""
    dark: Array
    """What hot pixels count in the dark, in file values; 0 for others."""


@dataclass(frozen=True)
class Detector(ABC):
    """light = offset + lamp(frame)·(background + peak·scene), in file values."""

    offset: float = 0.0
    """File value of no light."""
    background: float = 0.0
    peak: float = 1000.0
    lamp: float = 1.0
    """Of the last frame over the first; even between them."""
    repeats: int = 1
    """Frames in turn that look at one scene; 0: all of them."""
    step: float = 1.0
    """Between values that are written; 0: none, for floats."""
    quality: int = 0
    """Of JPEG; 0: stored without loss."""
    dtype: str = "uint16"

    measured = False
    """Whether many exposures of the same must tell what no equation gives: correlation, and NaNs of the variance."""

    def light(self, scene: Array) -> Array:
        """Of scenes (N, H, W, C) in [0, 1]."""
        lamp = np.linspace(1, self.lamp, len(scene))[:, None, None, None]
        return self.offset + lamp * (self.background + self.peak * scene)

    def sensor(self, height: int, width: int, rng: np.random.Generator) -> Sensor:
        """A sensor of its kind; here one whose pixels are all the same."""
        one, nothing = np.ones((height, width, 1)), np.zeros((height, width, 1))
        return Sensor(one, nothing, one, nothing)

    def expected(self, light: Array, sensor: Sensor) -> Array:
        """s: the mean of endless exposures."""
        return light

    @abstractmethod
    def expose(self, light: Array, sensor: Sensor, rng: np.random.Generator) -> Array:
        """y, before it is rounded and clipped."""

    @abstractmethod
    def variance(self, signal: Array, unequal: Array | float = 1.0) -> Array:
        """Of n, in what is stored, at values of s; NaN where not known.

        unequal: the mean square of `levels_of_frames` over the pixels that have the signal.
        """

    def levels_of_frames(self, count: int) -> Array:
        """Read noise of each frame over its root mean square over frames."""
        return np.ones(count)

    @property
    def slope(self) -> float | None:
        """Of the variance over s, where n is counted; 0 where it does not depend on s, None where neither holds."""
        return None

    def lag_one(self, side: int) -> tuple[float, float]:
        """Correlation of n with that of the next pixel across and down, before it is rounded."""
        return 0.0, 0.0


@dataclass(frozen=True)
class Camera(Detector):
    """n = g·(counted − e) + read noise, e = (s − offset)/g electrons, brought to a spectrum; Gaussian offsets.

    Counted are Poisson numbers of e or, where electrons are `multiplied` by a register, sums of as many exponential
    numbers of mean 1: var n = F·g·(s − offset) + read², F = 1 or 2 (Hynecek & Nishiwaki 2003). All levels are root mean
    squares in file values.
    """

    gain: float = 0.0
    """g, file values an electron; 0: nothing is counted."""
    multiplied: bool = False
    read: float = 0.0
    read_spread: float = 0.0
    """Standard deviation of the logarithm of a pixel's own read noise."""
    across: float = 0.0
    """ρ of S(f) ~ 1/|1 − ρ·exp(−2πi·f)|²: correlation ρ^d along rows, as of a slow amplifier."""
    cutoff: float = 0.0
    """c, cycles a pixel, of S(f) ~ |f|·exp(−(|f|/c)²), both axes, as of filtered back-projection; 0: white."""
    rows: float = 0.0
    columns: float = 0.0
    """Offsets of whole rows and columns, fresh in each frame, the same in all channels."""
    shared: float = 0.0
    """Share of the variance of read noise that all channels have in common."""
    drift: float = 1.0
    """Read noise of the last frame over that of the first, geometric between them."""
    second: float = 1.0
    """Read noise of every other frame over that of the others: another camera's."""
    pattern: float = 0.0
    column_pattern: float = 0.0
    """Fixed offsets of pixels and of columns."""
    column_gains: float = 0.0
    """Standard deviation of fixed gains of columns."""
    hot: float = 0.0
    hot_height: float = 0.0
    """Share of pixels that are hot, and their mean value above others."""
    impulses: float = 0.0
    impulse_height: float = 0.0
    """Hits of single pixels or short tracks, a pixel and frame, at fresh places, and their mean height."""
    mosaic: float = 0.0
    """How much of each of three colours is interpolated from a filter array, 0 to 1: 1 for all, 0 for one that measures
    every colour everywhere."""

    @property
    def measured(self) -> bool:  # type: ignore[override]
        return self.quality > 0 or self.mosaic > 0

    def sensor(self, height: int, width: int, rng: np.random.Generator) -> Sensor:
        read = np.exp(self.read_spread * rng.standard_normal((height, width, 1)))
        columns = self.column_pattern * rng.standard_normal((1, width, 1))
        hot = rng.random((height, width, 1)) < self.hot
        if self.hot and not hot.any():  # what an instrument is said to have is there
            hot[rng.integers(1, height - 1), rng.integers(1, width - 1)] = True
        return Sensor(
            gains=1 + np.broadcast_to(self.column_gains * rng.standard_normal((1, width, 1)), (height, width, 1)),
            offsets=columns + self.pattern * rng.standard_normal((height, width, 1)),
            read=read / np.sqrt(np.mean(read**2)),
            # a few times as much as the noise at least: what is less is no hot pixel
            dark=np.where(hot, self.hot_height * (0.5 + rng.exponential(0.5, hot.shape)), 0.0),
        )

    def expected(self, light: Array, sensor: Sensor) -> Array:
        return self._interpolated(self.offset + sensor.gains * (light - self.offset) + sensor.offsets + sensor.dark)

    def expose(self, light: Array, sensor: Sensor, rng: np.random.Generator) -> Array:
        expected = replace(self, mosaic=0.0).expected(light, sensor)
        n, height, width, _ = expected.shape
        noise = self._read_noise(expected.shape, sensor, rng)
        if self.gain:
            electrons = np.maximum(expected - sensor.offsets - self.offset, 0) / self.gain
            counted = rng.poisson(electrons)
            noise += self.gain * ((rng.standard_gamma(counted) if self.multiplied else counted) - electrons)
        if self._coloured:
            amplitude = np.sqrt(_spectrum(self.across, self.cutoff, height, width))[None, :, :, None]
            noise = np.fft.irfft2(
                np.fft.rfft2(noise, axes=(1, 2)) * amplitude[:, :, : width // 2 + 1], (height, width), (1, 2)
            )
        rows = self.rows * rng.standard_normal((n, height, 1, 1))
        columns = self.columns * rng.standard_normal((n, 1, width, 1))
        return self._interpolated(expected + noise + rows + columns + self._hits(expected.shape, rng))

    def levels_of_frames(self, count: int) -> Array:
        level = self.drift ** np.linspace(0, 1, count) * np.where(np.arange(count) % 2, self.second, 1.0)
        return np.asarray(level / np.sqrt(np.mean(level**2)))

    def variance(self, signal: Array, unequal: Array | float = 1.0) -> Array:
        if self.measured:
            return np.full_like(signal, np.nan)
        counted = (2 if self.multiplied else 1) * self.gain * np.maximum(signal - self.offset, 0)
        return np.asarray(counted + unequal * self.read**2 + self._rounding)

    @property
    def slope(self) -> float | None:
        return None if self.measured else (2 if self.multiplied else 1) * self.gain

    def lag_one(self, side: int) -> tuple[float, float]:
        r = np.fft.ifft2(_spectrum(self.across, self.cutoff, side, side)).real
        return float(r[0, 1]), float(r[1, 0])

    @property
    def _coloured(self) -> bool:
        return self.across != 0 or self.cutoff != 0

    @property
    def _rounding(self) -> float:
        """Variance of an error that is uniform within a step; 0 where only whole steps are counted."""
        whole = self.gain == self.step and not (self.read or self.multiplied or self._coloured)
        return 0.0 if whole else self.step**2 / 12

    def _interpolated(self, y: Array) -> Array:
        """As a Bayer array has the colours: each the mean of those neighbours that measured it."""
        if not self.mosaic:
            return y
        down, across = np.indices(y.shape[1:3])
        measured = np.stack([(down + across) % 2 == k % 2 for k in (0, 1, 0)], 2)
        measured[..., 0] &= down % 2 == 0
        measured[..., 2] &= down % 2 == 1
        near = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float64)[None, :, :, None]
        total, weight = (ndimage.convolve(v, near, mode="mirror") for v in (y * measured, 1.0 * measured[None]))
        between = np.where(measured, y, total / weight)
        return (1 - self.mosaic) * y + self.mosaic * between

    def _read_noise(self, shape: tuple[int, ...], sensor: Sensor, rng: np.random.Generator) -> Array:
        own = math.sqrt(1 - self.shared) * rng.standard_normal(shape)
        common = math.sqrt(self.shared) * rng.standard_normal((*shape[:3], 1)) if self.shared else 0.0
        return self.read * self.levels_of_frames(shape[0])[:, None, None, None] * sensor.read * (own + common)

    def _hits(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        hit = np.zeros(shape)
        n, height, width, _ = shape
        count = rng.poisson(self.impulses * n * height * width)
        frame, y, x = (rng.integers(0, limit, count) for limit in (n, height, width))
        dy, dx = rng.integers(-1, 2, (2, count))
        longest = rng.integers(1, _LONGEST_TRACK + 1, count)
        height_of = self.impulse_height * (0.5 + rng.exponential(0.5, count))
        for k in range(_LONGEST_TRACK):
            there = k < longest
            hit[frame[there], ((y + k * dy) % height)[there], ((x + k * dx) % width)[there]] = height_of[there, None]
        return hit


@lru_cache(maxsize=32)
def _spectrum(across: float, cutoff: float, height: int, width: int) -> Array:
    """Of noise of variance 1, (H, W): its mean is 1."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    s = 1 / np.abs(1 - across * np.exp(-2j * np.pi * fx)) ** 2 + 0 * fy
    if cutoff:
        f = np.hypot(fy, fx)
        s = s * f * np.exp(-((f / cutoff) ** 2))
    return np.asarray(s / s.mean())


@dataclass(frozen=True)
class Magnitude(Detector):
    """y = |A + σ(n₁ + i·n₂)|, A the light: Rician, s = σ·√(π/2)·L½(−A²/2σ²), var = 2σ² + A² − s² (Rice 1944)."""

    sigma: float = 1.0

    def expected(self, light: Array, sensor: Sensor) -> Array:
        t = light**2 / (4 * self.sigma**2)
        bessel = (1 + 2 * t) * special.ive(0, t) + 2 * t * special.ive(1, t)
        return np.asarray(self.sigma * math.sqrt(math.pi / 2) * bessel)

    def expose(self, light: Array, sensor: Sensor, rng: np.random.Generator) -> Array:
        real, imaginary = self.sigma * rng.standard_normal((2, *light.shape))
        return np.hypot(light + real, imaginary)

    def variance(self, signal: Array, unequal: Array | float = 1.0) -> Array:
        amplitude = np.linspace(0, float(np.max(signal)) + 5 * self.sigma, _GRID)
        s = self.expected(amplitude, self.sensor(1, 1, np.random.default_rng(0)))
        return np.interp(signal, s, 2 * self.sigma**2 + amplitude**2 - s**2) + self.step**2 / 12


@dataclass(frozen=True)
class Speckle(Detector):
    """y = s + k·(20·log10|z| − its mean), z complex Gaussian, blurred more and more along rows with depth.

    Fully developed speckle after the logarithm: its level is 5.57 decibels wherever it is, k values each.
    """

    per_decibel: float = 4.0
    blur: tuple[float, float] = (0.8, 2.5)
    """Along rows, standard deviation in pixels, at the top and at the bottom."""
    measured = True

    def expose(self, light: Array, sensor: Sensor, rng: np.random.Generator) -> Array:
        deep = np.sqrt(np.linspace(0, 1, light.shape[1]))[None, :, None, None]
        near, far = (self._field(light.shape, blur, rng) for blur in self.blur)
        z = np.sqrt(1 - deep**2) * near + deep * far
        return light + self.per_decibel * (_DECIBELS * np.log(np.abs(z)) - _DARKEST)

    def variance(self, signal: Array, unequal: Array | float = 1.0) -> Array:
        return np.full_like(signal, (self.per_decibel * _DECIBELS) ** 2 * math.pi**2 / 24 + self.step**2 / 12)

    def _field(self, shape: tuple[int, ...], blur: float, rng: np.random.Generator) -> npt.NDArray[np.complex128]:
        """Complex Gaussian, of mean square 1."""
        white = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        fy, fx = np.fft.fftfreq(shape[1])[:, None], np.fft.fftfreq(shape[2])[None]
        transfer = np.exp(-2 * np.pi**2 * ((0.8 * fy) ** 2 + (blur * fx) ** 2))
        transfer = transfer / np.sqrt(2 * np.mean(transfer**2))
        return np.asarray(np.fft.ifft2(np.fft.fft2(white, axes=(1, 2)) * transfer[None, :, :, None], axes=(1, 2)))


def rounded(y: Array, detector: Detector) -> npt.NDArray[Any]:
    """y in whole steps, within the limits of its type."""
    if detector.dtype == "float32":
        return y.astype(np.float32)
    limits = np.iinfo(detector.dtype)
    whole = np.rint(y / detector.step) * detector.step
    return np.clip(whole, limits.min, limits.max).astype(detector.dtype)


def kept(values: npt.NDArray[Any], detector: Detector) -> npt.NDArray[Any]:
    """What compression leaves of rounded values."""
    return values if not detector.quality else np.stack([_decoded(jpeg(v, detector.quality)) for v in values])


def stored(y: Array, detector: Detector) -> npt.NDArray[Any]:
    """What a file holds of y."""
    return kept(rounded(y, detector), detector)


def jpeg(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    """An (H, W, 3) image as a JPEG file, as most cameras write it: colours at half of the resolution."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


def _decoded(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)
