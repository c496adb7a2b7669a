"""Which range holds the values of a set of images: asked for, or found."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.outliers import SharpPixels
from nrgan.frames.statistics import Statistics
from nrgan.frames.value_range import ValueRange

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_LIMITS = re.compile(rf"{_NUMBER}\s*,\s*{_NUMBER}")
_PERCENTILES = re.compile(rf"p{_NUMBER}\s*,\s*p{_NUMBER}")
_WOULD_DO = (
    "give auto, two values as in 0,4095, or two percentiles as in p0.1,p99.9; or such a range for each channel, as in "
    "0,255;0,4095"
)
CUTS_MUCH = "is that meant"
"""What is asked of a range that cuts many of the values."""
_UNLIKE = 4.0
"""Times that the bulk of one channel's values may be as wide as another's before each has a range of its own."""
_BULK = (0.001, 0.5, 0.999)
_BEYOND = 4.0
"""Times that a single pixel may be as far from the median as the bulk is, and still be one of many."""
_FEW_LEVELS = 20
"""Levels above the least value within which single pixels are counts of few photons and no outliers."""
_GRID = 16
"""Different values that a set must have before steps between them are taken for the sensor's."""
_MANY_CUT, _SQUEEZED = 0.1, 0.25
_PILE = 20


def choose_range(spec: str, statistics: Statistics, dtype: str) -> tuple[ValueRange, str]:
    """The range that `spec` asks for, and sentences on what it leaves out.

    spec: one range for all channels: `auto` (uint8: 0,255; float32: 0,1 where all values lie there; else the least and
    the greatest value of all structure larger than a pixel, and of all pixels that are not outliers, see `outliers`;
    a channel at a time where the bulks of their values differ fourfold), `LOW,HIGH`, or percentiles `p0.1,p99.9`; or
    such a range for each channel, of its own values, with semicolons: `LOW,HIGH;LOW,HIGH`.
    Raises `UserError` where it is none of these, or no range.
    """
    asked, channels = spec.split(";"), statistics.by_channel or (statistics,)
    where = f"<value_range> {spec}"
    step = step_of(statistics, dtype)
    if len(asked) == 1 and asked[0].strip() == "auto" and _unlike(channels, dtype):
        asked = asked * len(channels)
    if len(asked) == 1:
        found = _one_range(where, spec, statistics, _Values(dtype, step, statistics.sharp))
        said = [f"The range is {found.outside(statistics)}.", *found.said]
        return ValueRange.of(found.low, found.high, dtype, step), " ".join(
            [*said, *_on_levels(found, statistics, step)]
        )
    if len(asked) != len(channels):
        has = "1 channel" if len(channels) == 1 else f"{len(channels)} channels"
        raise UserError(f"{where}: gives {len(asked)} ranges for {has}; give one for each, or one for all")
    ranges, said = [], []
    for number, (text, seen) in enumerate(zip(asked, channels, strict=True)):
        sharp = None if statistics.sharp is None else statistics.sharp.of_channel(number)
        found = _one_range(f"{where}: channel {number + 1}", text, seen, _Values(dtype, step, sharp))
        ranges.append(found)
        said += [f"The range of channel {number + 1} is {found.outside(seen)}.", *found.said]
    lows, highs = [found.low for found in ranges], [found.high for found in ranges]
    return ValueRange.of(lows, highs, dtype, step), " ".join(said)


@dataclass(frozen=True)
class _Values:
    """What is known of values besides their distribution: their type, the step between them, what stands out."""

    dtype: str
    step: int
    sharp: SharpPixels | None


@dataclass(frozen=True)
class _Found:
    """A range, and what there is to say of it."""

    low: float
    high: float
    said: tuple[str, ...] = ()

    def outside(self, seen: Statistics) -> str:
        below, above = seen.share_below(self.low), seen.share_above(self.high)
        shares = f"{_percent(below)} of the values lie below and {_percent(above)} above it"
        words = f"{self.low:.9g} to {self.high:.9g}; {shares}"
        return f"{words}: {CUTS_MUCH}? They are clipped" if below + above > _MANY_CUT else words


def _one_range(where: str, text: str, seen: Statistics, values: _Values) -> _Found:
    """One range; `where` begins every refusal."""
    text = text.strip()
    limits, percentiles = _LIMITS.fullmatch(text), _PERCENTILES.fullmatch(text)
    if text == "auto":
        found = _automatic(where, seen, values)
    elif limits is not None:
        found = _between(where, float(limits[1]), float(limits[2]), seen)
    elif percentiles is not None:
        found = _percentiles(where, float(percentiles[1]), float(percentiles[2]), seen)
    else:
        raise UserError(f"{where}: is no range of values; {_WOULD_DO}")
    if values.dtype != "float32":  # on whole values, of which there are as many as steps and one
        step, least = values.step, seen.low
        low = least + step * math.ceil((found.low - least) / step)
        high = least + step * math.floor((found.high - least) / step)
        if low >= high:
            raise UserError(f"{where}: holds no two whole values; {_WOULD_DO}")
        found = replace(found, low=float(low), high=float(high))
    return found


