"""What befell frames beside the noise that models know: a row a check. A new one is one function and one row."""

from __future__ import annotations

from collections.abc import Callable

from nrgan.diagnosis.arrangement import Arrangement
from nrgan.diagnosis.findings.arrangement import one_axis_correlation, shared_channels
from nrgan.diagnosis.findings.base import Finding
from nrgan.diagnosis.findings.blocks import compression_blocks
from nrgan.diagnosis.findings.drift import drift
from nrgan.diagnosis.findings.fixed import fixed_pattern, hot_pixels
from nrgan.diagnosis.findings.impulses import impulses
from nrgan.diagnosis.findings.mixed import mixed_frames
from nrgan.diagnosis.findings.mosaic import mosaic
from nrgan.diagnosis.findings.stripes import column_offsets, row_offsets
from nrgan.diagnosis.findings.values import few_levels, few_photons
from nrgan.diagnosis.looked import Looked

CHECKS: tuple[Callable[[Looked], Finding], ...] = (
    row_offsets,
    column_offsets,
    fixed_pattern,
    hot_pixels,
    impulses,
    compression_blocks,
    mosaic,
    drift,
    mixed_frames,
    few_levels,
    few_photons,
)


OF_ARRANGEMENT: tuple[Callable[[Arrangement], Finding], ...] = (one_axis_correlation, shared_channels)


def findings_of(looked: Looked) -> tuple[Finding, ...]:
    """What every check says of frames."""
    return tuple(check(looked) for check in CHECKS)


def arrangement_findings(seen: Arrangement) -> tuple[Finding, ...]:
    """What every check says of how the noise lies."""
    return tuple(check(seen) for check in OF_ARRANGEMENT)


__all__ = ["CHECKS", "OF_ARRANGEMENT", "Finding", "arrangement_findings", "findings_of"]
