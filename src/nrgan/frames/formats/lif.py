"""LIF files of Leica microscopes: the series that all have the same axes, one after the other."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.plain import Several
from nrgan.frames.opened import WITHIN, About, Opened
from nrgan.frames.pixels import refuse
from nrgan.frames.stack import Index, Stack, Values


def open_lif(source: FileSlice) -> Opened:
    """Series of different shapes or types are refused: only their owner can tell which is meant."""
    import liffile

    lock = threading.Lock()
    # it is kept: its stream holds no handle, only a position
    file = liffile.LifFile(source.open())
    if file.type != liffile.LifFileType.LIF:  # others lead to files elsewhere
        raise Unreadable("it is not a LIF file")
    series = list(file.images)
    kinds = {(image.dims, image.shape, np.dtype(image.dtype)) for image in series}
    if not series:
        raise Unreadable("it holds no images")
    if len(kinds) > 1:
        names = ", ".join(f"{image.name} {image.shape}" for image in series[:5])
        raise refuse(source.full_name, f"holds series of several shapes: {names}; save the one that is meant alone")
    if any(image.nbytes > source.size for image in series):
        raise Unreadable("it is cut short")
    stacks = [_stack(lock, image) for image in series]
    return stacks[0] if len(stacks) == 1 else Several(stacks)


def _stack(lock: threading.Lock, image: Any) -> Stack:
    letters, shape = "".join(image.dims), tuple(image.shape)

    def get(index: Index) -> Values:
        # all channels of one image, and no other
        chosen = {axis: part for axis, part in zip(letters, index, strict=True) if axis not in WITHIN}
        with lock:
            values = np.asarray(image.frames(**chosen).asarray())
        within = tuple(part for axis, part in zip(letters, index, strict=True) if axis in WITHIN)
        sides = [length for axis, length in zip(letters, shape, strict=True) if axis in WITHIN]
        return values.reshape(sides)[within]

    steps = {axis: image.coords[axis] for axis in "XYZ" if axis in letters and axis in image.coords}
    sizes = {axis: 1e6 * abs(float(step[1] - step[0])) for axis, step in steps.items() if len(step) > 1}
    sizes = {axis: size for axis, size in sizes.items() if 0 < size < math.inf}
    words = {"name": str(image.name)}
    return Stack(
        letters, shape, np.dtype(image.dtype), get, About(words, sizes, "µm" if sizes else "", named_by="the file")
    )
