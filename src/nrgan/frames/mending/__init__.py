"""Repairs of what an instrument did to all frames alike: asked for, never silent, never in the files.

A repair is a row of `MENDS` (one file, one entry): it is prepared once from the whole set and then applied to every
frame, or part of one, as it is read. Mended values are 32-bit floats in the files' own units, so that corrections below
a step of an integer type stay; the range, and the type that images are written in, are the files'.
"""

from nrgan.frames.mending.choice import MENDS, NO_MENDING, Mending
from nrgan.frames.mending.hot_pixels import HOT_PIXELS
from nrgan.frames.mending.mended import mended

__all__ = ["HOT_PIXELS", "MENDS", "NO_MENDING", "Mending", "mended"]
