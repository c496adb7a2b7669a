"""MRC files of electron microscopes, plain or packed with gzip or bzip2: stacks of images, and volumes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.plain import Plain, cropped, pack, plain, put
from nrgan.frames.formats.row import Images
from nrgan.frames.opened import COLUMNS, ROWS, About, Opened, Region
from nrgan.frames.stack import Stack

CHANGED = frozenset({"dmin", "dmax", "dmean", "rms"})

_HEADER_BYTES = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
_IMOD, _IMOD_SIGNED = 1146047817, 1
"""The mark of IMOD, and its flag for signed bytes."""
_FIRST_VOLUME_STACK = 401
"""Space groups from here on are those of volumes one after the other."""


@dataclass(frozen=True, eq=False)
class _Map:
    """What the header says: the array's place, type, shape and axes."""

    header: Any
    start: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    letters: str


def open_mrc(source: FileSlice) -> Stack:
    """Images of a stack are N; planes of a volume, its slowest axis, are Z."""
    data = plain(source)
    found = _parsed(data)
    get = data.getter(found.start, found.dtype, found.shape)
    sizes = _pixel_size(found.header)
    about = About(_words(found.header), sizes, "Å" if sizes else "", named_by="the file")
    return Stack(found.letters, found.shape, found.dtype, get, about, in_parts=True)


def _parsed(data: Plain) -> _Map:
    from mrcfile.dtypes import HEADER_DTYPE

    with data.open() as stream:
        start = stream.read(_HEADER_BYTES)
    if len(start) < _HEADER_BYTES:
        raise Unreadable("it is cut short")
    order = _byte_order(start)
    header = np.frombuffer(start, HEADER_DTYPE.newbyteorder(order), 1)[0]
    mode = int(header["mode"])
    if mode not in _MODES:
        raise Unreadable(f"its values are of MRC mode {mode}; modes {', '.join(map(str, _MODES))} can be read")
    marks = np.frombuffer(start, np.dtype("i4").newbyteorder(order), 2, 152)
    unsigned = mode == 0 and marks[0] == _IMOD and not marks[1] & _IMOD_SIGNED
    dtype = np.dtype("u1" if unsigned else _MODES[mode]).newbyteorder(order)
    letters, shape = _axes(header)
    return _Map(header, _HEADER_BYTES + int(header["nsymbt"]), dtype, shape, letters)


def _byte_order(start: bytes) -> Literal["<", ">"]:
    """By the machine's stamp, and where that is missing by which order makes the mode one that there is."""
    if start[212:213] in (b"\x44", b"\x11"):
        return "<" if start[212:213] == b"\x44" else ">"
    if int.from_bytes(start[12:16], "little") in _MODES:
        return "<"
    if int.from_bytes(start[12:16], "big") in _MODES:
        return ">"
    raise Unreadable("it is not an MRC file, or its header is damaged")


def _axes(header: Any) -> tuple[str, tuple[int, ...]]:
    nx, ny, nz, mz, group = (int(header[name]) for name in ("nx", "ny", "nz", "mz", "ispg"))
    if group < 1 or mz <= 1:  # what is called a volume of single planes is frames too
        return ("YX", (ny, nx)) if nz == 1 else ("NYX", (nz, ny, nx))
    order = "".join("?XYZ"[int(header[name])] if 1 <= header[name] <= 3 else "?" for name in ("maps", "mapr", "mapc"))
    letters = order if set(order) == set("XYZ") else "ZYX"
    if group >= _FIRST_VOLUME_STACK and nz % mz == 0:
        return "N" + letters, (nz // mz, mz, ny, nx)
    return letters, (nz, ny, nx)


def _pixel_size(header: Any) -> dict[str, float]:
    cells = {axis: (float(header["cella"][axis.lower()]), int(header["m" + axis.lower()])) for axis in "YXZ"}
    found = {axis: length / count for axis, (length, count) in cells.items() if count > 0 and 0 < length < math.inf}
    return found if {"X", "Y"} <= set(found) else {}


def _words(header: Any) -> dict[str, object]:
    """The header's fields; those of several numbers one by one."""
    words: dict[str, object] = {}
    for name in header.dtype.names:
        value = header[name]
        if name == "label":
            words[name] = "\n".join(_text(line) for line in value[: max(0, min(10, int(header["nlabl"])))])
        elif value.dtype.names:
            words |= {f"{name}.{part}": value[part].item() for part in value.dtype.names}
        elif value.dtype.kind == "S" and value.ndim == 0:
            words[name] = _text(value)
        elif value.dtype.kind in "iuf" and value.ndim == 0:
            words[name] = value.item()
        elif value.dtype.kind in "iuf" and value.size <= 8 and name != "machst":
            words |= {f"{name}.{i}": part for i, part in enumerate(value.tolist())}
    return words


def _text(value: Any) -> str:
    return bytes(value).decode("latin-1").replace("\0", " ").strip()


def write_mrc(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """The header as it is, but for the statistics of the values, and where there is a region the sides and places."""
    data = plain(like)
    found = _parsed(data)
    shape = cropped(found.letters, found.shape, region)
    with data.open() as stream:
        start = bytearray(stream.read(found.start))
    header = np.frombuffer(start, found.header.dtype, 1)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(found.start + math.prod(shape) * found.dtype.itemsize)
    array = np.memmap(path, found.dtype, "r+", found.start, shape)
    least, most, count, total, squares = math.inf, -math.inf, 0, 0.0, 0.0
    for image in put(images, found.letters, array):
        if found.dtype.kind != "c":
            wide = image[np.isfinite(image)].astype(np.float64)
            least, most = min(least, float(wide.min(initial=least))), max(most, float(wide.max(initial=most)))
            count, total, squares = count + wide.size, total + float(wide.sum()), squares + float((wide**2).sum())
    array.flush()
    if count and math.isfinite(squares):
        mean = total / count
        values = least, most, mean, math.sqrt(max(0.0, squares / count - mean**2))
        for name, value in zip(("dmin", "dmax", "dmean", "rms"), values, strict=True):
            header[name] = value
    if region is not None:
        _move(header, region, found.letters)
    with path.open("r+b") as file:
        file.write(start)
    pack(path, like)


def _move(header: Any, region: Region, letters: str) -> None:
    """Makes a header that of a region of each image."""
    columns = {letters[-1]: "x", letters[-2]: "y", letters[-3:-2]: "z"}
    for axis, first, length in ((ROWS, region.top, region.height), (COLUMNS, region.left, region.width)):
        stored, cell = columns[axis], axis.lower()
        counted, spacing = int(header["m" + cell][0]), 0.0
        if counted > 0:
            spacing = float(header["cella"][cell][0]) / counted
            # the sampling of the cell goes with the file's sides where it was theirs
            if counted == int(header["n" + stored][0]):
                header["m" + cell] = length
                header["cella"][cell] = spacing * length
        header["n" + stored] = length
        header[f"n{stored}start"] += first
        header["origin"][cell] += spacing * first
