"""Writes TIFF files: like another one, page by page with all its words, or anew as OME-TIFF."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path, PurePath
from shutil import copyfileobj
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG, TIFF

from nrgan.frames.file_slice import FileSlice
from nrgan.frames.formats.plain import type_for
from nrgan.frames.formats.row import Images
from nrgan.frames.formats.tiff import Tiff
from nrgan.frames.formats.tiff_colours import kept_extras
from nrgan.frames.opened import COLUMNS, ROWS, Opened, Region

_ORIENTATION, _COLOUR_MAP, _DESCRIPTION, _SUBFILE = 274, 320, 270, 254
_RESOLUTION = (282, 283, 296)
_OF_JPEG = (347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532)
CHANGED = frozenset({*TIFF.TAG_FILTERED, *_RESOLUTION, *_OF_JPEG, _ORIENTATION, _COLOUR_MAP, _SUBFILE})
"""Tags that may differ in what is written like a TIFF: how the pixels lie, what they meant before they were decoded
(palettes, inks, alpha, turns), EXIF and GPS folders, and words that are written where there were none: a resolution of
1, a page that is no preview. A region changes the sides in the description too. Previews and masks, which no longer
fit, are left out."""

_LOSSLESS = {COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.PACKBITS, COMPRESSION.ZSTD}
_KEPT_COLOURS = {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW}
_IN_PAGE = {"YX", "YXS", "SYX", "YXC", "CYX"}
_IFD_TYPES = (13, 18)
_NO_TEXT = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd]")
"""What XML cannot hold."""
_DIFFERENCES, _OF_FLOATS = 2, 3
_PIXEL_TYPE = re.compile(rb'(<(?:\w+:)?Pixels\b[^>]*?\b)Type="[a-z0-9-]+"')
"""What an OME description says of the type of values."""
_MOST = 2**32 - 2**25
"""Bytes of a TIFF that is not a BigTIFF."""


def write_tiff(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """Every page anew with its own tags, in the file's order and byte order; lossy compression becomes deflate.

    The images may be of another type than the file's, which the new file is of then. Kinds whose private tags tell
    places in the file (LSM, FluoView, Micro-Manager), and those of which only some pages are images, are written as
    OME-TIFF.
    """
    assert isinstance(opened, Tiff)
    in_place = opened.stacks[0].start is not None
    own = opened.stacks[0].dtype
    dtype, images = (None, images) if own is None else type_for(own, images)
    if not _can_be_kept(opened, region) or (in_place and dtype != own):
        write_ome(like, opened, images, path, region)
    elif in_place:
        _write_in_place(like, opened, images, path)
    else:
        with tifffile.TiffFile(like.open()) as old:
            old.pages.useframes = False  # frames are pages without their tags
            whole = sum(int(key.nbytes) for page in old.pages if (key := page.keyframe) is not None)
            new = tifffile.TiffWriter(
                path,
                bigtiff=old.is_bigtiff or whole > _MOST,
                byteorder=old.byteorder,
                ome=False,
                imagej=False,
                shaped=False,
            )
            with new:
                for place, plane in _in_order(opened, images):
                    page = old.pages[place]
                    new.write(_laid(plane, page), contiguous=False, **_as_before(page, plane, region))


def _write_in_place(like: FileSlice, opened: Tiff, images: Images, path: Path) -> None:
    """A copy of a file whose one page is followed by the planes of all images, with others in their place."""
    stack = opened.stacks[0]
    dtype = np.dtype(stack.dtype).newbyteorder(opened.file.byteorder)
    with like.open() as old, path.open("wb") as new:
        copyfileobj(old, new)
        new.seek(stack.start or 0)
        for _, plane in _in_order(opened, images):
            new.write(plane.astype(dtype, copy=False).tobytes())


def _laid(plane: npt.NDArray[Any], page: Any) -> npt.NDArray[Any]:
    """A plane as its page lies: samples last, or first where they lie apart."""
    if plane.shape[2] == 1:
        return plane[:, :, 0]
    return plane if page.planarconfig == PLANARCONFIG.CONTIG else plane.transpose(2, 0, 1)


def _can_be_kept(opened: Tiff, region: Region | None) -> bool:
    """Whether all its pages are planes of images, whose axes are as in the file."""
    file, stacks = opened.file, opened.stacks
    if opened.letters is not None or file.is_lsm or file.is_fluoview or file.is_mmstack:
        return False
    if any(stack.start is not None for stack in stacks):
        return region is None and len(stacks) == 1 and stacks[0].axes in ("YX", "YXS")
    used = [stack.pages[int(index)] for stack in stacks for index in stack.table.ravel()]
    named = any(stack.axes for stack in stacks)  # what the file says counts its pages: none may go
    if named and sorted(_place(page) for page in used) != list(range(len(file.pages))):
        return False
    keys = {id(page.keyframe): page.keyframe for page in used}.values()
    axes = {"".join(a for a, n in zip(key.axes, key.shape, strict=True) if a in "YX" or n > 1) for key in keys}
    return axes <= _IN_PAGE and not (named and any(key.photometric not in _KEPT_COLOURS for key in keys))


def _place(page: Any) -> int:
    """The number of a page in the file; -1 where it is none of the list of pages."""
    return page.index if page is not None and isinstance(page.index, int) else -1


def _in_order(opened: Tiff, images: Images) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """The number of each page and its plane, (H, W, samples), in the file's order.

    An image whose planes lie apart is kept until its last one.
    """
    rows = [(stack, row) for stack in opened.stacks for row in stack.table]
    found = [
        (_place(stack.pages[int(index)]) if stack.start is None else int(index), number, channel)
        for number, (stack, row) in enumerate(rows)
        for channel, index in enumerate(row)
    ]
    left, kept, rest, taken = [len(row) for _, row in rows], dict[int, npt.NDArray[Any]](), iter(images), 0
    for place, number, channel in sorted(found):
        while taken <= number:
            kept[taken] = next(rest)
            taken += 1
        image = kept[number]
        samples = image.shape[2] // len(rows[number][1])
        yield place, image[:, :, channel * samples : (channel + 1) * samples]
        left[number] -= 1
        if not left[number]:
            del kept[number]


def _as_before(page: Any, plane: npt.NDArray[Any], region: Region | None) -> dict[str, Any]:
    """What `TiffWriter.write` is to be told for a page to be like an old one."""
    samples = plane.shape[2]
    kept = page.photometric in _KEPT_COLOURS
    compression = COMPRESSION(page.compression) if page.compression in _LOSSLESS else COMPRESSION.ADOBE_DEFLATE
    if plane.dtype.kind == "b":
        compression = COMPRESSION.NONE
    told: dict[str, Any] = {
        "photometric": page.photometric if kept else PHOTOMETRIC.RGB if samples == 3 else PHOTOMETRIC.MINISBLACK,
        "compression": compression,
        "predictor": _predictor(page, plane.dtype) if page.compression in _LOSSLESS else None,
        "subfiletype": int(page.subfiletype),
        "software": False,
        "metadata": None,
        "extratags": _words(page, plane.dtype, region),
    }
    if samples > 1:
        told["planarconfig"] = page.planarconfig
    colours = 3 if told["photometric"] == PHOTOMETRIC.RGB else 1
    if samples > colours:
        told["extrasamples"] = kept_extras(page)[: samples - colours] or (0,) * (samples - colours)
    if page.is_tiled and not (page.tilelength % 16 or page.tilewidth % 16):
        told["tile"] = (page.tilelength, page.tilewidth)
    elif not page.is_tiled:
        told["rowsperstrip"] = page.rowsperstrip
    across, down, unit = (page.tags.get(code) for code in _RESOLUTION)
    if across is not None and down is not None and unit is not None and all(across.value) and all(down.value):
        told |= {"resolution": (across.value, down.value), "resolutionunit": int(unit.value)}
    return told


def _predictor(page: Any, dtype: np.dtype[Any]) -> int | None:
    """That of the page; of values of another type the one that there is for those."""
    if page.predictor not in (_DIFFERENCES, _OF_FLOATS) or dtype.kind == page.dtype.kind:
        return page.predictor if page.predictor in (_DIFFERENCES, _OF_FLOATS) else None
    return _OF_FLOATS if dtype.kind == "f" else _DIFFERENCES


def _words(page: Any, dtype: np.dtype[Any], region: Region | None) -> list[tuple[int, int, int, bytes, bool]]:
    """The page's other tags, byte by byte."""
    found = []
    for tag in page.tags.values():
        if tag.code in CHANGED or tag.dtype in _IFD_TYPES:
            continue
        page.parent.filehandle.seek(tag.valueoffset)
        data = page.parent.filehandle.read(tag.valuebytecount)
        if tag.code == _DESCRIPTION and region is not None:
            data = _of_region(data, region)
        if tag.code == _DESCRIPTION and dtype.kind == "f" != page.dtype.kind:
            data = _PIXEL_TYPE.sub(rb'\g<1>Type="float"', data)
        count = tag.count if len(data) == tag.valuebytecount else len(data)
        found.append((tag.code, int(tag.dtype), count, data, False))
    return found


