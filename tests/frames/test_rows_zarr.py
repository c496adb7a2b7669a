"""Zarr folders: both versions, chunks and shards, OME's images, codecs that are not read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_read, check_written, folder, in_archive, same, source_of, values
from nrgan.errors import UserError
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.zarr_arrays import CHANGED, open_zarr, write_zarr
from nrgan.frames.formats.zarr_chunks import _of_zstd as size_of_zstd
from nrgan.frames.opened import Region

zarr = pytest.importorskip("zarr")

TYPES = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64", "bool")


def save(path: Path, array: np.ndarray, version: int = 3, names: str = "", **more: object) -> Path:
    made = zarr.create_array(
        str(path),
        data=array,
        zarr_format=version,
        dimension_names=list(names) if names and version == 3 else None,
        **more,
    )
    if names and version == 2:
        made.attrs["_ARRAY_DIMENSIONS"] = list(names)
    made.attrs["exposure"] = 2.5
    return path


def save_ome(path: Path, array: np.ndarray, version: int) -> Path:
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    for level in range(2):
        group.create_array(str(level), data=array[..., :: level + 1, :: level + 1], chunks=(1, 1, 8, 8))
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", "unit": "micrometer"} for n in "zyx")]
    levels = [
        {
            "path": str(n),
            "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 0.5 * (n + 1), 0.5 * (n + 1)]}],
        }
        for n in range(2)
    ]
    said = {
        "multiscales": [{"axes": axes, "datasets": levels, "name": "cells"}],
        "omero": {"channels": [{"label": "red"}, {"label": "blue"}]},
    }
    group.attrs.update({"ome": {**said, "version": "0.5"}} if version == 3 else said)
    return path


@LAW
@given(
    st.sampled_from(TYPES),
    st.sampled_from([2, 3]),
    st.lists(st.integers(1, 9), min_size=2, max_size=4),
    st.integers(0, 99),
)
def test_every_type_comes_and_goes_as_it_is(dtype: str, version: int, shape: list[int], seed: int) -> None:
    with folder() as place:
        array = values(tuple(shape), dtype, seed)
        more = {"shards": tuple(4 for _ in shape)} if version == 3 and seed % 2 else {}
        path = save(
            place / "a.zarr",
            array,
            version,
            "tzyx"[-len(shape) :],
            chunks=tuple(2 if more else 3 for _ in shape),
            **more,
        )
        found = check_read(open_zarr(source_of(path)), seed)
        assert same(np.stack([one.pixels[..., 0] for one in found]).reshape(array.shape), array)
        check_written(open_zarr, _anew, CHANGED, source_of(path), place / "b.zarr", seed)


def _anew(like: object, opened: object, images: object, path: Path, region: Region | None) -> None:
    """Writes where the last one was."""
    shutil.rmtree(path, ignore_errors=True)
    write_zarr(like, opened, images, path, region)


@pytest.mark.parametrize("version", [2, 3])
def test_ome_names_level_axes_and_channels(tmp_path: Path, version: int) -> None:
    array = values((2, 3, 20, 30), "uint16", 1)
    path = save_ome(tmp_path / "a.zarr", array, version)
    opened = open_zarr(source_of(path))
    assert opened.axes == (("Z", 3),) and opened.shape(0) == (20, 30, 2)
    assert same(check_read(opened, 1)[1].pixels, np.moveaxis(array[:, 1], 0, -1))
    about = opened.about
    assert about.pixel_size == {"Z": 2, "Y": 0.5, "X": 0.5} and about.unit == "µm" and about.channels == ("red", "blue")
    parts = check_written(open_zarr, _anew, CHANGED, source_of(path), tmp_path / "b.zarr", 1)
    assert parts.axes == (("Z", 3),)
    assert open_zarr(source_of(path, "/1")).shape(0) == (10, 15, 2)
    region = Region(4, 6, 5, 7)
    _anew(source_of(path), opened, [opened.read(n, region).pixels for n in range(3)], tmp_path / "b.zarr", region)
    attributes = zarr.open_group(str(tmp_path / "b.zarr"), mode="r").attrs.asdict()
    steps = attributes.get("ome", attributes)["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert steps[1] == {"type": "translation", "translation": [0, 0, 2.0, 3.0]}


def test_several_are_asked_about(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    for name in ("one", "two"):
        group.create_array(name, data=np.zeros((16, 17), "uint8"))
    with pytest.raises(UserError, match=r"/one, /two.*a\.zarr:/one"):
        open_zarr(source_of(tmp_path / "a.zarr"))
    assert open_zarr(source_of(tmp_path / "a.zarr", "/two")).shape(0) == (16, 17, 1)
    for name in ("/three", "/../a.zarr", "/one/.."):
        with pytest.raises(Unreadable):
            open_zarr(source_of(tmp_path / "a.zarr", name))
    save_ome(tmp_path / "b.zarr/0", values((1, 1, 16, 17), "uint8", 1), 2)
    save_ome(tmp_path / "b.zarr/1", values((1, 1, 16, 17), "uint8", 1), 2)
    with pytest.raises(UserError, match=r"/0, /1"):
        open_zarr(source_of(tmp_path / "b.zarr"))


def test_codecs_that_can_run_code_are_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.zarr", np.zeros((16, 17), "uint8"), 2)
    meta = json.loads((path / ".zarray").read_text())
    for changed in ({"filters": [{"id": "pickle"}]}, {"dtype": "|O", "filters": [{"id": "pickle"}]}):
        (path / ".zarray").write_text(json.dumps(meta | changed))
        with pytest.raises(Exception, match=r"codec|type|[Oo]bject"):
            open_zarr(source_of(path)).read(0)


def test_what_claims_much_takes_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.zarr", np.zeros((16, 17), "uint8"), 2)
    meta = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps(meta | {"shape": [1 << 20, 1 << 20], "chunks": [1 << 20, 1 << 20]}))
    with pytest.raises(Unreadable):
        open_zarr(source_of(path)).read(0)
    (path / ".zarray").write_text(json.dumps(meta)[:-20])
    with pytest.raises(ValueError):
        open_zarr(source_of(path))


ZEROS = bytes(1 << 24)
numcodecs = pytest.importorskip("numcodecs")
BOMBS = {
    "gzip": lambda: gzip.compress(ZEROS),
    "zlib": lambda: zlib.compress(ZEROS),
    "bz2": lambda: bz2.compress(ZEROS),
    "lzma": lambda: lzma.compress(ZEROS),
    "blosc": lambda: numcodecs.Blosc().encode(ZEROS),
    "zstd": lambda: numcodecs.Zstd().encode(ZEROS),
    "lz4": lambda: numcodecs.LZ4().encode(ZEROS),
}


@pytest.mark.parametrize("codec", list(BOMBS))
def test_chunks_that_would_unpack_to_much_are_refused(tmp_path: Path, codec: str) -> None:
    packer = numcodecs.get_codec({"id": codec})
    array = values((16, 17), "uint16", 1)
    path = save(tmp_path / "a.zarr", array, 2, compressors=packer, chunks=(16, 17))
    assert same(open_zarr(source_of(path)).read(0).pixels[..., 0], array)
    (path / "0.0").write_bytes(BOMBS[codec]())
    with pytest.raises(Unreadable, match=r"far more|longer"):
        open_zarr(source_of(path)).read(0)


def test_what_a_frame_does_not_say_is_counted() -> None:
    start = b"\x28\xb5\x2f\xfd\x00\x58"
    run, last = ((100_000 << 3 | 1 << 1 | last).to_bytes(3, "little") + b"\0" for last in (0, 1))
    assert size_of_zstd(start + 2 * run + last + run, 1 << 20) == 300_000
    assert size_of_zstd(start + 64 * run, 1 << 20) > 1 << 20


@pytest.mark.parametrize("where", ["end", "start"])
def test_shards_are_looked_into(tmp_path: Path, where: str) -> None:
    array = values((32, 34), "uint16", 1)
    shards = {"shape": (32, 34), "index_location": where}
    path = save(tmp_path / "a.zarr", array, 3, chunks=(16, 17), shards=shards, compressors=zarr.codecs.ZstdCodec())
    opened = open_zarr(source_of(path))
    assert same(check_read(opened, 1)[0].pixels[..., 0], array)
    chunk = path / "c" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    starts = [n for n in range(len(data)) if data[n : n + 4] == b"\x28\xb5\x2f\xfd"]
    assert len(starts) == 4
    # the second chunk says that it is a gigabyte
    data[starts[1] + 4 : starts[1] + 9] = b"\xa0" + (1 << 30).to_bytes(4, "little")
    chunk.write_bytes(data)
    with pytest.raises(Unreadable, match=r"far more|longer"):
        opened.read(0)
    assert same(opened.read(0, Region(0, 0, 16, 17)).pixels[..., 0], array[:16, :17])


def test_links_are_not_followed(tmp_path: Path) -> None:
    array = values((16, 17), "uint16", 1)
    for name, link in (("a", "c/0/0"), ("b", "c/0"), ("d", "c")):
        path = save(tmp_path / f"{name}.zarr", array, 3, chunks=(16, 17))
        (path / link).rename(tmp_path / name)
        (path / link).symlink_to(tmp_path / name)
        with pytest.raises(Unreadable, match="a link"):
            open_zarr(source_of(path)).read(0)
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="w")
    group.create_array("one", data=array)
    (tmp_path / "g.zarr" / "one").rename(tmp_path / "one")
    (tmp_path / "g.zarr" / "one").symlink_to(tmp_path / "one")
    for member in ("", "/one"):
        with pytest.raises(Unreadable):
            open_zarr(source_of(tmp_path / "g.zarr", member))


def test_arrays_of_one_name_are_one_set(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    arrays = [values((n, 20, 17), "uint8", n) for n in (7, 4)]
    for n, array in enumerate(arrays):
        group.create_array(f"{n}/images", data=array, chunks=(1, 20, 17))
        group.create_array(f"{n}/dark", data=array[0])
    opened = open_zarr(source_of(tmp_path / "a.zarr", ""))
    assert opened.about.header["arrays"] == "0/images, 1/images"
    assert same(np.stack([one.pixels[..., 0] for one in check_read(opened, 1)]), np.concatenate(arrays))
    check_written(open_zarr, _anew, CHANGED, source_of(tmp_path / "a.zarr"), tmp_path / "b.zarr", 2, 16)


def test_archives_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").write_bytes(b"zipped")
    for source in (source_of(tmp_path / "a.zarr"), in_archive(tmp_path / "a.zarr")):
        with pytest.raises(Unreadable, match="unpack it"):
            open_zarr(source)
