"""Writes small sets of images in every kind of file that people have them in, and counts how often they are read."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from nrgan.frames.file_slice import FileSlice
from nrgan.frames.formats import FORMATS
from nrgan.frames.formats.row import Format
from nrgan.frames.opened import Decoded, Opened, Region

Pixels = npt.NDArray[Any]

TYPES = ("uint8", "uint16", "float32")


def noise(dtype: str, *shape: int, seed: int = 0) -> Pixels:
    """Values over all of the type's range; floats around 0.5."""
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.normal(0.5, 0.2, shape).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def squeezed(image: Pixels) -> Pixels:
    """(H, W) for one channel."""
    return image[..., 0] if image.shape[2] == 1 else image


def png(image: Pixels) -> bytes:
    """(H, W, C) of 1 to 4 channels and 8 or 16 bits."""
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(squeezed(image))))


def npy(array: Pixels, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def tiff(image: Pixels, **options: Any) -> bytes:
    file = io.BytesIO()
    colours = {"photometric": "rgb"} if image.ndim == 3 and image.shape[2] == 3 else {"photometric": "minisblack"}
    planar = {"planarconfig": "contig"} if image.ndim == 3 and image.shape[2] > 1 else {}
    tifffile.imwrite(file, image, **(colours | planar | options))
    return file.getvalue()


def pillow(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def encoded(images: Sequence[Pixels]) -> dict[str, bytes]:
    """The images as files of the kinds that can hold them, in turn; names whose natural order is the images' order."""
    files = {}
    for i, image in enumerate(images):
        kinds: list[tuple[str, Callable[[Pixels], bytes]]] = [("tif", lambda a: tiff(squeezed(a))), ("npy", npy)]
        if image.dtype.kind == "u" and image.shape[2] in (1, 3):
            kinds.append(("png", png))
        suffix, encode = kinds[i % len(kinds)]
        files[f"img/{i}.{suffix}"] = encode(image)
    return files


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def zipped(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: Mapping[str, bytes], mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


# each writes the images (a list of (H, W, C), of one size) below a folder, and gives the path to open
Writer = Callable[[Path, Sequence[Pixels]], Any]


def _shards(root: Path, images: Sequence[Pixels]) -> str:
    files = list(encoded(images).items())
    half = len(files) // 2
    for number, part in enumerate((files[:half], files[half:])):
        labels = {f"{name}.json": b"{}" for name, _ in part}
        tarred(root / f"shards-{number:03d}.tar", dict(part) | labels)
    return f"{root}/shards-{{000..001}}.tar"


def _npy(arrange: Callable[[Pixels], Pixels]) -> Writer:
    def write(root: Path, images: Sequence[Pixels]) -> Path:
        np.save(root / "stack.npy", arrange(np.stack(images)))
        return root / "stack.npy"

    return write


def _npz(save: Callable[..., None]) -> Writer:
    def write(root: Path, images: Sequence[Pixels]) -> Path:
        save(root / "stack.npz", images=np.stack(images))
        return root / "stack.npz"

    return write


def _tiff(name: str, arrange: Callable[[Pixels], Pixels], **options: Any) -> Writer:
    def write(root: Path, images: Sequence[Pixels]) -> Path:
        stack, settings = arrange(np.stack(images)), {"photometric": "minisblack"} | options
        if "planarconfig" in settings and images[0].shape[2] == 1:  # that is for several samples only
            stack, settings = np.stack(images)[..., 0], {"photometric": "minisblack", "metadata": None}
        tifffile.imwrite(root / name, stack, **settings)
        return root / name

    return write


def _by_channel(stack: Pixels) -> Pixels:
    return np.ascontiguousarray(stack.transpose(0, 3, 1, 2))


WRITERS: dict[str, Writer] = {
    "folder": lambda root, images: folder(root, encoded(images)),
    "glob": lambda root, images: f"{folder(root, encoded(images))}/**/*.*",
    "zip stored": lambda root, images: zipped(root / "a.zip", encoded(images)),
    "zip deflated": lambda root, images: zipped(root / "a.zip", encoded(images), zipfile.ZIP_DEFLATED),
    "zip bzip2": lambda root, images: zipped(root / "a.zip", encoded(images), zipfile.ZIP_BZIP2),
    "tar": lambda root, images: tarred(root / "a.tar", encoded(images)),
    "shards": _shards,
    "npy": _npy(lambda a: a),
    "npy channels first": _npy(_by_channel),
    "npy columns first": _npy(np.asfortranarray),
    "npy big-endian": _npy(lambda a: a.astype(a.dtype.newbyteorder(">"))),
    "npz": _npz(np.savez),
    "npz compressed": _npz(np.savez_compressed),
    "tiff": _tiff("a.tif", lambda a: a, planarconfig="contig", metadata={"axes": "TYXS"}),
    "tiff pages": _tiff("a.tif", lambda a: a, planarconfig="contig", metadata=None, compression="zlib"),
    "tiff big-endian": _tiff("a.tif", _by_channel, metadata={"axes": "TCYX"}, byteorder=">"),
    "tiff truncated": _tiff("a.tif", _by_channel, metadata={"axes": "TCYX"}, truncate=True),
    "tiff planar": _tiff("a.tif", _by_channel, metadata=None, planarconfig="separate"),
    "ome-tiff": _tiff("a.ome.tif", lambda a: _by_channel(a)[:, :, None], metadata={"axes": "TCZYX"}),
    "ome-tiff depth": _tiff(
        "a.ome.tif", lambda a: _by_channel(a).transpose(1, 0, 2, 3)[None], metadata={"axes": "TCZYX"}, compression="lzw"
    ),
    "imagej": _tiff("a.tif", _by_channel, imagej=True, metadata={"axes": "TCYX"}),
}
"""Kinds of sources, each of which gives the images back in order."""


def count_decodes(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, int]]:
    """From now on, how often each image is decoded, by the name of its file and its number there."""
    counts: Counter[tuple[str, int]] = Counter()

    def counting(row: Format) -> Format:
        def open_(source: FileSlice) -> Opened:
            opened = row.open(source)
            read = opened.read

            def counted(number: int, region: Region | None = None) -> Decoded:
                counts[source.name, number] += 1
                return read(number, region)

            object.__setattr__(opened, "read", counted)  # some are frozen
            return opened

        return replace(row, open=open_)

    for name, row in FORMATS.items():
        monkeypatch.setitem(FORMATS, name, counting(row))
    return counts
