"""HDF5 files: the data set that holds the images, found by NeXus, by EMD, or as the only one that can.

Data sets of the same name, type and sides, as of several scans, are read one after the other. A file with several
others is refused, and its data sets are listed: FILE.h5:/path names one. Nothing outside the file is
followed: no external link, no external storage, no virtual data set of other files.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import numpy as np

from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.arrays import named_by_shape
from nrgan.frames.formats.choice import (
    ArrayKind,
    can_be_images,
    choose,
    letters_by_name,
    one_after_other,
    said_of_set,
    stacks_of,
)
from nrgan.frames.formats.plain import LONGEST_VALUE, cropped, put
from nrgan.frames.formats.row import Images
from nrgan.frames.opened import COLUMNS, ROWS, About, Opened, Region
from nrgan.frames.pixels import check_size
from nrgan.frames.stack import Index, Stack, Values

CHANGED: frozenset[str] = frozenset()

_MOST_OBJECTS, _MOST_LINKS = 20_000, 8
_PATTERNS = ("EBSD/Data/patterns", "EBSD/Data/Pattern", "EBSD/Data/RawPatterns", "EBSD/EBSDPatterns")
"""Where the images of a scan of electron backscatter lie, by the programs that save them."""


@contextmanager
def opened_file(source: FileSlice) -> Iterator[Any]:
    import h5py

    inside = source.member and not source.member.startswith("/")
    if inside or source.packing:
        with source.open() as stream, h5py.File(stream, "r") as file:
            yield file
    else:
        with h5py.File(source.path, "r", locking=False) as file:
            yield file


def open_hdf5(source: FileSlice) -> Opened:
    """The axes have the names that the file gives them, or else those that follow from the shape."""
    with opened_file(source) as file:
        paths = _chosen(source, file)
        return one_after_other([_opened(source, file, path, said_of_set(paths)) for path in paths])


def _opened(source: FileSlice, file: Any, path: str, words: dict[str, object]) -> Opened:
    found = _hard(file, path)
    _check(found)
    shape, dtype = tuple(int(side) for side in found.shape), found.dtype
    letters = letters_by_name(_axis_names(found))
    about = About(_words(found) | words, *_pixel_size(found, letters), named_by="the file" if letters else "")

    def get(index: Index) -> Values:
        with opened_file(source) as file:
            return np.asarray(_hard(file, path)[index])

    if not letters:
        return named_by_shape(source, shape, dtype, get, about, in_parts=True)
    return Stack(letters, shape, dtype, get, about, in_parts=True)


def _chosen(source: FileSlice, file: Any) -> list[str]:
    """The paths of the data sets that hold the images."""
    if source.member.startswith("/"):
        if _is_dataset(_hard(file, source.member)):
            return [source.member]
        raise Unreadable(f"it has no data set {source.member}")
    if (default := _default(file)) and _is_dataset(_hard(file, default)):
        return [default]
    arrays: dict[str, ArrayKind] = {}
    signals: list[str] = []
    seen = 0

    def visit(name: str, item: Any) -> bool | None:
        nonlocal seen
        seen += 1
        if _is_dataset(item):
            if item.shape is not None and can_be_images(item.shape, item.dtype):
                arrays["/" + name] = tuple(int(side) for side in item.shape), item.dtype
            if name.endswith(_PATTERNS) or (name.endswith("/data") and "emd_group_type" in item.parent.attrs):
                signals.append("/" + name)
        elif _text(item.attrs, "NX_class") == "NXdata" and _text(item.attrs, "signal"):
            signals.append(f"/{name}/{_text(item.attrs, 'signal')}")
        return True if seen > _MOST_OBJECTS else None

    file.visititems(visit)  # goes along hard links alone
    signals = [signal for signal in dict.fromkeys(signals) if _is_dataset(_hard(file, signal))]
    if len(signals) == 1:
        return signals
    return choose(source, {signal: arrays[signal] for signal in signals if signal in arrays} or arrays)


def _is_dataset(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Dataset)


def _default(file: Any) -> str:
    """The path that NeXus's attributes lead to from the root: default, default, …, signal."""
    path = ""
    for _ in range(_MOST_LINKS):
        group = _hard(file, path or "/")
        if group is None or _is_dataset(group):
            return ""
        if signal := _text(group.attrs, "signal"):
            return f"{path}/{signal}"
        step = _text(group.attrs, "default")
        if not step:
            return ""
        path = step if step.startswith("/") else f"{path}/{step}"
    return ""


def _hard(file: Any, path: str, links: int = 0) -> Any:
    """What lies at a path, step by step along links within the file; None where nothing does."""
    import h5py

    place, done = file["/"], ""
    for step in [part for part in path.split("/") if part not in ("", ".")]:
        link = place.get(step, getlink=True) if isinstance(place, h5py.Group) else None
        if isinstance(link, h5py.SoftLink) and links < _MOST_LINKS:
            place = _hard(file, link.path if link.path.startswith("/") else f"{done}/{link.path}", links + 1)
        elif isinstance(link, h5py.HardLink):
            place = place[step]
        else:
            return None
        done = f"{done}/{step}"
    return place


def _check(found: Any) -> None:
    """Raises `Unreadable` for what lies elsewhere, is cut short, or takes too much memory to unpack."""
    if found.external or (found.is_virtual and any(part.file_name != "." for part in found.virtual_sources())):
        raise Unreadable("its values lie in other files")
    if found.shape is None or found.dtype.kind not in "iufbc":
        raise Unreadable(f"{found.name} is of type {found.dtype}, not of numbers")
    if found.chunks:
        check_size(1, math.prod(found.chunks), 1, found.dtype.itemsize)
    elif not found.is_virtual and 0 < found.id.get_storage_size() < found.size * found.dtype.itemsize:
        raise Unreadable("it is cut short")


