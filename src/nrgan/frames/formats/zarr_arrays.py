"""Folders of Zarr arrays, of version 2 and 3: the full resolution of an OME-Zarr, or the array that holds images.

Only files below the folder are read, and only with codecs that are known to do no more than unpack numbers.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections import deque
from itertools import islice
from pathlib import Path
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
from nrgan.frames.formats.zarr_chunks import CODECS, below, check_chunks, codec_names
from nrgan.frames.opened import COLUMNS, ROWS, About, Opened, Region
from nrgan.frames.pixels import check_size, refuse
from nrgan.frames.stack import Index, Stack, Values

CHANGED: frozenset[str] = frozenset()

_ROUNDING = frozenset(("bitround", "fixedscaleoffset", "quantize"))
_META = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
_MOST_FOLDERS, _DEEPEST, _LONGEST_META = 5_000, 8, 64 << 20
_OLD_AXES = "tczyx"
"""Of OME-Zarr before it named axes."""


def open_zarr(source: FileSlice) -> Opened:
    """Axes are named by OME, xarray, or Zarr's own dimension names; else they follow from the shape."""
    root = _root(source)
    paths, scales = _chosen(source, root)
    return one_after_other([_opened(source, root, path, scales, said_of_set(paths)) for path in paths])


def _opened(source: FileSlice, root: Path, path: str, scales: dict[str, Any], words: dict[str, object]) -> Opened:
    array = _array(root, path)
    shape, dtype = tuple(int(side) for side in array.shape), np.dtype(array.dtype)
    names = [str(axis.get("name", "")) for axis in scales.get("axes", ())] or _dimension_names(array)
    letters = letters_by_name(names) if len(names) == len(shape) else ""
    words, (sizes, unit) = _words(root, path) | words, _pixel_size(scales, letters)
    about = About(words, sizes, unit, "", _channels(root, path), named_by="the file" if letters else "")

    def get(index: Index) -> Values:
        array = _array(root, path)
        check_chunks(root / path, array, index)
        return np.asarray(array[index])

    if not letters:
        return named_by_shape(source, shape, dtype, get, about, in_parts=True)
    return Stack(letters, shape, dtype, get, about, in_parts=True)


def _root(source: FileSlice) -> Path:
    if source.packing or (source.member and not source.member.startswith("/")):
        raise Unreadable("it lies in an archive; unpack it")
    root = Path(source.path)
    if not root.is_dir():
        raise Unreadable("it is no folder; Zarr arrays in one file are not read: unpack it")
    return root


def _meta(folder: Path) -> dict[str, Any]:
    """What a group or an array says of itself, of either version: its own fields, and `attributes`; empty for none."""
    found: dict[str, Any] = {}
    for name in _META:
        file = folder / name
        if file.is_file() and not file.is_symlink():
            if file.stat().st_size > _LONGEST_META:
                raise Unreadable(f"its {name} is too long")
            said = json.loads(file.read_bytes())
            if not isinstance(said, dict):
                raise Unreadable(f"its {name} is damaged")
            found |= {"attributes": said} if name == ".zattrs" else {"node_type": _KINDS.get(name)} | said
    return found


_KINDS = {".zarray": "array", ".zgroup": "group"}


def _ome(meta: dict[str, Any]) -> dict[str, Any]:
    attributes = meta.get("attributes") or {}
    found = attributes.get("ome", attributes)
    return found if isinstance(found, dict) else {}


def _chosen(source: FileSlice, root: Path) -> tuple[list[str], dict[str, Any]]:
    """The paths of the arrays below the root, and what OME says of its axes and scale."""
    start = source.member.strip("/")
    if ".." in start.split("/") or not (root / start).is_dir():
        raise Unreadable(f"it has no array /{start}")
    if start and _meta(root / start).get("node_type") == "array":
        group, _, level = start.rpartition("/")
        return [start], _scale_of(root, group, level)
    arrays, images = _found(root, start)
    if len(images) > 1:
        raise refuse(
            source.path,
            f"holds several images: {', '.join('/' + path for path in images[:5])}; name one, as in "
            f"{source.path}:/{images[0]}",
        )
    if images:
        path = _ome(_meta(root / images[0]))["multiscales"][0]["datasets"][0]["path"]
        if ".." in str(path).split("/") or str(path).startswith("/"):
            raise Unreadable("its image lies outside of it")
        return [f"{images[0]}/{path}".strip("/")], _scale_of(root, images[0], path)
    if "" in arrays:
        return [""], {}
    return [path.strip("/") for path in choose(source, {f"/{path}": kind for path, kind in arrays.items()})], {}


