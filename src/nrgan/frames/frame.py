"""A frame: the pixels of one image of a set, and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
"""(H, W, C) uint8, uint16, int16 or float32; before `pixels.native`, of whatever type the file has."""


@dataclass(frozen=True)
class SensorPlace:
    """Where on the sensor the top left pixel of an image lies: its row and its column, from 0."""

    top: int = 0
    left: int = 0


WHOLE_SENSOR = SensorPlace()
"""The place of images that begin where the sensor does."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a set.

    pixels: (H, W, C) uint8, uint16, int16 or float32, the reader's own. index: its number in the set, from 0.
    name: what people call it. place: where `pixels[0, 0]` lies on the sensor. header: what its file says of it besides
    the pixels; empty where it says nothing. missing: (H, W), where there is no value; None where every pixel has one.
    axes: what the axes of `pixels` are, a letter each.
    """

    pixels: Pixels
    index: int
    name: str
    place: SensorPlace = WHOLE_SENSOR
    header: Mapping[str, object] = field(default_factory=dict)
    missing: npt.NDArray[np.bool_] | None = None
    axes: str = "YXC"

    def __post_init__(self) -> None:
        if np.ndim(self.pixels) != len(self.axes):
            raise ValueError(f"pixels of shape {np.shape(self.pixels)} do not have the axes {self.axes}")
