"""What is true of a drawn set: the level at five signals, the slope of counts, the correlation, what holds of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drawn_noise import Array, Detector, Sensor, stored

FINDINGS = (
    "row offsets",
    "column offsets",
    "fixed pattern",
    "hot pixels",
    "impulses",
    "one-axis correlation",
    "shared channels",
    "compression blocks",
    "mosaic",
    "drift",
    "few levels",
    "few photons",
    "repeats",
)
"""By the names that a diagnosis gives them."""
COMPOSED, FITTED, NONE_FITS = "composed", "fitted", "none fits"
"""What may be recommended beside a published model."""
_SIGNALS = 5
_ENDS = (0.05, 0.95)
"""Quantiles of the signal that the five lie between."""
_EXPOSURES, _FRAMES = 24, 16
_WINDOW = 1 / 16
"""Of the span of signals: pixels so near to one are taken for it where a law is measured."""


@dataclass(frozen=True)
class Truth:
    """Of one drawn set, all in the values of its files. Levels are root mean squares over pixels of a signal."""

    signals: tuple[float, ...]
    pixels: tuple[float, ...]
    """Level at the signals of the noise that each pixel has for itself, in what is stored."""
    level: tuple[float, ...]
    """The same with offsets of rows and columns that are fresh in each frame."""
    slope: float | None
    """Of the variance over the signal: gain × excess; 0: the noise does not depend on it; None: no one slope holds."""
    across: float
    down: float
    """Correlation of a pixel's own noise with that of the next one."""
    across_with_offsets: float
    down_with_offsets: float
    present: frozenset[str]
    absent: frozenset[str]
    """Findings that are true, and that are not; what neither names may be seen or not."""
    models: frozenset[str]
    """Recommendations of which all that is taken for known is true."""
    may_be_certain: bool
    little_noise: bool
    """There is none but rounding."""


@dataclass(frozen=True)
class Holds:
    """What is right to say of an instrument, whatever its parameters; written before any diagnosis was run on it."""

    models: frozenset[str]
    present: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()
    """Findings that a set may be said to have or not."""
    may_be_certain: bool = True
    little_noise: bool = False


def truth_of(
    detector: Detector, light: Array, sensor: Sensor, holds: Holds, rng: np.random.Generator | None = None
) -> Truth:
    """Of exposures of light, (N, H, W, C). rng: for laws that are measured."""
    expected = detector.expected(light, sensor)
    usual = expected[np.broadcast_to(sensor.dark == 0, expected.shape)]
    signals = _five(usual)
    across, down = detector.lag_one(light.shape[1])
    variance = detector.variance(signals, _unequal(detector, expected, signals))
    if detector.measured:
        assert rng is not None, "exposures are needed to measure the law"
        seen, found, across, down = _measured(detector, light, sensor, rng)
        signals, variance = (seen, found) if np.isnan(variance).any() else (signals, variance)
    rounding = detector.step**2 / 12 if across or down else 0.0
    kept = 1.0 if detector.measured else float(np.mean(1 - rounding / variance))
    rows, columns = (float(getattr(detector, lines, 0.0)) ** 2 for lines in ("rows", "columns"))
    middle = float(np.mean(variance))
    total = middle + rows + columns
    return Truth(
        signals=_plain(signals),
        pixels=_plain(np.sqrt(variance)),
        level=_plain(np.sqrt(variance + rows + columns)),
        slope=detector.slope,
        across=across * kept,
        down=down * kept,
        # the offset of a row is the same for the next pixel across, that of a column for the next one down
        across_with_offsets=(across * kept * middle + rows) / total,
        down_with_offsets=(down * kept * middle + columns) / total,
        present=holds.present,
        absent=frozenset(FINDINGS) - holds.present - holds.open,
        models=holds.models,
        may_be_certain=holds.may_be_certain,
        little_noise=holds.little_noise,
    )


def _five(values: Array) -> Array:
    low, high = (float(v) for v in np.quantile(values, _ENDS))
    return np.linspace(low, high, _SIGNALS)


def _unequal(detector: Detector, expected: Array, signals: Array) -> Array:
    """Mean squares of the levels of frames, weighted by how many pixels of each are near to a signal.

    Where a lamp fades, the brightest signals are in the first frames alone.
    """
    squares = detector.levels_of_frames(len(expected)) ** 2
    width = max(float(np.ptp(signals)) * _WINDOW / 2, 1e-9)
    flat = expected.reshape(len(expected), -1)
    near = [np.exp(-(((flat - signal) / width) ** 2) / 2).sum(1) for signal in signals]
    return np.array([np.average(squares, weights=weights) for weights in near])


def _plain(values: Array) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def exposures(detector: Detector, light: Array, sensor: Sensor, rng: np.random.Generator, count: int) -> Array:
    """What is stored of the same light `count` times, (count, N, H, W, C)."""
    return np.stack([stored(detector.expose(light, sensor, rng), detector) for _ in range(count)]).astype(np.float64)


def _measured(
    detector: Detector, light: Array, sensor: Sensor, rng: np.random.Generator
) -> tuple[Array, Array, float, float]:
    """Signals, variances there, and correlation across and down, from many exposures of some of the frames."""
    few = light[np.linspace(0, len(light) - 1, min(len(light), _FRAMES)).round().astype(int)]
    seen = exposures(detector, few, sensor, rng, _EXPOSURES)
    s = seen.mean(0)
    noise = seen - s
    variance = (noise**2).sum(0) / (len(seen) - 1)
    signals = _five(s)
    half = float(np.ptp(signals)) * _WINDOW / 2
    at = np.array([variance[np.abs(s - signal) <= half].mean() for signal in signals])
    whole = float(np.mean(noise**2))
    across = float(np.mean(noise[..., :-1, :] * noise[..., 1:, :])) / whole
    down = float(np.mean(noise[..., :-1, :, :] * noise[..., 1:, :, :])) / whole
    return signals, at, across, down
