"""Which files are images, and how each kind is read. A new kind is one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from nrgan.data.own.arrays import count_npy, count_npz, read_npy, read_npz
from nrgan.data.own.pictures import read_picture
from nrgan.data.own.pieces import Piece, Unreadable
from nrgan.data.own.pixels import Decoded, native
from nrgan.data.own.tiff import count_tiff, read_tiff
from nrgan.errors import UserError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Format:
    """How a kind of file is read: image number n of `count(piece)`, and how that is told apart in its name."""

    read: Callable[[Piece, int], Decoded]
    count: Callable[[Piece], int] | None = None
    """None where it is always one, which spares a look at the file."""
    label: Callable[[int], str] = str


_PICTURE = Format(read_picture)
_TIFF = Format(read_tiff, count_tiff, lambda n: f" page {n + 1}")

FORMATS: dict[str, Format] = {
    ".png": _PICTURE,
    ".jpg": _PICTURE,
    ".jpeg": _PICTURE,
    ".bmp": _PICTURE,
    ".webp": _PICTURE,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".npy": Format(read_npy, count_npy, lambda n: f"[{n}]"),
    ".npz": Format(read_npz, count_npz, lambda n: f"[{n}]"),
}
"""By suffix."""

ACCEPTED = "PNG, JPEG, TIFF, BMP, WebP and .npy images"


def format_of(piece: Piece) -> Format:
    return FORMATS[PurePath(piece.name).suffix.lower()]


def is_image(name: str) -> bool:
    return PurePath(name).suffix.lower() in FORMATS


def count_images(piece: Piece) -> int:
    """How many images the file holds; raises `Unreadable` where that cannot be told."""
    count = format_of(piece).count
    return 1 if count is None else _reading(lambda: count(piece))


def read_image(piece: Piece, frame: int) -> Decoded:
    """Image `frame` of the file, (H, W, C) uint8, uint16 or float32; raises `Unreadable`."""
    return _reading(lambda: native(format_of(piece).read(piece, frame)))


def _reading(read: Callable[[], Result]) -> Result:
    try:
        return read()
    except (Unreadable, UserError, MemoryError):  # no memory left says nothing about the file
        raise
    except Exception as error:  # a damaged file can raise nearly anything, from several libraries
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(f"it is damaged or cut short: {first}") from error
