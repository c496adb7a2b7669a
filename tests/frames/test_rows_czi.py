"""CZI files, made here as Zeiss lays them out: a header, blocks of pixels without packing, and their directory."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, folder, in_archive, same, source_of, values
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.czi import open_czi

pytest.importorskip("czifile")

TYPES = {"u1": 0, "<u2": 1, "<f4": 2}
CODES = {**TYPES, "colours": 3}


def segment(name: str, data: bytes) -> bytes:
    room = -(-len(data) // 32) * 32
    return struct.pack("<16sqq", name.encode(), room, len(data)) + data.ljust(room, b"\0")


def entry(code: int, place: int, axes: str, start: tuple[int, ...], sides: tuple[int, ...], packing: int) -> bytes:
    """A block in the directory: its axes are told the fastest first."""
    told = zip(axes, start, sides, strict=True)
    parts = [struct.pack("<4siifi", axis.encode(), first, side, 0.0, 0) for axis, first, side in told]
    return struct.pack("<2siqiiBB4si", b"DV", code, place, 0, packing, 0, 0, b"", len(axes)) + b"".join(parts[::-1])


def save(path: Path, array: np.ndarray, axes: str, packing: int = 0, left_out: int = 0, pack: Any = None) -> Path:
    """A block for each image, whose axes, YX or YXS, are the last."""
    inner = 3 if axes.endswith("S") else 2
    code = CODES["colours"] if inner == 3 else TYPES[array.dtype.str.replace("|", "")]
    named = axes.removesuffix("S")
    outer = array.shape[: array.ndim - inner]
    file, entries = bytearray(segment("ZISRAWFILE", bytes(512))), []
    for place in list(np.ndindex(*outer))[left_out:]:
        start, sides = (*place, 0, 0), (*([1] * len(outer)), *array.shape[len(outer) : len(outer) + 2])
        told = entry(code, len(file), named, start, sides, packing)
        entries.append(told)
        pixels = pack(array[place]) if pack else array[place].tobytes()
        head = struct.pack("<iiq", 0, 0, len(pixels)) + told
        file += segment("ZISRAWSUBBLOCK", head + bytes(max(0, 240 - len(told))) + pixels)
    directory = len(file)
    file += segment("ZISRAWDIRECTORY", struct.pack("<i", len(entries)) + bytes(124) + b"".join(entries))
    said: Any = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, b"", b"", 0, directory, 0, 0, 0)
    file[32 : 32 + len(said)] = said
    path.write_bytes(file)
    return path


@LAW
@given(st.sampled_from(list(TYPES)), st.sampled_from(["YX", "CYX", "TZYX", "TCZYX", "ZYXS"]), st.integers(0, 99))
def test_blocks_are_images(dtype: str, axes: str, seed: int) -> None:
    sides = {"T": 3, "C": 2, "Z": 2, "Y": 5, "X": 7, "S": 3}
    array = values(tuple(sides[axis] for axis in axes), "u1" if "S" in axes else dtype, seed)
    with folder() as place:
        path = save(place / "a.czi", array, axes)
        meant = np.moveaxis(array, axes.index("C"), -1) if "C" in axes else array
        for source in (source_of(path), in_archive(path)):
            found = check_read(open_czi(source), seed)
            assert len(found) == math.prod(sides[axis] for axis in axes if axis in "TZ")
            got = np.stack([image.pixels for image in found]).reshape(meant.shape)
            assert same(got[..., ::-1] if "S" in axes else got, meant)


def test_what_is_not_complete_is_refused(tmp_path: Path) -> None:
    array = values((2, 3, 5, 7), "u1", 1)
    for more in ({"left_out": 1}, {"packing": 5}):
        with pytest.raises(Unreadable, match=r"not complete|way 5"):
            open_czi(source_of(save(tmp_path / "a.czi", array, "TZYX", **more)))
    tiles = values((1, 2, 5, 7), "u1", 1)
    path = save(tmp_path / "a.czi", tiles, "ZMYX")
    with pytest.raises(Unreadable, match="mosaic"):
        open_czi(source_of(path))


def test_blocks_of_jpeg_xr(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    array = values((2, 16, 24), "<u2", 1)
    path = save(tmp_path / "a.czi", array, "ZYX", 4, pack=lambda image: imagecodecs.jpegxr_encode(image, level=1.0))
    found = check_read(open_czi(source_of(path)), 1)
    assert same(np.stack([image.pixels[..., 0] for image in found]), array)
    path = save(
        tmp_path / "b.czi", array, "ZYX", 4, pack=lambda image: imagecodecs.jpegxr_encode(image[:-1], level=1.0)
    )
    with pytest.raises(Unreadable, match="other sides"):
        open_czi(source_of(path)).read(0)


def test_a_block_is_as_its_directory_says(tmp_path: Path) -> None:
    path = save(tmp_path / "a.czi", values((2, 8, 9), "<u2", 1), "ZYX")
    data = bytearray(path.read_bytes())
    place = data.index(b"ZISRAWSUBBLOCK") + 32
    data[place + 8 : place + 16] = struct.pack("<q", 1 << 40)
    path.write_bytes(data)
    opened = open_czi(source_of(path))
    with pytest.raises(Unreadable, match="directory"):
        opened.read(0)
    assert opened.read(1).pixels.shape == (8, 9, 1)


def test_damaged_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.czi", values((2, 2, 8, 9), "<u2", 1), "TCYX")
    check_damage(open_czi, path, path.stat().st_size, 200)
