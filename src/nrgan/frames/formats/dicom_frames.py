"""The frames of DICOM files: where they lie, how they are unpacked, which of their bits are in use, and palettes."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.plain import Plain
from nrgan.frames.pixels import check_size
from nrgan.frames.stack import Index, Values

_JPEG, _LOSSLESS, _JPEG_LS, _JPEG_2000, _RLE = "jpeg8", "ljpeg", "jpegls", "jpeg2k", "rle"
_END = b"\xff\xd9"
_CODECS = {
    **dict.fromkeys(("50", "51"), _JPEG),
    **dict.fromkeys(("57", "70"), _LOSSLESS),
    **dict.fromkeys(("80", "81"), _JPEG_LS),
    **dict.fromkeys(("90", "91", "201", "202", "203"), _JPEG_2000),
}
"""By the end of a transfer syntax 1.2.840.10008.1.2.4."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A parsed file. start, length: of the values; without a length they are packed frame by frame."""

    data: Plain
    words: Any
    start: int
    length: int | None
    order: str
    float_type: str
    packing: str
    swapped: bool

    @property
    def frames(self) -> int:
        return int(self.words.get("NumberOfFrames") or 1)

    @property
    def sides(self) -> tuple[int, ...]:
        """Of a frame: rows, columns, and samples where there are several."""
        samples = int(self.words.get("SamplesPerPixel", 1))
        return (int(self.words.Rows), int(self.words.Columns), *([samples] if samples > 1 else []))

    @property
    def bits(self) -> tuple[int, int, bool]:
        """Bits in use, bits below them, and whether the numbers are signed."""
        allocated, stored = int(self.words.BitsAllocated), int(self.words.BitsStored)
        below = int(self.words.get("HighBit", stored - 1)) + 1 - stored
        if not 0 < stored <= allocated or below < 0 or below + stored > allocated:
            raise Unreadable(f"it says that {stored} bits of {allocated} are in use, the highest {stored + below - 1}")
        return stored, below if self.length is not None else 0, bool(self.words.get("PixelRepresentation", 0))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values as they are meant."""
        allocated = int(self.words.BitsAllocated)
        if self.float_type:
            return np.dtype(self.float_type)
        if allocated == 1:
            return np.dtype("u1")
        if allocated not in (8, 16, 32):
            raise Unreadable(f"its values have {allocated} bits")
        return np.dtype(f"{'i' if self.bits[2] else 'u'}{allocated // 8}")

    @property
    def colours(self) -> str:
        return str(self.words.get("PhotometricInterpretation", ""))

    @property
    def letters(self) -> str:
        return ("N" if self.frames > 1 else "") + ("YXS" if len(self.sides) > 2 else "YX")


def frames_of(scan: Scan) -> Callable[[Index], Values]:
    """What reads the values of frames, before any palette."""
    return packed(scan) if scan.length is None else stored(scan)


def stored(scan: Scan) -> Callable[[Index], Values]:
    """What reads plain pixels, in place."""
    sides, frames = scan.sides, scan.frames
    allocated = int(scan.words.BitsAllocated)
    if scan.colours in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        raise Unreadable("its colours are stored for pairs of pixels; save it as RGB")
    assert scan.length is not None
    if scan.order == ">" and allocated == 8 and scan.swapped:
        raise Unreadable("its bytes are stored in swapped pairs; save it as little endian")
    if allocated == 1:
        return _single_bits(scan, scan.length)
    planes = len(sides) == 3 and int(scan.words.get("PlanarConfiguration", 0)) == 1
    shape = (frames, sides[2], *sides[:2]) if planes else (frames, *sides)
    raw_type = np.dtype(scan.float_type or f"u{allocated // 8}").newbyteorder(scan.order)  # type: ignore[arg-type]
    if math.prod(shape) * raw_type.itemsize > scan.length:
        raise Unreadable("it is cut short: there are fewer values than rows, columns and frames")
    raw = scan.data.getter(scan.start, raw_type, shape)

    def get(index: Index) -> Values:
        index = index if frames > 1 else (0, *index)
        if planes:
            number, rows, columns, samples = index
            last = raw((number, samples, rows, columns))
            return used_bits(np.moveaxis(last, -3, -1), scan.dtype, *scan.bits)
        return raw(index) if scan.float_type else used_bits(raw(index), scan.dtype, *scan.bits)

    return get


def packed(scan: Scan) -> Callable[[Index], Values]:
    """What decodes frames."""
    from pydicom.encaps import get_frame

    if not scan.packing:
        raise Unreadable(f"its transfer syntax is not read: {scan.words.file_meta.TransferSyntaxUID.name}")
    check_size(scan.sides[0], scan.sides[1], math.prod(scan.sides[2:]), 4)
    tables = [scan.words.get(name) for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    offsets = (tables[0], tables[1]) if all(tables) else None

    def get(index: Index) -> Values:
        number = int(index[0]) if scan.frames > 1 else 0  # type: ignore[arg-type]
        with scan.data.open() as stream:
            stream.seek(scan.start)
            data = get_frame(stream, number, number_of_frames=scan.frames, extended_offsets=offsets)
        values = decoded(scan.packing, data, scan.sides, int(scan.words.BitsAllocated), scan.colours)
        return used_bits(values.reshape(scan.sides)[index[scan.frames > 1 :]], scan.dtype, *scan.bits)

    return get


def _single_bits(scan: Scan, length: int) -> Callable[[Index], Values]:
    """What reads values of one bit: eight to a byte, the lowest first, and frames without a gap between them."""
    if len(scan.sides) > 2 or scan.bits[0] != 1 or scan.bits[2] or (scan.order == ">" and scan.swapped):
        raise Unreadable("its values of one bit are stored in a way that is not read; save it with 8 bits")
    count = math.prod(scan.sides)
    size = -(-scan.frames * count // 8)
    if size > length:
        raise Unreadable("it is cut short: there are fewer values than rows, columns and frames")
    raw = scan.data.getter(scan.start, np.dtype("u1"), (size,))

    def get(index: Index) -> Values:
        first = (int(index[0]) if scan.frames > 1 else 0) * count  # type: ignore[arg-type]
        run = raw((slice(first // 8, -(-(first + count) // 8)),))
        bits = np.unpackbits(run, bitorder="little")[first % 8 :][:count]
        return bits.reshape(scan.sides)[index[scan.frames > 1 :]]

    return get


def palette_of(scan: Scan) -> tuple[int, Values]:
    """The value of a palette's first colour, and its colours, (n, 3)."""
    from pydicom.pixels.processing import apply_color_lut

    said = scan.words.get("RedPaletteColorLookupTableDescriptor")
    if not said or len(said) != 3 or len(scan.sides) > 2 or scan.float_type or scan.order == ">":
        raise Unreadable("its values are numbers of colours, and its palette is missing or not read; save it as RGB")
    count, first, bits = int(said[0]) or 1 << 16, int(said[1]), int(said[2])
    if bits not in (8, 16) or count > 1 << bits:
        raise Unreadable(f"its palette of {count} colours of {bits} bits is not read; save it as RGB")
    for colour in ("Red", "Green", "Blue"):
        data = scan.words.get(f"Segmented{colour}PaletteColorLookupTableData")
        if data is not None and _segmented_size(data, bits) > count:
            raise Unreadable("its palette has more colours than it says")
    colours = apply_color_lut(np.arange(first, first + count, dtype=np.int32), scan.words)[:, :3]
    if bits == 8 and colours.dtype.itemsize > 1:
        colours = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
    return first, colours


