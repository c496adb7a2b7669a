"""Which files hold images, and how each kind is read. A new kind is one row of `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.arrays import count_npy, count_npz, read_npy, read_npz
from nrgan.frames.formats.pictures import read_picture
from nrgan.frames.formats.tiff import count_tiff, read_tiff
from nrgan.frames.pixels import Decoded, native

Result = TypeVar("Result")


@dataclass(frozen=True)
class Format:
    """A kind of file: the ends of its names, and how image number n, from 0 to `count(source)` - 1, is read."""

    suffixes: tuple[str, ...]
    read: Callable[[FileSlice, int], Decoded]
    count: Callable[[FileSlice], int] | None = None
    """None where it is always one, which spares a look at the file."""
    label: Callable[[int], str] = str
    """What tells image n in the name of a file of several."""


FORMATS: dict[str, Format] = {
    "picture": Format((".png", ".jpg", ".jpeg", ".bmp", ".webp"), read_picture),
    "tiff": Format((".tif", ".tiff"), read_tiff, count_tiff, lambda n: f" page {n + 1}"),
    "npy": Format((".npy",), read_npy, count_npy, lambda n: f"[{n}]"),
    "npz": Format((".npz",), read_npz, count_npz, lambda n: f"[{n}]"),
}

ACCEPTED = "PNG, JPEG, TIFF, BMP, WebP and .npy images"


def _format(name: str) -> Format | None:
    suffix = PurePath(name).suffix.lower()
    return next((row for row in FORMATS.values() if suffix in row.suffixes), None)


def is_image(name: str) -> bool:
    return _format(name) is not None


def format_of(source: FileSlice) -> Format:
    """The row of a file that `is_image`."""
    row = _format(source.name)
    assert row is not None, source.name
    return row


def count_images(source: FileSlice) -> int:
    """How many images the file holds; raises `Unreadable` where that cannot be told."""
    count = format_of(source).count
    return 1 if count is None else _reading(lambda: count(source))


def read_image(source: FileSlice, number: int) -> Decoded:
    """Image `number` of the file, (H, W, C) uint8, uint16 or float32; raises `Unreadable`."""
    return _reading(lambda: native(format_of(source).read(source, number)))


def _reading(read: Callable[[], Result]) -> Result:
    try:
        return read()
    except (Unreadable, UserError, MemoryError):  # no memory left says nothing about the file
        raise
    except Exception as error:  # a damaged file can raise nearly anything, from several libraries
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(f"it is damaged or cut short: {first}") from error
