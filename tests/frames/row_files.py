"""The laws that every row of scientific formats keeps, and the files on which they are tried."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.row import Write
from nrgan.frames.opened import Decoded, Opened, Region

LAW = settings(max_examples=25, deadline=None)
Open = Callable[[FileSlice], Opened]


def source_of(path: Path, member: str = "") -> FileSlice:
    size = path.stat().st_size if path.is_file() else 0
    return FileSlice(str(path), path.name, 0, size, size, member=member, alone=True)


def in_archive(path: Path) -> FileSlice:
    """The same file as a stored member of an archive: behind other bytes, and before others."""
    data = path.read_bytes()
    held = path.with_name("held.zip")
    held.write_bytes(b"x" * 37 + data + b"y" * 11)
    return FileSlice(str(held), path.name, 37, len(data), len(data), member=path.name)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def values(shape: tuple[int, ...], dtype: Any, seed: int) -> np.ndarray:
    """Values of the whole range of a type; some are no numbers where it has such."""
    dtype = np.dtype(dtype)
    random_bytes = np.random.default_rng(seed).integers(0, 256, (*shape, dtype.itemsize), dtype=np.uint8)
    if dtype.kind in "iu":
        return random_bytes.view(dtype)[..., 0]
    if dtype.kind == "b":
        return random_bytes[..., 0] > 127
    found = np.random.default_rng(seed).normal(0, 100, shape).astype(dtype)
    found.reshape(-1)[:: max(7, found.size // 3)] = np.nan
    return found


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal in type (but for the byte order), in shape and in every value."""
    kinds = a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=")
    return kinds and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def images_of(opened: Opened) -> list[Decoded]:
    return [opened.read(number) for number in range(opened.count)]


def region_in(height: int, width: int, seed: int, least: int = 1) -> Region:
    """least: its sides at least."""
    rng = random.Random(seed)
    top, left = rng.randint(0, height - least), rng.randint(0, width - least)
    return Region(top, left, rng.randint(least, height - top), rng.randint(least, width - left))


def check_read(opened: Opened, seed: int) -> list[Decoded]:
    """A region is that part of the image, and every image is as large as it is said to be."""
    found = images_of(opened)
    for number, whole in enumerate(found):
        assert whole.pixels.shape == opened.shape(number)
        region = region_in(*whole.pixels.shape[:2], seed + number)
        part = opened.read(number, region)
        assert same(part.pixels, region.of(whole.pixels))
        assert part.place.top - whole.place.top == region.top
        assert part.place.left - whole.place.left == region.left
        if whole.missing is not None:
            gaps = whole.missing[region.slices]
            assert np.array_equal(gaps, part.missing) if part.missing is not None else not gaps.any()
        else:
            assert part.missing is None
    return found


def kept_header(decoded: Decoded, changed: frozenset[str]) -> dict[str, object]:
    left = {key: value for key, value in decoded.header.items() if key not in changed}
    return {key: "nan" if value != value else value for key, value in left.items()}


def check_written(
    open_row: Open, write: Write, changed: frozenset[str], like: FileSlice, path: Path, seed: int, least: int = 1
) -> Opened:
    """Written like its source: the same, other values, and a region; returns what was written of the region."""
    opened = open_row(like).named()
    before = images_of(opened)
    write(like, opened, (image.pixels for image in before), path, None)
    after = images_of(open_row(source_of(path)))
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert same(old.pixels, new.pixels)
        assert kept_header(old, changed) == kept_header(new, changed)
        assert (old.missing is None) == (new.missing is None)
        assert old.missing is None or np.array_equal(old.missing, new.missing)
        assert old.place == new.place
    others = [values(image.pixels.shape, image.pixels.dtype, seed + n) for n, image in enumerate(before)]
    write(like, opened, iter(others), path, None)
    for other, new in zip(others, images_of(open_row(source_of(path))), strict=True):
        assert same(other, new.pixels)
    region = region_in(*before[0].pixels.shape[:2], seed, least)
    write(like, opened, (region.of(image.pixels) for image in before), path, region)
    parts = open_row(source_of(path))
    for old, new in zip(before, images_of(parts), strict=True):
        assert same(region.of(old.pixels), new.pixels)
    return parts


def check_damage(open_row: Open, path: Path, header: int = 3000, rounds: int = 60) -> None:
    """A file that is cut short or altered gives values or an error, and never more than an error."""
    data = path.read_bytes()
    rng = random.Random(len(data))
    damaged = path.with_name("damaged" + "".join(path.suffixes))
    for step in range(rounds):
        bad = bytearray(data)
        if step % 3 == 0:
            del bad[rng.randrange(len(bad)) :]
        for _ in range(rng.randint(1, 4)):
            if bad and step % 3:
                bad[rng.randrange(min(header, len(bad)))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        damaged.write_bytes(bad)
        try:
            opened = open_row(source_of(damaged))
            opened.read(0)
            opened.read(opened.count - 1)
        except (Unreadable, UserError):
            pass
        except MemoryError:
            raise
        except Exception:  # the registry says of these that the file is damaged
            pass


def shapes(axes: int, most: int = 7) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(1, most)] * axes)
