"""ND2 files of Nikon microscopes, frame by frame: a frame holds all channels of one place, depth and time."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.opened import WITHIN, About
from nrgan.frames.stack import Index, Stack, Values

_PACKED = 64
"""Times that frames can be longer than the file that packs them, at most."""


class _Kept:
    """The open file, for one thread at a time, until nobody needs it any more."""

    def __init__(self, source: FileSlice) -> None:
        import nd2

        self.source, self.lock, self.file = source, threading.Lock(), nd2.ND2File(source.path)

    def frame(self, number: int) -> Values:
        with self.lock:
            if (
                Path(self.source.path).stat().st_size != self.source.size
            ):  # it is mapped, and reading behind its end kills
                raise Unreadable("it has changed since it was opened")
            return np.array(self.file.read_frame(number))

    def __del__(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


def open_nd2(source: FileSlice) -> Stack:
    """Time is T, depth Z, positions P; the values are the stored ones."""
    if source.member:
        raise Unreadable("it lies in an archive; unpack it")
    kept = _Kept(source)
    file = kept.file
    letters, shape, dtype = "".join(file.sizes), tuple(file.sizes.values()), np.dtype(file.dtype)
    counts = [length for axis, length in file.sizes.items() if axis not in WITHIN]
    if math.prod(shape) * dtype.itemsize > _PACKED * source.size:
        raise Unreadable("it is cut short")
    about = _about(file)
    inner = "".join(axis for axis in letters if axis in WITHIN)

    def get(index: Index) -> Values:
        counted = [part for axis, part in zip(letters, index, strict=True) if axis not in WITHIN]
        places: Any = counted
        number = int(np.ravel_multi_index(places, counts)) if counts else 0
        frame = kept.frame(number)
        sides = [length for axis, length in zip(letters, shape, strict=True) if axis in WITHIN]
        within = tuple(part for axis, part in zip(letters, index, strict=True) if axis in WITHIN)
        if frame.size != math.prod(sides):
            raise Unreadable(f"a frame of it has the shape {frame.shape} for the axes {inner}")
        return frame.reshape(sides)[within]

    return Stack(letters, shape, dtype, get, about)


def _about(file: Any) -> About:
    size = file.voxel_size()
    sizes = {axis: float(length) for axis, length in zip("XYZ", size, strict=True) if 0 < length < math.inf}
    sizes = {axis: length for axis, length in sizes.items() if axis in file.sizes}
    words = {
        key: value for key, value in file.attributes._asdict().items() if isinstance(value, (bool, int, float, str))
    }
    channels = tuple(str(channel.channel.name) for channel in file.metadata.channels or ())
    return About(words, sizes, "µm" if sizes else "", channels=channels, named_by="the file")
