"""A repair, as frames apply it while they are read; `mending` has the repairs themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nrgan.frames.frame import SensorPlace

Native = npt.NDArray[np.float32]
"""(H, W, C), values in the files' own units."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a frame on its way from the file.

    pixels: native values, NaN where there is none. frame: the frame's number. top, left: where in the frame
    `pixels[0, 0]` lies. place: where on the sensor it does.
    """

    pixels: Native
    frame: int
    top: int
    left: int
    place: SensorPlace

    def mended_by(self, mends: Sequence[Mend]) -> Native:
        """The pixels after all of them, one after the other."""
        part = self
        for mend in mends:
            part = replace(part, pixels=mend.apply(part))
        return part.pixels


class Mend(ABC):
    """A repair, with all that it needs. Travels to worker processes."""

    margin: int = 0
    """How far from a pixel others lie that decide on its value."""
    said: str
    """What was mended, in a sentence."""

    @abstractmethod
    def apply(self, part: Part) -> Native:
        """The mended pixels, of the same shape; `part` stays as it is. Threads may call it side by side."""
