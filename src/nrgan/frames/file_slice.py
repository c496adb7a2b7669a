"""Where the bytes of an image file lie: a file, or a part of an archive, read in place."""

from __future__ import annotations

import bz2
import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from nrgan.errors import UserError
from nrgan.memory import too_large


class Unreadable(Exception):
    """An image cannot be had from its file; the message is the reason alone, for a list of such files."""


UNPACKERS: dict[str, Callable[[], Any]] = {
    "deflate": lambda: zlib.decompressobj(-zlib.MAX_WBITS),
    "bzip2": bz2.BZ2Decompressor,
}


@dataclass(frozen=True, slots=True)
class FileSlice:
    """`stored` bytes of the file `path` from `offset` on, which are an image file of `size` bytes.

    name: what people see. member: its name in the archive, empty where the file stands by itself.
    packing: a row of `UNPACKERS`, empty where the bytes are stored as they are. crc: what their CRC-32 should be.
    stamp: when `path` was last changed, in nanoseconds. alone: whether the file is all that was asked for.
    kind: its row of formats, where its name does not say it.

    Every read opens the file, reads and closes it: there is no handle that threads, forks and pickles could share.
    """

    path: str
    name: str
    offset: int
    stored: int
    size: int
    member: str = ""
    packing: str = ""
    crc: int | None = None
    stamp: int = 0
    alone: bool = False
    kind: str = ""

    @property
    def full_name(self) -> str:
        """The file for an error: its path, with the member of the archive."""
        return f"{self.path}:{self.member}" if self.member else self.path

    @property
    def is_member(self) -> bool:
        """Whether it is a file of an archive; the `member` of an HDF5 file, /path, is none."""
        return bool(self.member) and not self.member.startswith("/")

    @property
    def place(self) -> PurePosixPath:
        """Its folders and its name: below the folder that was asked for, or in its archive."""
        return PurePosixPath(self.member.replace("\\", "/") if self.is_member else self.name)

    def read(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset` of the slice on, fewer at its end; only for bytes that are not compressed."""
        assert not self.packing
        return _read_at(self.path, self.offset + offset, max(0, min(count, self.size - offset)))

    def load(self) -> bytes:
        """All bytes, decompressed; raises `Unreadable` where they are cut short or altered."""
        if reason := too_large(f"loading {self.size:,} bytes", self.stored + self.size):
            raise Unreadable(reason)
        if self.size == 0:
            raise Unreadable("it is empty")
        data = _read_at(self.path, self.offset, self.stored)
        if self.packing:
            data = self._unpack(data)
        if len(data) != self.size:
            raise Unreadable("it is cut short")
        if self.crc is not None and zlib.crc32(data) != self.crc:
            raise Unreadable("its checksum is wrong")
        return data

    def _unpack(self, data: bytes) -> bytes:
        try:
            # one byte more than declared is enough to see a member that would grow without end
            unpacked: bytes = UNPACKERS[self.packing]().decompress(data, self.size + 1)
        except (zlib.error, OSError, EOFError) as error:
            raise Unreadable("its compressed bytes are damaged") from error
        if len(unpacked) > self.size:
            raise UserError(f"{self.full_name}: unpacks to more bytes than the archive declares; get the archive anew")
        return unpacked

    def open(self) -> BinaryIO:
        """A stream of the bytes: in place where they are stored, in memory where they are compressed."""
        if self.packing:
            return io.BytesIO(self.load())
        return _Reader(_Stream(self), 1 << 16)  # type: ignore[return-value, unused-ignore]


def _read_at(path: str, offset: int, count: int) -> bytes:
    try:
        with Path(path).open("rb", buffering=0) as file:
            file.seek(offset)
            # what a header claims may be anything, and reading takes the memory first
            count = min(count, max(0, os.fstat(file.fileno()).st_size - offset))
            data = file.read(count)
            while 0 < len(data) < count and (more := file.read(count - len(data))):
                data += more
            return data
    except OSError as error:
        raise cannot_read(path, error) from error


def cannot_read(path: object, error: OSError) -> UserError:
    """The error for a file or folder that the system does not let be read."""
    return UserError(f"{path}: cannot be read: {error.strerror or error}; mend that, or move it elsewhere")


class _Reader(io.BufferedReader):
    """Reads no more than there is: for a header that claims gigabytes no memory is taken."""

    def read(self, size: int | None = -1, /) -> bytes:
        stream = self.raw
        assert isinstance(stream, _Stream)
        left = max(0, stream.source.size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


class _Stream(io.RawIOBase):
    """A slice as a stream: only a position, no handle."""

    def __init__(self, source: FileSlice) -> None:
        self.source = source
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.source.size}[whence]
        self.position = max(0, start + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: Any) -> int:
        data = self.source.read(self.position, len(buffer))
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)
