"""FITS files of telescopes and cameras, plain, packed with gzip, or with compressed tiles.

Every extension that holds pixels of the same shape and type as the largest is an image, or a cube of images. What
other extensions say of errors and weights is left alone; masks tell where there is no value.
"""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from string import ascii_uppercase
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.plain import LONGEST_VALUE, Plain, Several, cropped, pack, plain, put
from nrgan.frames.formats.row import Images
from nrgan.frames.frame import SensorPlace
from nrgan.frames.opened import About, Opened, Region
from nrgan.frames.pixels import check_size
from nrgan.frames.stack import Index, Stack, Values, sliced

CHANGED = frozenset({"BITPIX", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM"})
"""The type and its scale change where the file's numbers are scaled to others: floats are written for them."""

OVERSCAN = "The overscan of {} was left out."
OTHERS = "Images in {} of another shape or type than the largest were left out."

_NOT_DATA = re.compile(r"(ERR|VAR|UNC|WHT|WEIGHT|IVAR|STDDEV|EXP|CON|CTX|TIME|SAMP|D2IM|WCSDV)[A-Z_]*\d*$", re.I)
_MASK = re.compile(r"(DQ|MASK|BPM|BADPIX)[A-Z_]*\d*$", re.I)
_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]\s*$")
_KINDS = (
    ("T", ("TIME", "UTC", "TAI", "MJD", "JD")),
    ("E", ("WAVE", "AWAV", "FREQ", "VELO", "VRAD", "VOPT", "ENER", "LAMBDA")),
    ("P", ("STOKES",)),
    ("S", ("RGB", "COLOR", "COLOUR")),
)
"""Letters of axes by the beginning of their CTYPE: time, wavelength, polarisation, colours."""
_UNKNOWN = "NQUVWIJKLM"
_SECTIONS = ("TRIMSEC", "DATASEC", "BIASSEC", "CCDSEC")
_Section = tuple[int, int, int, int]


@contextmanager
def _units(data: Plain) -> Iterator[Any]:
    """The file's HDUs; astropy's remarks on damaged headers would go to the screen."""
    from astropy.io import fits

    with warnings.catch_warnings(), data.open() as stream:
        warnings.simplefilter("ignore")
        yield fits.open(stream, memmap=False, lazy_load_hdus=False, do_not_scale_image_data=True, cache=False)


@dataclass(frozen=True, eq=False)
class _Unit:
    """An HDU with pixels. shape: numpy's order. start: where they begin; None where they lie in compressed tiles."""

    number: int
    header: Any
    name: str
    version: int
    shape: tuple[int, ...]
    start: int | None

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(_TYPES[self.header["BITPIX"]])

    @property
    def scale(self) -> tuple[float, float]:
        return float(self.header.get("BSCALE", 1)), float(self.header.get("BZERO", 0))

    @property
    def sign(self) -> Any:
        """The bit that makes whole numbers unsigned, or bytes signed, by the usual BZERO; None where it is another."""
        sign = 1 << (8 * self.stored.itemsize - 1)
        if self.stored.kind == "f" or self.scale != (1, -sign if self.stored.itemsize == 1 else sign):
            return None
        return self.stored.type(sign if self.stored.kind == "u" else -sign)

    @property
    def scaled(self) -> bool:
        return self.scale != (1, 0) and self.sign is None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values as they are meant."""
        if self.sign is not None:
            return np.dtype("i1" if self.stored.itemsize == 1 else self.stored.str.replace("i", "u"))
        if self.scaled and self.stored.kind != "f":
            return np.dtype("f4" if self.stored.itemsize < 4 else "f8")
        return self.stored

    @property
    def letters(self) -> str:
        """The axes' names: rows and columns are the last two, the others as CTYPE says."""
        left = list(_UNKNOWN)
        found = ""
        for axis in range(len(self.shape), 2, -1):
            said = str(self.header.get(f"CTYPE{axis}", "")).strip().upper()
            letter = next((letter for letter, words in _KINDS if said.startswith(words)), "")
            found += letter if letter and letter not in found else left.pop(0)
        return found + "YX"

    def section(self) -> _Section | None:
        """(top, left, height, width) of what is not overscan; None for all of it."""
        for key in _SECTIONS[:2]:
            if match := _SECTION.match(str(self.header.get(key, "")).strip()):
                left, right, top, bottom = map(int, match.groups())
                height, width = self.shape[-2:]
                found = top - 1, left - 1, bottom - top + 1, right - left + 1
                if 1 <= left <= right <= width and 1 <= top <= bottom <= height and found[2:] != (height, width):
                    return found
        return None

    def place(self) -> SensorPlace:
        """Where the array begins on the sensor, by the offsets that cutting programs leave (LTV)."""
        top, left = (-float(self.header.get(f"LTV{axis}", 0)) for axis in (2, 1))
        whole = top >= 0 <= left and top.is_integer() and left.is_integer()
        return SensorPlace(int(top), int(left)) if whole and self.header.get("LTM1_1", 1) == 1 else SensorPlace()


def _unit(number: int, hdu: Any) -> _Unit | None:
    """An HDU as far as it holds pixels."""
    from astropy.io import fits

    tiles = isinstance(hdu, fits.CompImageHDU)
    if not tiles and not isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU)):
        return None
    header = hdu.header
    shape = tuple(int(header.get(f"NAXIS{axis}", 0)) for axis in range(int(header.get("NAXIS", 0)), 0, -1))
    if len(shape) < 2 or min(shape) < 1 or header["BITPIX"] not in _TYPES or len(shape) > 10:
        return None
    if tiles:
        check_size(1, math.prod(hdu.tile_shape), 1, 8)
    start = None if tiles else int(hdu.fileinfo()["datLoc"])
    return _Unit(number, header, str(hdu.name).strip(), int(hdu.ver or 1), shape, start)