def _of_region(description: bytes, region: Region) -> bytes:
    """A description with the sides of a region: OME's and tifffile's own tell them."""
    text = description.rstrip(b"\0")
    with suppress(ValueError, LookupError, TypeError, AttributeError):  # else it is nobody's but the user's
        words = json.loads(text)
        shape, axes = words["shape"], words.get("axes", "")
        rows = axes.index(ROWS) if ROWS in axes else len(shape) - (3 if shape[-1] in (3, 4) else 2)
        shape[rows], shape[rows + 1] = region.height, region.width
        return json.dumps(words).encode("ascii") + b"\0"
    for side, length in (("X", region.width), ("Y", region.height)):
        text = re.sub(rb'(<(?:\w+:)?Pixels\b[^>]*?\bSize%s=")\d+' % side.encode(), rb"\g<1>%d" % length, text)
    return text + b"\0"


def write_ome(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """An OME-TIFF of all images, with pixel size, names of channels, and the words of the file's header as a map.

    Depth and time keep their axes; all other axes that count images become one of time.
    """
    rest = iter(images)
    first = next(rest)
    height, width, channels = first.shape
    outer = [(axis, length) for axis, length in opened.axes if length > 1]
    if not {axis for axis, _ in outer} <= {"T", "Z"}:
        outer = [("T", opened.count)]
    colours = [("C", channels)] if channels > 1 else []
    axes, shape = zip(*outer, *colours, (ROWS, height), (COLUMNS, width), strict=True)
    about = opened.about
    metadata: dict[str, Any] = {"axes": "".join(axes), "Name": PurePath(like.name).name}
    for axis in "XYZ":
        if about.unit and (size := about.pixel_size.get(axis)):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": about.unit}
    if len(about.channels) == channels:
        metadata["Channel"] = {"Name": list(about.channels)}
    if about.header:
        words = {name: _NO_TEXT.sub(" ", str(value)) for name, value in about.header.items()}
        metadata["MapAnnotation"] = {"Namespace": "header", "Value": words}
    big = math.prod(shape) * first.dtype.itemsize > _MOST
    with tifffile.TiffWriter(path, ome=True, bigtiff=big) as new:
        planes = (plane for image in chain([first], rest) for plane in np.ascontiguousarray(image.transpose(2, 0, 1)))
        new.write(planes, shape=shape, dtype=first.dtype, photometric="minisblack", metadata=metadata)
