"""What several rooms must agree on: the sides and channels that images can have, ways to fit and write them, names."""

from __future__ import annotations

from typing import Literal

SMALLEST_SIDE, LARGEST_SIDE, SIDE_STEP = 16, 256, 8
"""Sides in pixels of squares that people train on: from, to, and multiples of what."""
SMALLEST_NETWORK_SIDE = 8
"""The smallest side that the networks themselves are made for."""
DEFAULT_SIDE = 32
"""The side of the settings' images, where no other is asked for."""
MOST_CHANNELS = 16
MOST_MAPS = 9
"""Maps that a noise generator makes for each channel of the images, at most."""
NO_ROW = "none"
"""The name where no row of a table is chosen."""

FitName = Literal["crop", "resize", "tiles"]
"""How images of any size become squares: see `nrgan.frames.Fit`."""
FitChoice = Literal["auto", "crop", "resize", "tiles"]
"""The same, or whatever gives squares enough: see `nrgan.data.own_data.fitted`."""
ValueType = Literal["uint8", "uint16", "int16", "float32"]
"""What values of files are brought to as they are read: see `nrgan.frames.ValueRange`."""
Levels = int | tuple[int, ...] | None
"""How many values a sensor tells apart: one number, or one for each channel; None where they are not counted."""
OutputType = Literal["same", "float32"]
"""Of the values of files that are denoised: their own, or as they were computed."""
FileFormat = Literal["auto", "png", "tiff", "npy"]
"""How generated images are written: see `nrgan.runs.generate`."""


def trainable(side: int) -> bool:
    """Whether squares of so many pixels a side can be trained on."""
    return SMALLEST_SIDE <= side <= LARGEST_SIDE and side % SIDE_STEP == 0