def _segmented_size(data: bytes, bits: int) -> int:
    """Colours of a palette that is told in runs, before they are made."""
    numbers = np.frombuffer(data, f"<u{bits // 8}").astype(int).tolist()
    place = size = 0
    while place + 2 <= len(numbers):
        kind, count = numbers[place : place + 2]
        if kind > 1:
            raise Unreadable("its palette repeats parts of itself, which is not read; save it as RGB")
        size += count
        place += 2 + (count if kind == 0 else 1)
    return size


def packed_as(syntax: str) -> str:
    """What packs the frames of a DICOM file of this transfer syntax; empty where none that is known does."""
    if syntax == "1.2.840.10008.1.2.5":
        return _RLE
    family, _, kind = syntax.rpartition(".")
    return _CODECS.get(kind, "") if family == "1.2.840.10008.1.2.4" else ""


def decoded(codec: str, data: bytes, sides: tuple[int, ...], bits: int, colours: str) -> Values:
    """A packed frame of a DICOM file, (rows, columns) or with samples; colours come as RGB where its JPEG tells."""
    import imagecodecs

    if codec == _RLE:
        dtype = np.dtype(f"u{bits // 8}")
        planes = np.frombuffer(imagecodecs.dicomrle_decode(data, dtype), dtype)
        return np.moveaxis(planes.reshape(math.prod(sides[2:]), *sides[:2]), 0, -1)
    said = _sides_of_jpeg(data)
    if said != (sides[0], sides[1], math.prod(sides[2:])):
        raise Unreadable(f"a frame is of {said} rows, columns and samples, and the header says {sides}")
    if codec == _JPEG:
        unpack: Any = imagecodecs.jpeg8_decode
        if len(sides) == 2:
            return unpack(data)
        return unpack(data, colorspace="YCBCR" if colours.startswith("YBR") else "RGB", outcolorspace="RGB")
    if codec == _JPEG_LS and not data.rstrip(b"\0").endswith(_END):
        data += _END  # a decoder that does not find it searches for seconds
    return getattr(imagecodecs, f"{codec}_decode")(data)


def _sides_of_jpeg(data: bytes) -> tuple[int, int, int]:
    """Rows, columns and samples of a JPEG of any kind: what it says, before memory is taken for it."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start >= 0 and data[:2] != b"\xff\xd8":
        width, height, left, top = struct.unpack(">4L", data[start + 8 : start + 24])
        return height - top, width - left, int.from_bytes(data[start + 40 : start + 42], "big")
    place = 2
    while place + 9 < len(data):
        kind, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if kind == 0xFF:
            place += 1
        elif kind == 0xF7 or (0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC)):
            rows, columns = struct.unpack(">HH", data[place + 5 : place + 9])
            return rows, columns, data[place + 9]
        else:
            place += 2 + length
    raise Unreadable("a frame of it is damaged")


def used_bits(raw: Values, dtype: np.dtype[Any], stored: int, below: int, signed: bool) -> Values:
    """The `stored` bits of whole numbers that are in use, above `below` others, with their sign."""
    if raw.dtype.kind == "i":  # a decoder that knows of signs
        return raw.astype(dtype, copy=False)
    if stored == 8 * dtype.itemsize:
        return raw.astype(f"u{dtype.itemsize}", copy=False).view(dtype)
    used = (raw >> raw.dtype.type(below)) & raw.dtype.type((1 << min(stored, 8 * raw.dtype.itemsize)) - 1)
    if not signed:
        return used.astype(dtype, copy=False)
    sign = 1 << (stored - 1)
    return ((used.astype(np.int64) ^ sign) - sign).astype(dtype)