def _found(root: Path, start: str) -> tuple[dict[str, ArrayKind], list[str]]:
    """Arrays that can be images, and groups that OME calls images; not its labels, nor what lies in an image."""
    arrays: dict[str, ArrayKind] = {}
    images: list[str] = []
    left, seen = [(start, 0)], 0
    while left and seen < _MOST_FOLDERS:
        path, depth = left.pop(0)
        seen += 1
        meta = _meta(root / path)
        if meta.get("node_type") == "array":
            array = _array(root, path)
            kind = tuple(int(side) for side in array.shape), np.dtype(array.dtype)
            if not path or can_be_images(*kind):
                arrays[path] = kind
        elif _ome(meta).get("multiscales"):
            images.append(path)
        elif depth < _DEEPEST:
            with os.scandir(root / path) as entries:
                below = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
            left += [(f"{path}/{name}".strip("/"), depth + 1) for name in below if name != "labels"]
    return arrays, images


def _scale_of(root: Path, group: str, level: str) -> dict[str, Any]:
    """The axes of OME's first multiscale of a group, and the scale of one of its levels."""
    scales = _ome(_meta(root / group)).get("multiscales") or [{}]
    levels = [each for each in scales[0].get("datasets", ()) if each.get("path") == level]
    if not levels:
        return {}
    axes = scales[0].get("axes") or list(_OLD_AXES)
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
    steps = [*levels[0].get("coordinateTransformations", ()), *scales[0].get("coordinateTransformations", ())]
    factors = [step["scale"] for step in steps if step.get("type") == "scale" and len(step["scale"]) == len(axes)]
    scale = [math.prod(each) for each in zip(*factors, strict=True)] if factors else []
    return {"axes": axes, "scale": scale}


def _array(root: Path, path: str) -> Any:
    """The array, once its type and codecs are known to be harmless; it holds no handle."""
    import zarr
    from zarr.storage import LocalStore

    folder = below(root, path)
    meta = _meta(folder)
    if meta.get("node_type") != "array":
        raise Unreadable(f"there is no array {folder.name}")
    array = zarr.open_array(LocalStore(folder, read_only=True), mode="r", zarr_format=meta.get("zarr_format", 2))
    said = array.metadata.to_dict()
    for name in codec_names([said.get(key) for key in ("codecs", "compressor", "filters")]):
        if name not in CODECS:
            raise Unreadable(f"its codec {name} is not read")
    if np.dtype(array.dtype).kind not in "iufbc":
        raise Unreadable(f"its values are of type {array.dtype}, not numbers")
    if min(array.shape, default=0) < 1:
        raise Unreadable("it holds no images")
    check_size(1, math.prod(array.shards or array.chunks), 1, np.dtype(array.dtype).itemsize)
    return array


def _dimension_names(array: Any) -> list[str]:
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or []
    return [str(name or "") for name in names]


def _pixel_size(scales: dict[str, Any], letters: str) -> tuple[dict[str, float], str]:
    """In the unit of the columns, where the rows and the depth are in it too."""
    units = {letter: str(axis.get("unit", "")) for letter, axis in zip(letters, scales.get("axes", ()), strict=False)}
    sizes = {letter: float(size) for letter, size in zip(letters, scales.get("scale", ()), strict=False)}
    sizes = {letter: size for letter, size in sizes.items() if letter in "YXZ" and units[letter] == units[COLUMNS]}
    unit = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm"}.get(
        units.get(COLUMNS, ""), units.get(COLUMNS, "")
    )
    return (sizes, unit) if sizes else ({}, "")


def _channels(root: Path, path: str) -> tuple[str, ...]:
    said = _ome(_meta(root / path.rpartition("/")[0])).get("omero") or {}
    return tuple(str(channel.get("label", "")) for channel in said.get("channels", ()) if isinstance(channel, dict))


