"""The chunk files of a Zarr array, judged before their numbers are unpacked.

A chunk that says that it unpacks to far more than its numbers take, or would, is refused before memory is taken for it;
so is one that is a link, or no file at all.
"""

from __future__ import annotations

import bz2
import itertools
import lzma
import math
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nrgan.frames.file_slice import Unreadable
from nrgan.frames.stack import Index

CODECS = frozenset(
    "bytes transpose blosc gzip zstd crc32c sharding_indexed zlib lz4 bz2 lzma delta shuffle packbits crc32 adler32 "
    "fletcher32 bitround fixedscaleoffset quantize".split()
)
_BEHIND = frozenset(("crc32c", "fletcher32"))
"""Checksums that stand behind what was packed."""
_WIDENING = frozenset(("delta", "fixedscaleoffset", "quantize"))
_SLACK, _WIDER, _PIECE = 1 << 16, 8, 1 << 20
"""Bytes that a chunk may be longer; times that a codec can make its items wider; bytes unpacked at once."""
_ZSTD, _ZSTD_BLOCK, _DEFLATE = b"\x28\xb5\x2f\xfd", 1 << 17, 1032
"""Zstandard's mark, the most that a block of it unpacks to, and the most that a byte of deflate does."""
_LZMA_MEMORY = 1 << 28
_NO_CHUNK = (1 << 64) - 1


def below(root: Path, path: str) -> Path:
    """The folder or file at a path below the root; raises `Unreadable` where a link would lead out of it."""
    place = root
    for part in [part for part in path.split("/") if part]:
        place = place / part
        if part == ".." or place.is_symlink():
            raise Unreadable("a part of it is a link")
    return place


def codec_names(said: Any) -> Iterable[str]:
    """The names of all codecs in a part of the metadata, in the order of packing, those within shards too."""
    if isinstance(said, (list, tuple)):
        for each in said:
            yield from codec_names(each)
    elif isinstance(said, dict):
        yield str(said.get("id", said.get("name", "?"))).removeprefix("numcodecs.")
        inner = said.get("configuration")
        if isinstance(inner, dict):
            yield from codec_names([inner.get("codecs"), inner.get("index_codecs")])
    elif said is not None:
        yield from codec_names(said.to_dict() if hasattr(said, "to_dict") else said.get_config())


