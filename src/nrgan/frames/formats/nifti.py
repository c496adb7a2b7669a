"""NIfTI-1 and NIfTI-2 files of brains, plain or packed with gzip, in one file or as a pair .hdr and .img."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.plain import LONGEST_VALUE, Plain, cropped, pack, plain, put
from nrgan.frames.formats.row import Images
from nrgan.frames.opened import COLUMNS, ROWS, About, Opened, Region
from nrgan.frames.stack import Index, Stack, Values

CHANGED = frozenset({"datatype", "bitpix", "scl_slope", "scl_inter"})
"""The type and its scale change where the file's numbers are scaled to others: floats are written for them."""

_AXES = "XYZTUVW"
_COLOURS = {128: 3, 2304: 4}
"""Samples of the types that are colours."""
_FLOAT, _FLOAT_BITS = 16, 32


@dataclass(frozen=True, eq=False)
class _Scan:
    """A parsed header. data: the file of the values, which begin at `start`; pair: whether it is another file."""

    header: Any
    data: Plain
    start: int
    pair: bool

    @property
    def samples(self) -> int:
        return _COLOURS.get(int(self.header["datatype"]), 0)

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype("u1") if self.samples else self.header.get_data_dtype()

    @property
    def letters(self) -> str:
        """The axes, the fastest one last, as they lie in the file."""
        return _AXES[: int(self.header["dim"][0])][::-1] + ("S" if self.samples else "")

    @property
    def shape(self) -> tuple[int, ...]:
        sides = [int(side) for side in self.header["dim"][1 : int(self.header["dim"][0]) + 1]]
        return (*sides[::-1], *([self.samples] if self.samples else []))

    @property
    def scale(self) -> tuple[float, float] | None:
        """Slope and intercept; None where the stored numbers are the values."""
        slope, intercept = float(self.header["scl_slope"]), float(self.header["scl_inter"])
        if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept) or self.samples:
            return None
        return None if (slope, intercept) == (1, 0) else (slope, intercept)


def _parsed(source: FileSlice) -> _Scan:
    from nibabel.nifti1 import Nifti1Header, Nifti1PairHeader
    from nibabel.nifti2 import Nifti2Header, Nifti2PairHeader

    data = plain(source)
    with data.open() as stream:
        start = stream.read(540)
    size = {int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")} & {348, 540}
    if not size or len(start) < max(size):
        raise Unreadable("it is cut short" if size else "it is not NIfTI, or its header is damaged")
    newer = size == {540}
    magic = start[4:7] if newer else start[344:347]
    if magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise Unreadable("it is not NIfTI, or its header is damaged")
    pair = magic[1:2] == b"i"
    kinds: tuple[Any, Any] = (Nifti2PairHeader, Nifti2Header) if newer else (Nifti1PairHeader, Nifti1Header)
    header = kinds[not pair](start[: max(size)], check=False)
    if not 1 <= int(header["dim"][0]) <= 7:
        raise Unreadable("its header gives no axes")
    offset = float(header["vox_offset"])
    if not 0 <= offset <= 1 << 60:
        raise Unreadable("its header is damaged: its values begin nowhere")
    return _Scan(header, plain(_beside(source)) if pair else data, int(offset), pair)


def _beside(source: FileSlice) -> FileSlice:
    """The .img of a .hdr."""
    if source.member:
        raise Unreadable("its values are in an .img beside it in the archive; unpack it")
    path = _image_path(Path(source.path))
    if not path.is_file():
        raise Unreadable(f"its values are missing: there is no {path.name} beside it")
    size = path.stat().st_size
    return replace(source, path=str(path), name=path.name, offset=0, stored=size, size=size, crc=None)


def _image_path(path: Path) -> Path:
    return path.with_name(path.name.replace(".hdr", ".img"))


def open_nifti(source: FileSlice) -> Stack:
    """Slices are Z, and the repeats in time T; columns run along the file's first axis, and rows along its second."""
    scan = _parsed(source)
    raw = scan.data.getter(scan.start, scan.stored, scan.shape)
    scale = scan.scale

    def scaled(index: Index) -> Values:
        assert scale is not None
        return (raw(index) * np.float64(scale[0]) + scale[1]).astype(np.float32)

    sizes = {axis: float(abs(side)) for axis, side in zip("XYZ", scan.header["pixdim"][1:4], strict=True)}
    sizes = {axis: side for axis, side in sizes.items() if axis in scan.letters and 0 < side < math.inf}
    unit = {1: "m", 2: "mm", 3: "µm"}.get(int(scan.header["xyzt_units"]) & 7, "")
    about = About(_words(scan.header), sizes, unit, repeats="RT", named_by="the file")
    dtype = scan.stored if scale is None else np.dtype("f4")
    return Stack(scan.letters, scan.shape, dtype, raw if scale is None else scaled, about, in_parts=True)


def _words(header: Any) -> dict[str, object]:
    """The header's fields; those of several numbers one by one."""
    words: dict[str, object] = {}
    for name in header.keys():  # noqa: SIM118  # iterating it gives no keys
        value = header[name]
        if value.dtype.kind == "S":
            words[name] = bytes(value).decode("latin-1").rstrip("\0")
        elif value.ndim == 0:
            words[name] = value.item()
        else:
            words |= {f"{name}.{i}": part for i, part in enumerate(value.tolist())}
    return {name: value for name, value in words.items() if len(str(value)) <= LONGEST_VALUE}


def write_nifti(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """The header and what follows it as they are; a region moves the origin. Scaled values are written as floats."""
    scan = _parsed(like)
    header, before, dtype = scan.header.copy(), scan.header.sizeof_hdr, scan.stored
    if scan.scale is not None:
        dtype = np.dtype("f4").newbyteorder(header.endianness)
        header["datatype"], header["bitpix"] = _FLOAT, _FLOAT_BITS
        header["scl_slope"], header["scl_inter"] = 1, 0
    if region is not None:
        _move(header, region)
    shape = cropped(scan.letters, scan.shape, region)
    values = _image_path(path) if scan.pair else path
    with plain(like).open() as old, path.open("wb") as new:
        new.write(header.binaryblock)
        old.seek(before)
        new.write(old.read() if scan.pair else old.read(max(0, scan.start - before)))
    with values.open("wb" if scan.pair else "r+b") as new:
        new.truncate(scan.start + math.prod(shape) * dtype.itemsize)
    array = np.memmap(values, dtype, "r+", scan.start, shape)
    deque(put(images, scan.letters, array), maxlen=0)
    array.flush()
    pack(path, like)
    if scan.pair:
        pack(values, scan.data.source)


def _move(header: Any, region: Region) -> None:
    """Makes a header that of a region of each image: the sides, and where the first voxel lies."""
    first = np.array([region.left, region.top, 0, 1], np.float64)
    quaternion = header.get_qform(coded=True)[0]
    if quaternion is not None:
        for name, value in zip(("qoffset_x", "qoffset_y", "qoffset_z"), quaternion @ first, strict=False):
            header[name] = value
    for name in ("srow_x", "srow_y", "srow_z"):
        header[name][3] = header[name] @ first
    for axis, side in ((COLUMNS, region.width), (ROWS, region.height)):
        header["dim"][_AXES.index(axis) + 1] = side
