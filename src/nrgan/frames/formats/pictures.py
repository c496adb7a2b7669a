"""PNG, JPEG, BMP and WebP."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import suppress

import imagecodecs
import numpy as np
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.frame import Pixels
from nrgan.frames.opened import Decoded, Opened, Region
from nrgan.frames.pixels import ALPHA, FIRST, check_size, upright

_PLUGINS = (PngImagePlugin, JpegImagePlugin, BmpImagePlugin, WebPImagePlugin)
"""Imported here, and not by the first of several threads that needs them."""
_KINDS = ("PNG", "JPEG", "BMP", "DIB", "WEBP")
"""All that Pillow may take a file for: some of its other readers run programs."""
ORIENTATION = 0x0112
PNG = b"\x89PNG\r\n\x1a\n"


class _Picture(Opened):
    """A file of one encoded image."""

    def __init__(self, source: FileSlice) -> None:
        self.source = source

    def read(self, number: int, region: Region | None = None) -> Decoded:
        return _read(self.source).of(region)


def open_picture(source: FileSlice) -> Opened:
    return _Picture(source)


def _read(source: FileSlice) -> Decoded:
    """The image of an encoded file, (H, W, C) uint8 or uint16, upright, without alpha; by its bytes, not its suffix.

    Raises `Unreadable` where it is none, cut short, damaged or too large; Pillow's own errors pass.
    """
    data = source.load()
    with open_image(data) as opened:
        deep = _is_png16(data)
        check_size(opened.height, opened.width, 4 if deep else len(opened.getbands()), 2 if deep else 1)
        notes = (FIRST,) if opened.format in ("PNG", "WEBP") and getattr(opened, "is_animated", False) else ()
        # Pillow would reduce 16-bit colours to 8 bits without a word
        decoded = _png16(data) if deep else _by_mode(opened)
        orientation: object = None
        with suppress(Exception):  # damaged notes of a camera do not damage the pixels
            # asked after decoding, as PNG may hold it behind the pixels
            orientation = opened.getexif().get(ORIENTATION)
    return Decoded(upright(decoded.pixels, orientation), (*notes, *decoded.notes))


def open_image(data: bytes) -> ImageFile.ImageFile:
    """The image with its header read. As `Image.open` does it, but with our own limit of pixels, and no warnings."""
    for kind in _KINDS:
        factory, accepts = Image.OPEN[kind]
        try:
            if accepts is None or accepts(data[:16]) is True:
                return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # Pillow's ways to say that it is no such file
            continue
    raise Unreadable("it is not an image, or its beginning is damaged")


def _is_png16(data: bytes) -> bool:
    return data.startswith(PNG) and data[24] == 16


def _png16(data: bytes) -> Decoded:
    image: Pixels = imagecodecs.png_decode(data)
    return _without_alpha(image if image.ndim == 3 else image[..., None])


def _without_alpha(image: Pixels) -> Decoded:
    colours = image.shape[2] - (image.shape[2] + 1) % 2  # 2 and 4 channels have alpha behind 1 and 3
    return Decoded(image[..., :colours], (ALPHA,) if colours < image.shape[2] else ())


def _as(mode: str) -> Callable[[Image.Image], Decoded]:
    def convert(opened: Image.Image) -> Decoded:
        image = np.asarray(opened.convert(mode))
        return _without_alpha(image if image.ndim == 3 else image[..., None])

    return convert


def _palette(opened: Image.Image) -> Decoded:
    """RGB, or grey where the palette (not the picture: a set must agree) is grey."""
    opened.load()  # before that, the palette may not have been read
    colours = np.array(opened.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    grey = bool((colours == colours[:, :1]).all())
    image = np.asarray(opened.convert("RGB"))
    has_alpha = opened.mode == "PA" or "transparency" in opened.info
    return Decoded(image[..., :1] if grey else image, (ALPHA,) if has_alpha else ())


_MODES: dict[str, Callable[[Image.Image], Decoded]] = {
    "1": _as("L"),
    "L": _as("L"),
    "LA": _as("LA"),
    "P": _palette,
    "PA": _palette,
    "RGB": _as("RGB"),
    "RGBX": _as("RGB"),
    "RGBA": _as("RGBA"),
    "CMYK": _as("RGB"),
    "YCbCr": _as("RGB"),
}


def _by_mode(opened: Image.Image) -> Decoded:
    if opened.mode not in _MODES:
        raise Unreadable(f"its colours are of the unusual kind {opened.mode}; save it as grey or RGB")
    return _MODES[opened.mode](opened)
