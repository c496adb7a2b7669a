"""What several formats have in common: arrays in place in a file that may be packed, and images put back into one."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.opened import CHANNELS, COLUMNS, ROWS, WITHIN, Decoded, Opened, Region
from nrgan.frames.stack import Index, Stack, Values
from nrgan.memory import too_large

LONGEST_VALUE = 10_000
"""Characters of a header's value; longer ones are left out."""

_UNPACKERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZ": bz2.BZ2File,
}
_PIECE = 1 << 22


@dataclass(frozen=True, eq=False)
class Plain:
    """The bytes of a file with gzip or bzip2 undone: in place where they lie as they are, else in memory."""

    source: FileSlice
    unpacked: bytes | None = None

    @property
    def size(self) -> int:
        return self.source.size if self.unpacked is None else len(self.unpacked)

    def open(self) -> BinaryIO:
        return self.source.open() if self.unpacked is None else io.BytesIO(self.unpacked)

    def getter(
        self, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...], order: Literal["C", "F"] = "C"
    ) -> Callable[[Index], Values]:
        """What reads an index of the array that begins at `offset`; raises `Unreadable` where it cannot be there."""
        if min(shape, default=0) < 1 or offset < 0:
            raise Unreadable(f"its header gives an array of shape {shape} from byte {offset} on")
        if offset + math.prod(shape) * dtype.itemsize > self.size:
            raise Unreadable("it is cut short")

        def get(index: Index) -> Values:
            if self.unpacked is not None:
                flat = np.frombuffer(self.unpacked, dtype, math.prod(shape), offset)
                return flat.reshape(shape, order=order)[index]
            # mapped anew each time: what is kept between reads can be neither pickled nor cut off by others
            mapped = np.memmap(self.source.path, dtype, "r", self.source.offset + offset, shape, order)
            return np.array(mapped[index])

        return get


def plain(source: FileSlice) -> Plain:
    """The bytes of the file with what packs it undone, as far as memory allows."""
    loaded = source.load() if source.packing else None
    with io.BytesIO(loaded) if loaded is not None else source.open() as stream:
        unpack = _UNPACKERS.get(stream.read(2))
        if unpack is None:
            return Plain(source, loaded)
        stream.seek(0)
        pieces: list[bytes] = []
        size = 0
        try:
            with unpack(stream) as unpacked:
                while piece := unpacked.read(_PIECE):
                    pieces.append(piece)
                    size += len(piece)
                    if reason := too_large(f"unpacking more than {size:,} bytes", 2 * size):
                        raise Unreadable(reason)
        except (OSError, EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
            raise Unreadable("its compressed bytes are damaged or cut short") from error
    return Plain(source, b"".join(pieces))


class Several(Opened):
    """Images in several arrays of the same axes, each with a header of its own."""

    def __init__(self, stacks: list[Stack]) -> None:
        self.stacks = stacks
        self.about, self.in_parts = stacks[0].about, stacks[0].in_parts
        inner = tuple(("Q" if axis == "N" else axis, length) for axis, length in stacks[0].axes)
        self.axes = (("N", len(stacks)), *inner)

    def shape(self, number: int) -> tuple[int, int, int]:
        return self._of(number)[0].shape(0)

    def item_size(self, number: int) -> int:
        return self.stacks[0].dtype.itemsize

    def read(self, number: int, region: Region | None = None) -> Decoded:
        stack, inner = self._of(number)
        return stack.read(inner, region)

    def _of(self, number: int) -> tuple[Stack, int]:
        which, inner = divmod(number, self.stacks[0].count)
        return self.stacks[which], inner


def put(images: Iterable[npt.NDArray[Any]], letters: str, array: Any) -> Iterator[npt.NDArray[Any]]:
    """Sets images, (H, W, C) each in the order of their numbers, in an array of these axes; yields each again."""
    lengths = dict(zip(letters, array.shape, strict=True))
    counted = [axis for axis in letters if axis not in WITHIN]
    order = [axis for axis in ROWS + COLUMNS + CHANNELS if axis in letters]
    turned = [order.index(axis) for axis in letters if axis in WITHIN]
    counts = [lengths[axis] for axis in counted]
    number = 0
    for number, image in enumerate(images, 1):
        places = dict(zip(counted, map(int, np.unravel_index(number - 1, counts)), strict=True)) if counts else {}
        index = tuple(places[axis] if axis in places else slice(None) for axis in letters)
        array[index] = image.reshape([lengths[axis] for axis in order]).transpose(turned)
        yield image
    if number != math.prod(counts):
        raise ValueError(f"{number} images for {math.prod(counts)} places")


def cropped(letters: str, shape: Iterable[int], region: Region | None) -> tuple[int, ...]:
    """The shape of an array of which only a region of each image is left."""
    sides = {} if region is None else {ROWS: region.height, COLUMNS: region.width}
    return tuple(sides.get(axis, length) for axis, length in zip(letters, shape, strict=True))


def type_for(
    own: np.dtype[Any], images: Iterable[npt.NDArray[Any]]
) -> tuple[np.dtype[Any], Iterable[npt.NDArray[Any]]]:
    """A file's own type where it holds numbers of the images' kind, else the images' type; and the images."""
    rest = iter(images)
    first = next(rest)
    return own if np.can_cast(first.dtype, own, "same_kind") else first.dtype, chain([first], rest)


def pack(path: Path, like: FileSlice) -> None:
    """Packs a file as another one is packed."""
    with like.open() as stream:
        start = stream.read(2)
    if start in _UNPACKERS:
        part = path.with_name(path.name + ".part")
        opener: Any = gzip.open if start == b"\x1f\x8b" else bz2.open
        with path.open("rb") as whole, opener(part, "wb") as packed:
            shutil.copyfileobj(whole, packed)
        part.replace(path)