def check_chunks(folder: Path, array: Any, index: Index) -> None:
    """Raises `Unreadable` where a chunk that the index needs is not what it should be."""
    said = array.metadata.to_dict()
    packed = _packed_by(said)
    sides = array.shards or array.chunks
    within = tuple(side // chunk for side, chunk in zip(sides, array.chunks, strict=True))
    wider = _WIDER if _WIDENING & set(codec_names([said.get("codecs"), said.get("filters")])) else 2
    most = wider * math.prod(array.chunks) * np.dtype(array.dtype).itemsize + _SLACK
    touched = [_touched(*part) for part in zip(index, array.shape, array.chunks, strict=True)]
    for place in itertools.product(*({n // k: None for n in some} for some, k in zip(touched, within, strict=True))):
        file = below(folder, array.metadata.encode_chunk_key(place))
        try:
            state = file.lstat()
        except FileNotFoundError:  # all its values are the same, and are not kept
            continue
        if not stat.S_ISREG(state.st_mode) or state.st_size > most * math.prod(within):
            raise Unreadable("one of its chunks is no file, or longer than its numbers")
        with file.open("rb") as stream:
            parts = _parts(stream, said, place, within, touched) if array.shards else [(0, state.st_size)]
            for start, length in parts:
                stream.seek(start)
                if length > most or (packed is not None and packed(stream.read(length), most) > most):
                    raise Unreadable("one of its chunks would unpack to far more than its numbers take")


def _touched(part: int | slice, length: int, side: int) -> range:
    """Numbers of the chunks along an axis."""
    start, stop, _ = part.indices(length) if isinstance(part, slice) else (part, part + 1, 1)
    return range(start // side, -(-stop // side))


def _packed_by(said: dict[str, Any]) -> Callable[[bytes, int], int] | None:
    """What tells how long the bytes of a chunk would be; None where none of its codecs makes them longer."""
    codecs = _sharding(said).get("codecs") or said.get("codecs") or [said.get("filters"), said.get("compressor")]
    names = list(codec_names(codecs))
    packers = [number for number, name in enumerate(names) if name in _SIZES]
    if len(packers) > 1 or (packers and set(names[packers[0] + 1 :]) - _BEHIND) or "sharding_indexed" in names:
        raise Unreadable(f"its chunks are packed in a way that is not read: {', '.join(names)}")
    return _SIZES[names[packers[0]]] if packers else None


def _sharding(said: dict[str, Any]) -> dict[str, Any]:
    """How the parts of shards are packed; empty where there are no shards."""
    codecs = list(said.get("codecs") or ())
    last: Any = codecs[-1] if codecs else {}
    last = last.to_dict() if hasattr(last, "to_dict") else last
    found = last.get("configuration") if last.get("name") == "sharding_indexed" else None
    return dict(found) if found else {}


def _parts(
    stream: BinaryIO, said: dict[str, Any], place: tuple[int, ...], within: tuple[int, ...], touched: list[range]
) -> Iterator[tuple[int, int]]:
    """Start and length of the chunks in a shard that are needed."""
    sharding = _sharding(said)
    names = list(codec_names(sharding.get("index_codecs")))
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise Unreadable(f"the index of its shards is packed: {', '.join(names)}")
    size = math.prod(within) * 16
    at_start = getattr(sharding.get("index_location"), "value", sharding.get("index_location")) == "start"
    stream.seek(0, 2)
    end = stream.tell()
    stream.seek(0 if at_start else max(0, end - size - 4 * (len(names) - 1)))
    index = np.frombuffer(stream.read(size), "<u8").reshape(*within, 2)
    some = [[n % k for n in each if n // k == p] for each, k, p in zip(touched, within, place, strict=True)]
    for number in itertools.product(*some):
        start, length = map(int, index[number])
        if start != _NO_CHUNK:
            if start + length > end:
                raise Unreadable("it is cut short")
            yield start, length


def _of_blosc(data: bytes, most: int) -> int:
    return int.from_bytes(data[4:8], "little")


def _of_lz4(data: bytes, most: int) -> int:
    return int.from_bytes(data[:4], "little")


def _of_zstd(data: bytes, most: int) -> int:
    """What the frame says, or else the most that its blocks can hold."""
    if len(data) < 6 or not data.startswith(_ZSTD):
        raise Unreadable("one of its chunks is damaged")
    flags = data[4]
    single, width = flags >> 5 & 1, (0, 2, 4, 8)[flags >> 6]
    start = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    width = width or single
    if width:
        return int.from_bytes(data[start : start + width], "little") + (256 if width == 2 else 0)
    size = 0
    while start + 3 <= len(data) and size <= most:
        head = int.from_bytes(data[start : start + 3], "little")
        kind, length = head >> 1 & 3, head >> 3
        size += length if kind < 2 else _ZSTD_BLOCK
        start += 3 + (1 if kind == 1 else length)
        if head & 1:
            break
    return size


def _of_deflate(data: bytes, most: int) -> int:
    if len(data) * _DEFLATE <= most:
        return 0
    size = 0
    while data and size <= most:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib
        while not unpacker.eof and data and size <= most:
            size += len(unpacker.decompress(data, _PIECE))
            data = unpacker.unconsumed_tail
        data = unpacker.unused_data.lstrip(b"\0")
    return size


def _unpacked_by(make: Callable[[], Any]) -> Callable[[bytes, int], int]:
    def size_of(data: bytes, most: int) -> int:
        size = 0
        while data and size <= most:
            unpacker = make()
            size += len(unpacker.decompress(data, _PIECE))
            while not (unpacker.eof or unpacker.needs_input or size > most):
                size += len(unpacker.decompress(b"", _PIECE))
            data = unpacker.unused_data
        return size

    return size_of


_SIZES: dict[str, Callable[[bytes, int], int]] = {
    "blosc": _of_blosc,
    "lz4": _of_lz4,
    "zstd": _of_zstd,
    "gzip": _of_deflate,
    "zlib": _of_deflate,
    "bz2": _unpacked_by(bz2.BZ2Decompressor),
    "lzma": _unpacked_by(lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)),
}
"""Codecs that make bytes shorter: the length of what they would unpack to, at least where it is more than `most`."""
