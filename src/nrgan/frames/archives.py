"""The members of zip and tar archives, as slices of the file, read in place; nothing is ever unpacked to the disk."""

from __future__ import annotations

import re
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable

PACKINGS = {zipfile.ZIP_STORED: "", zipfile.ZIP_DEFLATED: "deflate", zipfile.ZIP_BZIP2: "bzip2"}
MAX_RATIO = 200
"""How much smaller than its contents a large compressed member may be: images never are, archives made to harm are."""
LARGE = 100_000_000
_LOCAL_HEADER = 30


def zip_members(archive: FileSlice) -> Iterator[FileSlice]:
    """The files of a zip, hidden ones left out, in the archive's order; raises `UserError` by the archive's name."""
    try:
        with archive.open() as opened, zipfile.ZipFile(opened) as listed:
            for info in listed.infolist():
                if _is_shown(archive, info.orig_filename) and not info.is_dir():
                    yield zip_member(archive, opened, info)
    except (zipfile.BadZipFile, NotImplementedError, Unreadable, struct.error) as error:
        raise UserError(f"{archive.full_name}: cannot be read as a zip ({error}); get the archive anew") from error


def zip_member(archive: FileSlice, opened: BinaryIO, info: zipfile.ZipInfo) -> FileSlice:
    """One member, `opened` being the archive's stream; raises `UserError` where it is encrypted or made to harm."""
    name = info.filename
    if info.flag_bits & 1:
        raise UserError(f"{archive.full_name}: {name} is encrypted; pack the images without a password")
    if info.compress_type not in PACKINGS:
        raise UserError(f"{archive.full_name}: {name} is packed by an unusual method; pack it with deflate, or stored")
    if info.file_size > LARGE and info.file_size > MAX_RATIO * info.compress_size:
        raise UserError(
            f"{archive.full_name}: {name} would unpack to {info.file_size:,} bytes from {info.compress_size:,}, as "
            "archives made to fill memory do; take it out"
        )
    opened.seek(info.header_offset)
    header = opened.read(_LOCAL_HEADER)
    lengths = struct.unpack("<HH", header[26:30])
    return replace(
        archive,
        name=f"{archive.name}:{name}",
        member=name,
        offset=archive.offset + info.header_offset + _LOCAL_HEADER + sum(lengths),
        stored=info.compress_size,
        size=info.file_size,
        packing=PACKINGS[info.compress_type],
        crc=info.CRC,
        alone=False,
    )


def tar_members(archive: FileSlice) -> Iterator[FileSlice]:
    """The files of a tar, hidden ones left out, in the archive's order; links are no files."""
    if archive.read(0, 2) == b"\x1f\x8b" or archive.read(0, 3) == b"BZh" or archive.read(0, 6) == b"\xfd7zXZ\0":
        raise UserError(f"{archive.full_name}: is a compressed tar, which cannot be read in place; gunzip (or unxz) it")
    try:
        with archive.open() as opened, tarfile.open(fileobj=opened, mode="r:") as tar:
            for info in tar:
                if _is_shown(archive, info.name) and info.isfile() and not info.issparse():
                    yield replace(
                        archive,
                        name=f"{archive.name}:{info.name}",
                        member=info.name,
                        offset=archive.offset + info.offset_data,
                        stored=info.size,
                        size=info.size,
                        alone=False,
                    )
                tar.members = []  # type: ignore[attr-defined]  # else the tar keeps a second index in memory
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{archive.full_name}: cannot be read as a tar ({error}); get the archive anew") from error


def _is_shown(archive: FileSlice, name: str) -> bool:
    """Whether the member is not hidden; raises `UserError` where its name climbs out of the archive."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise UserError(f"{archive.full_name}: {name!r} is a path that climbs out of the archive; pack it anew")
    hidden = any(part.startswith(".") and part != "." for part in parts) or "__MACOSX" in parts
    return not hidden


ARCHIVES: dict[str, Callable[[FileSlice], Iterator[FileSlice]]] = {".zip": zip_members, ".tar": tar_members}
"""Readers of archives by suffix."""


def is_archive(name: str) -> bool:
    return name.lower().endswith(tuple(ARCHIVES))
