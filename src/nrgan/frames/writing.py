"""Files like those that were read, with other images in them."""

from __future__ import annotations

from pathlib import Path

from nrgan.frames.file_slice import FileSlice
from nrgan.frames.formats import format_of, open_file
from nrgan.frames.formats.row import Images, Write
from nrgan.frames.formats.tiff_writing import write_ome
from nrgan.frames.opened import Region
from nrgan.frames.wanted import EVERYTHING, Wanted

OME = ".ome.tif"


def name_like(source: FileSlice, wanted: Wanted = EVERYTHING, other_type: bool = False, added: str = "") -> str:
    """The name of a file that `write_like` writes: the source's own where its kind can be written, else another end.

    PNG is what a JPEG, BMP or WebP file becomes, and OME-TIFF what can only be read. other_type: the images are of
    another type than the file's own. added: what the name has before its end.
    """
    name, row = source.place.name, format_of(source)
    end = name[len(name) - _end_length(name, row.suffixes) :]
    stem = name[: len(name) - len(end)]
    if (ends := _ends(source, wanted, other_type)) is None or end.lower().endswith(ends):
        return stem + added + end
    return stem + added + ends[0]


def _end_length(name: str, suffixes: tuple[str, ...]) -> int:
    """Characters of the end of a name; that of an OME-TIFF has two parts."""
    return max((len(end) for end in (*suffixes, OME, f"{OME}f") if name.lower().endswith(end)), default=0)


def write_like(
    source: FileSlice,
    images: Images,
    path: Path,
    *,
    region: Region | None = None,
    wanted: Wanted = EVERYTHING,
    other_type: bool = False,
) -> None:
    """Writes to `path` a file like `source`: its header is the same, and its images are these.

    images: (H, W, C) each, all of the file's, in the order of their numbers and in the file's own type, or all in
    another one. region: they are that part of the file's images. wanted: how the file was read. The name should be
    `name_like(source, wanted, other_type)`.
    What of a header changes nevertheless is in `CHANGED` of the kind's module. Raises `Unreadable` and `UserError` as
    reading does, and where the kind cannot hold the values.
    """
    _writer(source, wanted, other_type)(source, open_file(source, wanted), images, path, region)


def _writer(source: FileSlice, wanted: Wanted, other_type: bool) -> Write:
    row = format_of(source)
    known = (wanted.axes is None or row.any_axes) and (row.any_type or not other_type)
    return row.write if known and row.write is not None else write_ome


def _ends(source: FileSlice, wanted: Wanted, other_type: bool) -> tuple[str, ...] | None:
    """The ends of names that what is written may have; None for all of its kind's."""
    if _writer(source, wanted, other_type) is write_ome:
        return (OME,)
    return format_of(source).written or None
