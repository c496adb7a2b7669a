"""Everything that decides which images training sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nrgan.corruptions import Corruption, Sensor
from nrgan.frames import EVERYTHING, NO_MENDING, Mending, Wanted
from nrgan.limits import FitChoice

OWN = "own"
"""The source that is the user's own files."""


def name_of(place: str | Path) -> str:
    """What lies at a place is called so where others read it: the place's own name, without the folders above it.

    Also where the place is of another system: `scans` of C:\\data\\scans.
    """
    return PurePosixPath(str(place).replace("\\", "/")).name or "images"


@dataclass(frozen=True)
class DataChoice:
    """A source × what befell its images × the sensor that stored them, and how files are read."""

    name: str
    """A setting's name, or the path of the user's own images."""
    source: str
    """A row of `SOURCES`, or `OWN`."""
    corruption: Corruption
    """What befell the images; of one's own: what is added here, or `Unknown` or `Told` where they are noisy already."""
    sensor: Sensor = field(default_factory=Sensor)
    image_size: int | None = None
    """Side of the images; None: that of the user's own images."""
    data_seed: int = 0
    fit: FitChoice = "auto"
    """Named, once the images are open."""
    value_range: str = "auto"
    skip_corrupt: bool = False
    wanted: Wanted = EVERYTHING
    """Names of axes, and which frames and channels of files are meant."""
    mending: Mending = NO_MENDING
    """Repairs of the user's own images, as they are read."""