def _automatic(where: str, seen: Statistics, values: _Values) -> _Found:
    if values.dtype == "uint8":
        return _Found(0.0, 255.0)
    if values.dtype == "float32" and seen.low >= 0 and seen.high <= 1:
        return _Found(0.0, 1.0)
    if seen.low == seen.high:
        raise UserError(f"{where}: all values are {seen.low:g}; give two values, as in 0,1")
    if values.sharp is None:
        return _Found(seen.low, seen.high)
    under, middle, over = (seen.quantile(share) for share in _BULK)
    few = seen.low + _FEW_LEVELS * values.step if values.dtype != "float32" else -math.inf
    high = _end(seen.high, max(middle + _BEYOND * (over - middle), few), max(values.sharp.high), values.sharp.values)
    low = -_end(-seen.low, -(middle - _BEYOND * (middle - under)), -min(values.sharp.low), -values.sharp.values)
    if low >= high:
        return _Found(seen.low, seen.high)
    said = [*_on_outliers(low, high, values.sharp), *_on_squeezing(low, high, under, over)]
    return _Found(low, high, tuple(said))


def _end(most: float, bulk: float, solid: float, sharp: npt.NDArray[np.float64]) -> float:
    """The greatest value that counts: of all within the bulk, of structure, and of sharp pixels within the bulk."""
    if most <= bulk:
        return most
    within = sharp[sharp <= max(bulk, solid)]
    return max(solid, float(within.max(initial=-math.inf)))


def _on_outliers(low: float, high: float, sharp: SharpPixels) -> list[str]:
    beyond = (sharp.values < low) | (sharp.values > high)
    count = int(beyond.sum())
    if not count:
        return []
    least, most = float(sharp.values[beyond].min()), float(sharp.values[beyond].max())
    kinds = []
    if always := sharp.always(beyond):
        kinds.append(f"{always:,} always at the same place (hot or dead pixels)")
    if sharp.tracks:
        kinds.append(f"up to {sharp.tracks:,} in tracks (as of cosmic rays)")
    words = f": {', '.join(kinds)}" if kinds else " (as of hot pixels or cosmic rays)"
    subject = (
        "1 value beyond it is a single pixel that stands"
        if count == 1
        else (f"{count:,} values beyond it are single pixels that stand")
    )
    clipped = "it is clipped" if count == 1 else "they are clipped"
    return [f"{subject} out, {least:.6g}{f' to {most:.6g}' if count > 1 else ''}{words}; {clipped}."]


def _on_squeezing(low: float, high: float, under: float, over: float) -> list[str]:
    share = (over - under) / (high - low)
    if share >= _SQUEEZED:
        return []
    return [
        f"99.8% of the values lie in {share:.1%} of it, for few bright or dark structures are kept whole; "
        f"<value_range> p0.1,p99.9 would clip those."
    ]


def _on_levels(found: _Found, seen: Statistics, step: int) -> list[str]:
    """What the numbers say of the sensor."""
    said = []
    if step > 1:
        said.append(f"All values are multiples of {step}: {round((found.high - found.low) / step) + 1:,} levels.")
    if len(seen.values) > _GRID and len(seen.values) == len(np.unique(seen.values)):
        top, before = float(seen.weights[-1]), float(seen.weights[-4:-1].max())
        if top > _PILE and top > 5 * before and seen.sharp is not None:
            said.append(
                f"{_percent(top / seen.weights.sum())} of the values are the greatest, {seen.high:.9g}: saturated."
            )
    levels = (found.high - found.low) / step + 1
    if seen.sharp is not None and np.all(seen.values % 1 == 0) and levels <= _FEW_LEVELS:
        said.append(
            f"Few values are told apart, {levels:.0f}: generated images are rounded to them where they are compared; "
            "those that are kept have values between."
        )
    return said


def _unlike(channels: tuple[Statistics, ...], dtype: str) -> bool:
    """Whether the bulks of the channels' values differ so much that one range would squeeze some."""
    if len(channels) == 1 or dtype == "uint8":
        return False
    widths = [seen.quantile(_BULK[2]) - seen.quantile(_BULK[0]) for seen in channels]
    return min(widths) > 0 and max(widths) >= _UNLIKE * min(widths)


def step_of(seen: Statistics, dtype: str) -> int:
    """The step between the values of a sensor whose low bits are not used; 1 where there is none, or few are seen."""
    if dtype in ("uint8", "float32") or len(seen.values) < _GRID:
        return 1
    return int(np.gcd.reduce(np.diff(seen.values).astype(np.int64)))


def _between(where: str, low: float, high: float, statistics: Statistics) -> _Found:
    has = f"the images' values go from {statistics.low:g} to {statistics.high:g}"
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{where}: the first value must be below the second; {has}")
    if statistics.share_below(low) + statistics.share_above(high) >= 1 - 1e-12:
        raise UserError(f"{where}: holds none of the images' values; {has}")
    return _Found(low, high)


def _percentiles(where: str, first: float, second: float, statistics: Statistics) -> _Found:
    if not 0 <= first < second <= 100:
        raise UserError(f"{where}: percentiles rise from 0 to 100, as in p0.1,p99.9")
    low, high = statistics.quantile(first / 100), statistics.quantile(second / 100)
    if low == high:
        raise UserError(f"{where}: both percentiles are {low:g}; take them further apart, as in p0.1,p99.9")
    return _Found(low, high)


def _percent(share: float) -> str:
    return "less than 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"
