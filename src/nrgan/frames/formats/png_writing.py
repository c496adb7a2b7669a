"""Writes a picture as PNG, with what its source says beside its pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from nrgan.frames.file_slice import FileSlice
from nrgan.frames.formats.pictures import ORIENTATION, PNG, open_image
from nrgan.frames.formats.row import Images
from nrgan.frames.opened import Opened, Region

CHANGED = frozenset({"IHDR", "IDAT", "IEND", "PLTE", "tRNS", "bKGD", "hIST", "sBIT", "acTL", "fcTL", "fdAT"})
"""Chunks that are written anew or left out: those of the pixels, of palettes, alpha and unused bits, and of the other
pictures of an animation. Pixels of fewer than 8 bits come to have 8; the orientation in eXIf becomes upright."""
_PALETTE, _PROFILE, _EXIF = 3, b"iCCP", b"eXIf"
_CHUNK = struct.Struct(">I4s")


def write_png(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """The image as PNG; of other pictures the resolution, the profile of colours and EXIF come with it."""
    (image,) = images
    pixels = np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image)
    data = like.load()
    if data.startswith(PNG):
        encoded = imagecodecs.png_encode(pixels)
        start = len(PNG) + _CHUNK.size + 13 + 4
        path.write_bytes(encoded[:start] + b"".join(_kept(data)) + encoded[start:])
        return
    with open_image(data) as old:
        said: dict[str, Any] = {key: old.info[key] for key in ("dpi", "icc_profile") if key in old.info}
        with suppress(Exception):  # damaged notes of a camera do not damage the pixels
            if exif := _upright(old.getexif()):
                said["exif"] = exif
    Image.fromarray(pixels).save(path, "PNG", **said)


def _kept(data: bytes) -> Iterator[bytes]:
    """The chunks of a PNG that stay, whole."""
    palette = data[25] == _PALETTE
    for name, body in _chunks(data):
        if name.decode("latin-1") in CHANGED or (name == _PROFILE and palette):
            continue
        if name == _EXIF:
            exif = Image.Exif()
            exif.load(b"Exif\0\0" + body)
            body = _upright(exif)[6:] if exif.get(ORIENTATION, 1) != 1 else body
        yield _CHUNK.pack(len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk that is whole."""
    place = len(PNG)
    while place + _CHUNK.size <= len(data):
        length, name = _CHUNK.unpack_from(data, place)
        body = data[place + _CHUNK.size : place + _CHUNK.size + length]
        check = data[place + _CHUNK.size + length :][:4]
        if struct.pack(">I", zlib.crc32(name + body)) == check:
            yield name, body
        place += _CHUNK.size + length + 4


def _upright(exif: Image.Exif) -> bytes:
    """The notes of a camera for pixels that have been turned; empty where there are none."""
    if ORIENTATION in exif:
        exif[ORIENTATION] = 1
    return exif.tobytes() if len(exif) else b""
