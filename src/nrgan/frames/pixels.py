"""What arrays of all kinds of files have in common: one layout, three types, honest limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nrgan.errors import UserError
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.frame import Pixels
from nrgan.frames.opened import Decoded
from nrgan.limits import MOST_CHANNELS
from nrgan.memory import too_large

_COPIES = 3
"""Times that the decoded bytes of an image lie in memory on their way: as decoded, turned upright, and in our type."""

# notes are sentences with a place for "3 images"
ALPHA = "The alpha channel of {} was dropped."
FIRST = "Of {} with several frames only the first is read."
AS_FLOAT = "The values of {} were converted to 32-bit floats (whole numbers up to 16,777,216 are kept exactly)."
NARROWED = "The 64-bit floats of {} are kept as 32-bit floats."
BINARY = "The two values of {} with one bit a pixel became 0 and 255."


def check_size(height: int, width: int, channels: int = 1, item_size: int = 1) -> None:
    """Raises `Unreadable` for an image of no pixels, or of more than memory allows, before anything is allocated."""
    if min(height, width, channels) < 1:
        raise Unreadable(f"{width}x{height} pixels of {channels} channels are no image")
    if reason := too_large(f"decoding {width}x{height} pixels", _COPIES * height * width * channels * item_size):
        raise Unreadable(f"{reason}; cut it into parts")


_ORIENT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def upright(image: Pixels, orientation: object) -> Pixels:
    """The image as EXIF's or TIFF's orientation tag (1 to 8) says that it is looked at; other tags mean nothing."""
    return _ORIENT.get(orientation if isinstance(orientation, int) else 1, _ORIENT[1])(image)


def _unchanged(a: Pixels) -> Pixels:
    return a.astype(a.dtype.newbyteorder("="), copy=False)


def _float32(a: Pixels) -> Pixels:
    with np.errstate(over="ignore"):  # what overflows is refused below, by the image's name
        return a.astype(np.float32)


_NATIVE: dict[str, tuple[Callable[[Pixels], Pixels], tuple[str, ...]]] = {
    "b1": (lambda a: a.astype(np.uint8) * np.uint8(255), (BINARY,)),
    "u1": (_unchanged, ()),
    "u2": (_unchanged, ()),
    "i2": (_unchanged, ()),
    "f4": (_unchanged, ()),
    "f2": (_float32, ()),
    "f8": (_float32, (NARROWED,)),
    **dict.fromkeys(("i1", "i4", "i8", "u4", "u8"), (_float32, (AS_FLOAT,))),
}
"""By kind and bytes of an item: how it becomes uint8, uint16, int16 or float32, and the note on that."""


def native(decoded: Decoded) -> Decoded:
    """The image with its pixels as contiguous (H, W, C) uint8, uint16, int16 or float32 in the machine's byte order.

    What is not finite has no value: it is `missing` then, and NaN. Raises `Unreadable` for other types and for too
    many channels.
    """
    image = decoded.pixels
    kind = f"{image.dtype.kind}{image.dtype.itemsize}"
    if kind not in _NATIVE:
        raise Unreadable(f"its values are of type {image.dtype}, not real numbers of at most 64 bits")
    if image.shape[2] > MOST_CHANNELS:
        raise Unreadable(
            f"it has {image.shape[2]} channels; at most {MOST_CHANNELS} can be taken (<image_channels> chooses some)"
        )
    convert, notes = _NATIVE[kind]
    image = np.ascontiguousarray(convert(image))
    image = image if image.flags.writeable else image.copy()  # torch wants to own what it takes
    missing = decoded.missing
    if image.dtype.kind == "f" and not (finite := np.isfinite(image).all(2)).all():
        missing = np.asarray(~finite if missing is None else missing | ~finite)
        image[~np.isfinite(image)] = np.nan
    return replace(decoded, pixels=image, notes=(*decoded.notes, *notes), missing=missing)


def refuse(where: str, what: str) -> UserError:
    """The error for a file that is whole, but whose meaning only its owner can tell."""
    return UserError(f"{where}: {what}")