def _words(root: Path, path: str) -> dict[str, object]:
    """The attributes that are plain values: the array's own, and those of the groups around it."""
    words: dict[str, object] = {}
    parts = path.split("/") if path else []
    for depth in range(len(parts), -1, -1):
        attributes = _meta(root.joinpath(*parts[:depth])).get("attributes") or {}
        for key, value in attributes.items():
            if isinstance(value, (bool, int, float, str)) and len(str(value)) <= LONGEST_VALUE:
                words.setdefault(key, value)
    return words


def write_zarr(like: FileSlice, opened: Opened, images: Images, path: Path, region: Region | None) -> None:
    """The folder with other values in its array; of an OME-Zarr neither smaller levels nor labels, which do not fit."""
    import zarr
    from zarr.storage import LocalStore

    root, stacks, rest = _root(like), stacks_of(opened), iter(images)
    paths, scales = _chosen(like, root)
    for name in paths:
        said = _array(root, name).metadata.to_dict()
        rounding = _ROUNDING.intersection(codec_names([said.get(key) for key in ("codecs", "compressor", "filters")]))
        if rounding:
            raise refuse(like.path, f"its codec {min(rounding)} rounds values; save it without")
    _copy_all_but(root, path, paths, bool(scales))
    for name, stack in zip(paths, stacks, strict=True):
        for folder in {path, *(path / parent for parent in Path(name).parents)}:
            _edit(folder, lambda meta: meta.pop("consolidated_metadata", None))
        if scales:
            _edit(path / name.rpartition("/")[0], lambda meta, stack=stack: _one_level(meta, stack.letters, region))
        if region is not None:
            shape = list(cropped(stack.letters, stack.array_shape, region))
            _edit(path / name, lambda meta, shape=shape: meta.update(shape=shape) if "shape" in meta else None)
        array = zarr.open_array(LocalStore(path / name), mode="r+", zarr_format=_array(root, name).metadata.zarr_format)
        deque(put(islice(rest, stack.count), stack.letters, array), maxlen=0)


def _copy_all_but(root: Path, path: Path, arrays: list[str], alone: bool) -> None:
    """Copies the folder without the arrays' values, without links, and for one level that is `alone` without others."""
    group, level = (root / arrays[0]).parent, Path(arrays[0]).name

    def left_out(folder: str, names: list[str]) -> set[str]:
        place = Path(folder)
        out = {name for name in names if name == ".zmetadata" or (place / name).is_symlink()}
        if place in [root / array for array in arrays]:
            return out | (set(names) - set(_META))
        return out | (set(names) - {level, *_META}) if alone and place == group else out

    shutil.copytree(root, path, ignore=left_out, dirs_exist_ok=False)


def _edit(folder: Path, change: Any) -> None:
    """Changes what a group or an array says of itself, where it says anything."""
    for file in (folder / name for name in _META):
        if file.is_file():
            meta = json.loads(file.read_bytes())
            change(meta)
            file.write_text(json.dumps(meta, indent=2), encoding="utf-8")


def _one_level(meta: dict[str, Any], letters: str, region: Region | None) -> None:
    """Leaves the first level alone in OME's multiscales, and moves it to where a region lies."""
    attributes = meta.get("attributes", meta)
    scales = attributes.get("ome", attributes).get("multiscales")
    if not scales:
        return
    scales[:] = scales[:1]
    scales[0]["datasets"] = scales[0]["datasets"][:1]
    steps = scales[0]["datasets"][0].get("coordinateTransformations") or []
    scale = next((step["scale"] for step in steps if step.get("type") == "scale"), None)
    if region is None or scale is None:
        return
    first = {ROWS: region.top, COLUMNS: region.left}
    moved = [first.get(letter, 0) * size for letter, size in zip(letters, scale, strict=True)]
    old = next((step for step in steps if step.get("type") == "translation"), None)
    if old is None:
        steps.append({"type": "translation", "translation": moved})
    else:
        old["translation"] = [a + b for a, b in zip(old["translation"], moved, strict=True)]