def _images(found: Any) -> tuple[list[_Unit], list[_Unit], bool]:
    """All HDUs with pixels; those that are images, of one shape and type; and whether there are other images."""
    units = [unit for number, hdu in enumerate(found) if (unit := _unit(number, hdu)) is not None]
    images = [unit for unit in units if not _MASK.match(unit.name) and not _NOT_DATA.match(unit.name)]
    if not images:
        raise Unreadable("it holds no images, or only masks and errors")
    largest = max(images, key=lambda unit: math.prod(unit.shape))
    same = [unit for unit in images if (unit.shape, unit.dtype) == (largest.shape, largest.dtype)]
    return units, same, len(same) < len(images)


def open_fits(source: FileSlice) -> Opened:
    """Images as they are stored: the first row of the file is row 0, though it is mostly shown at the bottom."""
    data = plain(source)
    with _units(data) as found:
        units, images, others = _images(found)
        first = found[0].header
    masks = [unit for unit in units if _MASK.match(unit.name) and unit.stored.kind != "f"]
    stacks = []
    for unit in images:
        own = (mask for mask in masks if (mask.version, mask.shape) == (unit.version, unit.shape))
        stacks.append(_stack(data, unit, next(own, None), first, (OTHERS,) if others else ()))
    return stacks[0] if len(stacks) == 1 else Several(stacks)


def _stack(data: Plain, unit: _Unit, mask: _Unit | None, first: Any, notes: tuple[str, ...]) -> Stack:
    shape, place, section = unit.shape, unit.place(), unit.section()
    raw, gaps = _getter(data, unit), _getter(data, mask) if mask is not None else None
    top, left, *sides = section or (0, 0, *shape[-2:])
    shape, notes = (*shape[:-2], *sides), (OVERSCAN, *notes) if section else notes

    def shifted(index: Index) -> Index:
        *_, rows, columns = sliced(index, shape)
        return *index[:-2], slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left)

    blank = unit.header.get("BLANK") if unit.stored.kind != "f" and not unit.scaled else None

    def missing(index: Index) -> npt.NDArray[np.bool_]:
        index = shifted(index)
        found = np.False_ if blank is None else raw(index) == blank
        return np.asarray(found | (gaps(index) != 0) if gaps is not None else found)

    words = {**_words(first), **_words(unit.header)} if unit.number else _words(unit.header)
    return Stack(
        unit.letters,
        shape,
        unit.dtype,
        lambda index: _meant(unit, raw(shifted(index))),
        About(words, *_pixel_size(unit.header), str(unit.header.get("BUNIT", "")).strip(), named_by="the file"),
        in_parts=True,
        missing=missing if blank is not None or gaps is not None else None,
        place=SensorPlace(place.top + top, place.left + left),
        notes=notes,
    )


def _getter(data: Plain, unit: _Unit) -> Callable[[Index], Values]:
    """What reads stored numbers, in place or tile by tile."""
    if unit.start is not None:
        return data.getter(unit.start, unit.stored, unit.shape)
    lock = threading.Lock()

    def get(index: Index) -> Values:
        with lock, _units(data) as found:
            values = np.asarray(found[unit.number].section[sliced(index, unit.shape)])
        return values[tuple(0 if isinstance(part, int) else slice(None) for part in index)].astype(unit.stored)

    return get


def _meant(unit: _Unit, raw: Values) -> Values:
    """Stored numbers as the values that the header makes of them."""
    if unit.sign is not None:
        return (raw ^ unit.sign).astype(unit.stored, copy=False).view(unit.dtype)
    if not unit.scaled:
        return raw
    values = (raw.astype(np.float64) * unit.scale[0] + unit.scale[1]).astype(unit.dtype)
    if "BLANK" in unit.header and unit.stored.kind != "f":
        values[raw == unit.header["BLANK"]] = np.nan
    return values