def _text(attributes: Any, key: str) -> str:
    with suppress(Exception):  # attributes can be of types that h5py does not know
        value = attributes.get(key)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return ""


def _axis_names(found: Any) -> list[str]:
    """The names of axes by dimension labels, by NeXus's `axes` of the group, or by EMD's dim1, dim2, …"""
    labels = [str(axis.label or "") for axis in found.dims]
    if any(labels):
        return labels
    if found.name.endswith(_PATTERNS) and found.ndim == 3:
        return ["n", "y", "x"]
    group = found.parent
    with suppress(Exception):
        axes = group.attrs.get("axes")
        axes = [axes] if isinstance(axes, str) else [] if axes is None else list(axes)
        names = [each.decode() if isinstance(each, bytes) else str(each) for each in axes]
        if names and len(names) == found.ndim:
            return ["" if name == "." else name for name in names]
    if "emd_group_type" in group.attrs:
        scales = [_hard(found.file, f"{group.name}/dim{n + 1}") for n in range(found.ndim)]
        return [_text(scale.attrs, "name") if scale is not None else "" for scale in scales]
    return [""] * found.ndim


def _scales(found: Any) -> list[Any]:
    """The data sets with the places along the axes; None where there is none."""
    group = found.parent.name.rstrip("/")
    emd = "emd_group_type" in found.parent.attrs
    names = [f"dim{n + 1}" for n in range(found.ndim)] if emd else _axis_names(found)
    scales = [_hard(found.file, f"{group}/{name}") if name else None for name in names]
    fits = zip(scales, found.shape, strict=True)
    return [scale if scale is not None and getattr(scale, "shape", None) == (side,) else None for scale, side in fits]


def _pixel_size(found: Any, letters: str) -> tuple[dict[str, float], str]:
    sizes, units = {}, set()
    for letter, scale in zip(letters, _scales(found), strict=False):
        if letter in "YXZ" and scale is not None and len(scale) > 1 and scale.dtype.kind in "iuf":
            size = abs(float(scale[1]) - float(scale[0]))
            if 0 < size < math.inf:
                sizes[letter] = size
                units.add(_text(scale.attrs, "units").strip("[]").replace("_", ""))
    return (sizes, units.pop()) if len(units) == 1 and {"X", "Y"} <= set(sizes) else ({}, "")


def _words(found: Any) -> dict[str, object]:
    """The attributes of the data set, and where it has none of that name those of the groups around it."""
    words: dict[str, object] = {}
    place = found
    while True:
        for key in place.attrs:
            with suppress(Exception):  # attributes can be of types that h5py does not know
                value = place.attrs[key]
                value = value.item() if isinstance(value, np.generic) else value
                value = value.decode() if isinstance(value, bytes) else value
                if isinstance(value, np.ndarray) and value.dtype.kind in "iufb" and value.size <= 16:
                    value = " ".join(map(str, value.reshape(-1).tolist()))
                if isinstance(value, (bool, int, float, str)) and len(str(value)) <= LONGEST_VALUE:
                    words.setdefault(key, value)
        if place.name == "/":
            return words
        place = place.parent


def write_hdf5(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """The whole file with other values in the data set; for a region it is made anew, and its axes' places are cut."""
    import h5py

    stacks, rest = stacks_of(opened), iter(images)
    with opened_file(like) as file:
        names = [_hard(file, path).name for path in _chosen(like, file)]
    plain_path = not like.packing and like.member.startswith("/")
    with Path(like.path).open("rb") if plain_path else like.open() as old, path.open("wb") as new:
        copyfileobj(old, new)
    with h5py.File(path, "r+", locking=False) as file:
        for name, stack in zip(names, stacks, strict=True):
            array = file[name] if region is None else _cut(file, file[name], stack.letters, region)
            deque(put(islice(rest, stack.count), stack.letters, array), maxlen=0)


def _cut(file: Any, old: Any, letters: str, region: Region) -> Any:
    """A new data set in the place of an old one, of the sides of a region; the places along its axes are cut too."""
    rows, columns = region.slices
    for letter, scale in zip(letters, _scales(old), strict=True):
        if scale is not None and letter in (ROWS, COLUMNS):
            _replace(file, scale, scale[rows if letter == ROWS else columns])
    shape = cropped(letters, old.shape, region)
    return _replace(file, old, None, shape)


def _replace(file: Any, old: Any, values: Values | None, shape: tuple[int, ...] | None = None) -> Any:
    """A data set like an old one, but for its shape."""
    import h5py

    name, attributes = old.name, dict(old.attrs)
    shape = values.shape if values is not None else shape
    assert shape is not None
    packing = {
        key: getattr(old, key) for key in ("compression", "compression_opts", "shuffle", "fletcher32", "fillvalue")
    }
    chunks = tuple(map(min, old.chunks, shape)) if old.chunks else None
    new = file.create_dataset(
        f"{name}.new", shape, old.dtype, data=values, chunks=chunks, **(packing if chunks else {})
    )
    for key, value in attributes.items():
        if not (isinstance(value, np.ndarray) and value.dtype.kind in "OV" and h5py.check_ref_dtype(value.dtype)):
            with suppress(TypeError, ValueError, OSError):  # references to axes cannot be kept
                new.attrs[key] = value
    del file[name]
    file.move(f"{name}.new", name)
    return file[name]
