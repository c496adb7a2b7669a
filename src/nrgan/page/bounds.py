"""What one visitor may ask for, and bring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What one upload may take."""

    file_bytes: int = 64 << 20
    decode_bytes: int = 256 << 20
    """Of one image, decoded."""
    values: int = 48 << 20
    """Of all images of the file together."""
    images: int = 256
    seconds: float = 60
    """For reading it."""


BOUNDS = Bounds()
MOST_SHOWN = 36
"""Generated images in a picture."""