def _words(header: Any) -> dict[str, object]:
    words: dict[str, object] = {}
    for card in header.cards:
        try:
            key, value = card.keyword, card.value
        except Exception:  # a card that cannot be parsed says nothing, and the rest is still good
            continue
        if key in ("COMMENT", "HISTORY"):
            words[key] = f"{words[key]}\n{value}" if key in words else str(value)
        elif key and isinstance(value, (bool, int, float, str)):
            words[key] = value
    return {key: value for key, value in words.items() if len(str(value)) <= LONGEST_VALUE}


def _pixel_size(header: Any) -> tuple[Mapping[str, float], str]:
    sizes, units = {}, set()
    for axis, letter in ((1, "X"), (2, "Y")):
        size = math.hypot(*(header.get(f"CD{row}_{axis}", 0) for row in (1, 2))) or header.get(f"CDELT{axis}", 0)
        sky = str(header.get(f"CTYPE{axis}", ""))[:4].rstrip("-") in ("RA", "DEC", "GLON", "GLAT", "ELON", "ELAT")
        unit = str(header.get(f"CUNIT{axis}", "")).strip() or ("deg" if sky else "")
        sizes[letter] = abs(float(size)) * (3600 if unit == "deg" else 1)
        units.add("arcsec" if unit == "deg" else unit)
    known = len(units) == 1 and units != {""} and all(0 < size < math.inf for size in sizes.values())
    return (sizes, units.pop()) if known else ({}, "")


def write_fits(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """All that is no image stays byte by byte; compressed tiles are written as plain pixels, whose header is the same.

    Values that were scaled are written as the floats that they are. Overscan stays, but where there is a region.
    """
    data, rest = plain(like), iter(images)
    with _units(data) as found, data.open() as old, path.open("w+b") as new:
        units, chosen, _ = _images(found)
        for number, hdu in enumerate(found):
            unit = next((unit for unit in units if unit.number == number), None)
            image = unit in chosen
            if unit is not None and (image or (region is not None and unit.shape[-2:] == chosen[0].shape[-2:])):
                _write_unit(new, data, unit, rest if image else None, (unit if image else chosen[0]).section(), region)
            else:
                info = hdu.fileinfo()
                old.seek(info["hdrLoc"])
                new.write(old.read(info["datLoc"] + info["datSpan"] - info["hdrLoc"]))
    pack(path, like)


def _write_unit(
    new: BinaryIO, data: Plain, unit: _Unit, images: Iterator[Any] | None, place: _Section | None, region: Region | None
) -> None:
    """An HDU with new images in its section, or with those of a region of it alone; without images, its own values."""
    header, floats = unit.header.copy(), images is not None and unit.scaled
    for key in ("CHECKSUM", "DATASUM", *(("BSCALE", "BZERO", "BLANK") if floats else ())):
        header.remove(key, ignore_missing=True)
    header["BITPIX"] = unit.dtype.itemsize * -8 if floats else header["BITPIX"]
    top, left, *sides = place or (0, 0, *unit.shape[-2:])
    window = Region(top, left, *sides)
    if region is not None:
        window = replace(region, top=top + region.top, left=left + region.left)
        _move(header, window)
    new.write(header.tostring().encode("latin-1"))
    new.flush()
    start, dtype = new.tell(), np.dtype(_TYPES[header["BITPIX"]])
    shape = cropped(unit.letters, unit.shape, region and window)
    new.truncate(start + -(-math.prod(shape) * dtype.itemsize // 2880) * 2880)
    array = np.memmap(new, dtype, "r+", start, shape)
    if region is None or images is None:
        kept = (slice(None),) * 2 if region is None else window.slices
        raw = _getter(data, unit)((*(slice(None),) * (len(shape) - 2), *kept))
        array[...] = _meant(unit, raw) if floats else raw
    if images is not None:
        inside = array if region is not None else array[(..., *window.slices)]
        own = (image.astype(unit.dtype, copy=False) for image in islice(images, math.prod(shape[:-2])))
        raws = own if unit.sign is None else (image.view(unit.stored) ^ unit.sign for image in own)
        deque(put(raws, unit.letters, inside), maxlen=0)
    array.flush()
    new.seek(0, 2)


def _move(header: Any, window: Region) -> None:
    """Makes a header that of a window: what told sections of the whole goes, what tells places follows."""
    for key in _SECTIONS:
        header.remove(key, ignore_missing=True)
    for axis, first, length in ((1, window.left, window.width), (2, window.top, window.height)):
        header[f"NAXIS{axis}"] = length
        header[f"LTV{axis}"] = header.get(f"LTV{axis}", 0) - first
        for name in ("", *ascii_uppercase):
            if (key := f"CRPIX{axis}{name}") in header:
                header[key] -= first
