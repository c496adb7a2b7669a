"""What the numbers of a TIFF page mean: inverted greys, palettes, CMYK and alpha."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC

from nrgan.frames.file_slice import Unreadable
from nrgan.frames.frame import Pixels

_JPEGS = (COMPRESSION.JPEG, COMPRESSION.OJPEG, COMPRESSION.JPEG_LOSSY)
_ALPHAS = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)


def _as_it_is(image: Pixels, page: Any) -> Pixels:
    return image


def _inverted(image: Pixels, page: Any) -> Pixels:
    """White is zero; of signed and real numbers nobody knows the white, so that they stay."""
    if image.dtype.kind == "b":
        return ~image
    white = (1 << page.bitspersample) - 1
    return (white - image).astype(image.dtype) if image.dtype.kind == "u" else image


def _by_palette(image: Pixels, page: Any) -> Pixels:
    """RGB by the page's palette, (3, colours) uint16; 8 bits where it has no more, grey where it is grey."""
    palette = np.asarray(page.colormap).T
    if not (palette % 257).any():
        palette = (palette // 257).astype(np.uint8)
    elif not (palette % 256).any():  # some write 8 bits as multiples of 256
        palette = (palette // 256).astype(np.uint8)
    if (palette == palette[:, :1]).all():
        palette = palette[:, :1]
    return palette[image[..., 0].astype(np.intp)]


def _cmyk(image: Pixels, page: Any) -> Pixels:
    """RGB = (1 - CMY)·(1 - K), for four unsigned inks."""
    if image.shape[2] != 4 or image.dtype.kind != "u":
        raise Unreadable("its inks are not CMYK; save it as RGB")
    white = np.iinfo(image.dtype).max
    light = (white - image).astype(np.float64)
    return np.rint(light[..., :3] * light[..., 3:] / white).astype(image.dtype)


def _ycbcr(image: Pixels, page: Any) -> Pixels:
    """RGB already where JPEG has decoded it."""
    if page.compression not in _JPEGS:
        raise Unreadable("its colours are uncompressed YCbCr; save it as RGB")
    return image


_COLOURS: dict[int, Callable[[Pixels, Any], Pixels]] = {
    PHOTOMETRIC.MINISBLACK: _as_it_is,
    PHOTOMETRIC.RGB: _as_it_is,
    PHOTOMETRIC.CFA: _as_it_is,
    PHOTOMETRIC.LINEAR_RAW: _as_it_is,
    PHOTOMETRIC.MINISWHITE: _inverted,
    PHOTOMETRIC.PALETTE: _by_palette,
    PHOTOMETRIC.SEPARATED: _cmyk,
    PHOTOMETRIC.YCBCR: _ycbcr,
}


CONVERTED = frozenset({PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED})
"""Kinds whose pages have another number of channels than they are read with."""


def in_colour(image: Pixels, page: Any) -> Pixels:
    """The plane (H, W, C) as grey, RGB or plain channels."""
    if page.photometric not in _COLOURS:
        raise Unreadable("its colours are of an unusual kind (such as CIELAB); save it as grey or RGB")
    return _COLOURS[page.photometric](image, page)


def kept_extras(page: Any) -> tuple[int, ...]:
    """The meaning of the page's samples behind its colours that are not alpha."""
    return tuple(int(extra) for extra in page.extrasamples if extra not in _ALPHAS)


def without_alpha(image: Pixels, page: Any) -> tuple[Pixels, bool]:
    """The plane without the samples that the page calls alpha, and whether it had any."""
    extra = page.extrasamples
    first = image.shape[2] - len(extra)
    kept = [i for i in range(image.shape[2]) if i < first or extra[i - first] not in _ALPHAS]
    return (image[..., kept], True) if len(kept) < image.shape[2] else (image, False)
