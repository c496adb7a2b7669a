"""What the arrangement of noise over pixels and channels says, as findings."""

from __future__ import annotations

from nrgan.diagnosis.arrangement import Arrangement
from nrgan.diagnosis.findings.base import Finding

_UNLIKE = 0.1
"""Difference of the correlations across and down from which they are unlike."""
_ONE = 0.15
"""Correlation of neighbours along the other axis, up to which noise is correlated along one alone."""
_CHANNELS = 0.2
"""Correlation of channels, where the noise was seen by itself, from which they share some of it."""
_CHANNELS_SEEN = 0.35
"""The same where fine detail of the images may add to it."""


def one_axis_correlation(seen: Arrangement) -> Finding:
    """Noise that is correlated along one axis, or more along one than along the other."""
    name = "one-axis correlation"
    across, down = float(seen.correlation[0, 1]), float(seen.correlation[1, 0])
    if seen.white or not seen.told or abs(across - down) < _UNLIKE:
        return Finding(name, False)
    more, less, axis = (across, down, "rows") if across > down else (down, across, "columns")
    only = "alone" if abs(less) < _ONE else f"more than along the others ({less:.2f})"
    words = f"neighbours along {axis} {only} are correlated ({more:.2f})"
    return Finding(name, True, more, "correlation", None, words, "quarter turns do not hold; half turns and mirrors do")


def shared_channels(seen: Arrangement) -> Finding:
    """Noise that is the same, or partly the same, in all channels."""
    name = "shared channels"
    least = _CHANNELS if seen.exact else _CHANNELS_SEEN
    if len(seen.channels) < 2 or seen.shared < least:
        return Finding(name, False)
    words = f"channels share noise (correlation {seen.shared:.2f} in the mean)"
    if not seen.exact:
        words = f"channels share noise, or fine detail (correlation {seen.shared:.2f} in the mean)"
    return Finding(name, True, seen.shared, "correlation", None, words, "all channels must be inverted together")
