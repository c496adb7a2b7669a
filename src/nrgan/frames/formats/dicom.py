"""DICOM files of hospitals, of one frame or many: stored values, never rescaled, of the bits that are in use.

What is packed as JPEG, JPEG-LS, JPEG 2000 or RLE is decoded by imagecodecs. A file that is written is a *derived* one:
an instance of a new series, whose source is named, with plain pixels.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.dicom_frames import Scan, frames_of, packed_as, palette_of
from nrgan.frames.formats.plain import LONGEST_VALUE, Plain, plain
from nrgan.frames.formats.row import Images
from nrgan.frames.opened import About, Opened, Region
from nrgan.frames.stack import Index, Stack, Values
from nrgan.memory import too_large

CHANGED = frozenset(
    "SOPInstanceUID SeriesInstanceUID ImageType DerivationDescription PhotometricInterpretation PlanarConfiguration "
    "BitsAllocated BitsStored HighBit PixelRepresentation SamplesPerPixel SmallestImagePixelValue "
    "LargestImagePixelValue RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
    "BluePaletteColorLookupTableDescriptor".split()
)
COLOURS = "The colours of {} were converted from YCbCr to RGB."
PALETTE = "The palette of {} was applied: the values are red, green and blue."

_NAMES = (".dcm", ".dicom", ".ima", ".dcm.gz")
"""Ends of names of files that may lack the mark at their beginning."""
_META, _LONGEST_META, _PIECE = 144, 1 << 16, 1 << 22
_PIXELS = {0x7FE00010: "", 0x7FE00008: "f4", 0x7FE00009: "f8"}
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_PEOPLE = ("Institution", "Physician", "Operator", "Station", "Accession", "Address", "Telephone", "DeviceSerial")
_SPACE = 0x0010
"""The group of what tells who the patient is."""
_MOST_BYTES = (1 << 32) - 2


class _Stream(NamedTuple):
    """A stream as pydicom wants it: it would ask others for the name of their file."""

    read: Callable[..., bytes]
    seek: Callable[..., int]
    tell: Callable[[], int]


def _parsed(source: FileSlice) -> Scan:
    from pydicom import dcmread

    data = _inflated(plain(source))
    with data.open() as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forced = source.name.lower().endswith(_NAMES)
        words = dcmread(_Stream(stream.read, stream.seek, stream.tell), stop_before_pixels=True, force=forced)
        start = stream.tell()
        head = stream.read(12)
        implicit, little = words.original_encoding
        syntax = str(words.file_meta.get("TransferSyntaxUID") or _PLAIN[0 if implicit else 1 if little else 2])
        order = ">" if syntax == _PLAIN[2] else "<"
        group, element = struct.unpack(order + "HH", head[:4].ljust(4, b"\0"))
        tag = group << 16 | element
        needed = ("Rows", "Columns") if words.preamble else ("Rows", "Columns", "SOPClassUID")
        if tag not in _PIXELS or not all(name in words for name in needed):
            raise Unreadable("it holds no images")
        implicit = syntax == _PLAIN[0]
        (length,) = struct.unpack(order + "L", head[4:8] if implicit else head[8:12])
        start += 8 if implicit else 12
        known, plain_pixels = None if length == 0xFFFFFFFF else length, syntax in _PLAIN
        if (known is None) == plain_pixels:
            raise Unreadable("its pixels are not stored as its transfer syntax says")
    swapped = not implicit and head[4:6] == b"OW"
    return Scan(data, words, start, known, order, _PIXELS[tag], packed_as(syntax), swapped)


def _inflated(data: Plain) -> Plain:
    """The file with all that follows its first group unpacked, where that is deflated, and said to be plain."""
    with data.open() as stream:
        head = stream.read(_META)
        if head[128:140] != b"DICM\2\0\0\0UL\4\0":
            return data
        head += stream.read(min(_LONGEST_META, int.from_bytes(head[140:144], "little")))
        if _DEFLATED not in head:
            return data
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        pieces, size = [head.replace(_DEFLATED, _PLAIN[1].encode().ljust(len(_DEFLATED), b"\0"))], 0
        while piece := unpacker.unconsumed_tail or stream.read(_PIECE):
            pieces.append(unpacker.decompress(piece, _PIECE))
            size += len(pieces[-1])
            if reason := too_large(f"unpacking more than {size:,} bytes", 2 * size):
                raise Unreadable(reason)
            if unpacker.eof:
                break
    if not unpacker.eof:
        raise Unreadable("it is cut short")
    return Plain(data.source, b"".join(pieces))


def open_dicom(source: FileSlice) -> Stack:
    """Frames are N. What rescales the values stays in the header; padding is no value."""
    return _stack(_parsed(source))


def _stack(scan: Scan) -> Stack:
    shape = (*([scan.frames] if scan.frames > 1 else []), *scan.sides)
    letters, dtype, get, notes = scan.letters, scan.dtype, frames_of(scan), tuple[str, ...]()
    if scan.colours == "PALETTE COLOR":
        first, colours = palette_of(scan)
        letters, shape, dtype = f"{letters}S", (*shape, 3), colours.dtype
        get, notes = _painted(get, first, colours), (PALETTE,)
    elif scan.colours.startswith("YBR_") and len(scan.sides) == 3:
        get, notes = _as_rgb(scan, get), (COLOURS,)
    sizes = _pixel_size(scan.words)
    padding = _padding(scan.words) if "S" not in letters and not scan.float_type else None
    least, most = padding or (0, 0)
    return Stack(
        letters,
        shape,
        dtype,
        get,
        About(_header(scan.words), sizes, "mm" if sizes else "", named_by="the file"),
        in_parts=scan.length is not None and scan.words.BitsAllocated > 1,
        missing=(lambda index: (least <= get(index)) & (get(index) <= most)) if padding else None,
        notes=notes,
    )


def _painted(get: Callable[[Index], Values], first: int, colours: Values) -> Callable[[Index], Values]:
    """What gives the colours for numbers of a palette; those outside of it are its first or its last."""

    def painted(index: Index) -> Values:
        numbers = get(index[:-1]).astype(np.int64) - first
        return colours[np.clip(numbers, 0, len(colours) - 1)][..., index[-1]]

    return painted


def _as_rgb(scan: Scan, get: Callable[[Index], Values]) -> Callable[[Index], Values]:
    """What gives red, green and blue; JPEG and JPEG 2000 decode to them already."""
    from pydicom.pixels.processing import convert_color_space

    if scan.packing in ("jpeg8", "jpeg2k") or not scan.colours.startswith("YBR_FULL"):
        return get
    return lambda index: convert_color_space(get(index), scan.colours, "RGB")


def _padding(words: Any) -> tuple[int, int] | None:
    """The least and the largest value that stand for nothing."""
    first = words.get("PixelPaddingValue")
    if not isinstance(first, int):
        return None
    last = words.get("PixelPaddingRangeLimit", first)
    return min(first, last), max(first, last)


def _pixel_size(words: Any) -> dict[str, float]:
    spacing = words.get("PixelSpacing") or words.get("ImagerPixelSpacing")
    shared = words.get("SharedFunctionalGroupsSequence")
    if not spacing and shared and shared[0].get("PixelMeasuresSequence"):
        spacing = shared[0].PixelMeasuresSequence[0].get("PixelSpacing")
    if not spacing or isinstance(spacing, str) or len(spacing) != 2 or not all(float(size) > 0 for size in spacing):
        return {}
    return {"Y": float(spacing[0]), "X": float(spacing[1])}


def _header(words: Any) -> dict[str, object]:
    """Keywords and values of the outermost data set, without who the patient is and who treated them."""
    header: dict[str, object] = {}
    for tag in words.keys():  # noqa: SIM118  # iterating it parses the elements, and a bad one would end it
        try:
            element = words[tag]
            name, value = element.keyword, element.value
        except Exception:  # an element that cannot be parsed says nothing, and the rest is still good
            continue
        said = "Patient" in name and name not in ("PatientPosition", "PatientOrientation") and "Image" not in name
        private = tag.group == _SPACE or element.VR == "PN" or said or any(part in name for part in _PEOPLE)
        if not name or private or element.VR in ("SQ", "UN") or isinstance(value, bytes) or value is None:
            continue
        several = isinstance(value, Iterable) and not isinstance(value, str)
        kind = int if isinstance(value, int) else float if isinstance(value, float) else str
        header[name] = "\\".join(map(str, value)) if several else kind(value)
    return {name: value for name, value in header.items() if len(str(value)) <= LONGEST_VALUE}


def write_dicom(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """A derived instance, with plain pixels in explicit little endian. All of a folder come to be of one series."""
    from pydicom import dcmwrite
    from pydicom.uid import ExplicitVRLittleEndian

    scan = _parsed(like)
    words, stack = scan.words, _stack(scan)
    dtype = stack.dtype.newbyteorder("<")
    least, most, size = 0, 0, 0
    with TemporaryFile(dir=path.parent) as pixels, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for image in images:
            size += pixels.write(image.astype(dtype).tobytes())
            if dtype.kind != "f":
                least, most = min(least, int(image.min())), max(most, int(image.max()))
        if size > _MOST_BYTES:
            raise Unreadable("its values are more than a DICOM file can hold")
        _derive(words, path)
        if "S" in stack.letters:
            _paint(words)
        words.BitsAllocated = 8 * dtype.itemsize
        if dtype.kind != "f":
            stored, _, signed = scan.bits
            signed = signed and dtype.kind == "i"
            fits = (-(1 << (stored - 1)) if signed else 0) <= least and most < 1 << (stored - signed)
            words.BitsStored = stored if fits else 8 * dtype.itemsize
            words.HighBit = words.BitsStored - 1
        if region is not None:
            _move(words, region)
        words.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(path, words, implicit_vr=False, little_endian=True, enforce_file_format=True)
        kind = {"f4": b"OF", "f8": b"OD"}.get(scan.float_type, b"OB" if dtype.itemsize == 1 else b"OW")
        tag = next(tag for tag, float_type in _PIXELS.items() if float_type == scan.float_type)
        pixels.seek(0)
        with path.open("ab") as file:
            file.write(struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, kind, 0, size + size % 2))
            copyfileobj(pixels, file)
            file.write(b"\0" * (size % 2))


def _derive(words: Any, path: Path) -> None:
    """Makes a data set that of a derived image, and names its source."""
    from pydicom.dataset import Dataset
    from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

    words.SOPInstanceUID = words.get("SOPInstanceUID") or generate_uid()
    words.SOPClassUID = words.get("SOPClassUID", SecondaryCaptureImageStorage)
    words.file_meta.MediaStorageSOPClassUID = words.SOPClassUID
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = words.SOPClassUID, words.SOPInstanceUID
    words.SourceImageSequence = [source]
    words.SOPInstanceUID = words.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    words.SeriesInstanceUID = generate_uid(
        entropy_srcs=[str(words.get("SeriesInstanceUID", "")), str(path.parent.resolve()), "NR-GAN"]
    )
    kind = words.get("ImageType") or ["", "PRIMARY"]
    words.ImageType = ["DERIVED", *([kind] if isinstance(kind, str) else list(kind))[1:]]
    words.DerivationDescription = "Values changed by NR-GAN"
    for name in ("SmallestImagePixelValue", "LargestImagePixelValue", "ExtendedOffsetTable"):
        if name in words:
            delattr(words, name)


def _paint(words: Any) -> None:
    """Makes a data set that of red, green and blue."""
    if words.PhotometricInterpretation == "PALETTE COLOR":
        words.PixelRepresentation = 0
    words.SamplesPerPixel, words.PhotometricInterpretation, words.PlanarConfiguration = 3, "RGB", 0
    for tag in [tag for tag in words.keys() if 0x00281101 <= tag <= 0x00281224]:  # noqa: SIM118
        del words[tag]


def _move(words: Any, region: Region) -> None:
    """Makes a data set that of a region of each frame: the sides, and where the first pixel lies in space."""
    spacing = _pixel_size(words)
    words.Rows, words.Columns = region.height, region.width
    for tag in [tag for tag in words.keys() if tag.group & 0xFF00 == 0x6000]:  # noqa: SIM118
        del words[tag]
    groups = [
        *(words.get("SharedFunctionalGroupsSequence") or ()),
        *(words.get("PerFrameFunctionalGroupsSequence") or ()),
    ]
    turns = [part for group in groups for part in group.get("PlaneOrientationSequence") or ()]
    places = [words, *(part for group in groups for part in group.get("PlanePositionSequence") or ())]
    turned = next((part.ImageOrientationPatient for part in (words, *turns) if "ImageOrientationPatient" in part), None)
    for place in places:
        if spacing and turned and "ImagePositionPatient" in place:
            along, down = np.array(turned[:3], float), np.array(turned[3:], float)
            shift = along * spacing["X"] * region.left + down * spacing["Y"] * region.top
            place.ImagePositionPatient = [f"{x:.10g}" for x in np.array(place.ImagePositionPatient, float) + shift]
