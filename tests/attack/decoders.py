"""Fuzzing of the decoders that are our own code: whatever the bytes, an answer or an error of ours, and in bounds."""

from __future__ import annotations

import io
import json
import pickle
import random
import resource
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nrgan.data.sources.batch_pickle import read_batch
from nrgan.errors import UserError
from nrgan.frames import EVERYTHING
from nrgan.frames.archives import tar_members
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import open_file, read_image
from nrgan.frames.opened import Region
from nrgan.runs.log import RunLog, read_metrics

_ALLOWED = (UserError, Unreadable)
_MOST_SECONDS = 10


def _source(content: bytes, name: str, folder: Path) -> FileSlice:
    path = folder / name
    path.write_bytes(content)
    return FileSlice(str(path), name, 0, len(content), len(content), stamp=time.monotonic_ns(), alone=True)


def _tar(content: bytes, folder: Path) -> None:
    for member in tar_members(_source(content, "a.tar", folder)):
        member.read(0, 100)


def _tiff(content: bytes, folder: Path) -> None:
    source = _source(content, "a.tif", folder)
    for number in range(min(3, open_file(source, EVERYTHING).count)):
        read_image(source, number, EVERYTHING)
        read_image(source, number, EVERYTHING, Region(1, 1, 2, 3))


def _npy(content: bytes, folder: Path) -> None:
    source = _source(content, "a.npy", folder)
    for number in range(min(3, open_file(source, EVERYTHING).count)):
        read_image(source, number, EVERYTHING)
        read_image(source, number, EVERYTHING, Region(1, 1, 2, 3))


def _pickle(content: bytes, folder: Path) -> None:
    read_batch(folder / "batch", content)


def _metrics(content: bytes, folder: Path) -> None:
    (folder / "metrics.jsonl").write_bytes(content)
    RunLog(folder, 3).close()
    for line in read_metrics(folder / "metrics.jsonl"):
        assert isinstance(line["iteration"], int)


def _good_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("a.png", "ü" * 90 + ".png", "b" * 150 + ".png"):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = 300, {"comment": "x"}
            tar.addfile(info, io.BytesIO(b"0" * 300))
    with tarfile.open(fileobj=io.BytesIO(), mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("c" * 200 + ".png"))
        long = tar.fileobj.getvalue()  # type: ignore[union-attr]
    return file.getvalue() + long


def _good_tiff(rng: random.Random) -> bytes:
    pixels = np.random.default_rng(rng.randrange(10)).integers(0, 255, (3, 24, 20), np.uint8)
    kind: dict[str, Any] = rng.choice(
        (
            {"metadata": None},
            {"compression": "zlib", "metadata": None},
            {"tile": (16, 16), "metadata": None},
            {"ome": True, "metadata": {"axes": "TYX"}},
            {"imagej": True},
            {"bigtiff": True},
            {"rowsperstrip": 5, "compression": "lzw"},
        )
    )
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="minisblack", **kind)
    return file.getvalue()


def _good_npy(rng: random.Random) -> bytes:
    file = io.BytesIO()
    shape = rng.choice(((20, 24), (3, 20, 24), (3, 20, 24, 3), (3, 3, 20, 24)))
    np.save(file, np.asarray(np.zeros(shape, rng.choice((np.uint8, np.uint16, np.float64))), order=rng.choice("CF")))
    return file.getvalue()


def _good_batch(rng: random.Random) -> bytes:
    batch = {b"data": np.zeros((3, 3072), np.uint8), b"labels": [1, 2, 3], b"names": [b"a.png"] * 3}
    return pickle.dumps(batch, rng.choice((0, 1, 2, 3, 4, 5)))


def _good_metrics(rng: random.Random) -> bytes:
    lines = [json.dumps({"iteration": k, "generator": 0.5, "warning": "ü"}) for k in range(6)]
    return "\n".join(lines).encode()


DECODERS: dict[str, tuple[Callable[[random.Random], bytes], Callable[[bytes, Path], None]]] = {
    "tar index": (lambda rng: _good_tar(), _tar),
    "TIFF regions": (_good_tiff, _tiff),
    "npy regions": (_good_npy, _npy),
    "CIFAR pickles": (_good_batch, _pickle),
    "metrics lines": (_good_metrics, _metrics),
}
"""What makes good bytes, and what reads them."""


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The bytes with a few of them changed, cut, doubled or moved; headers more often than the rest."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at = rng.randrange(min(len(data), rng.choice((64, 600, len(data)))))
        how = rng.randrange(6)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at : at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"))
        elif how == 2:
            del data[at:]
        elif how == 3:
            data[at:at] = data[at : at + rng.randrange(1, 64)]
        elif how == 4:
            del data[at : at + rng.randrange(1, 64)]
        else:
            data[at : at + 8] = rng.choice((b"99999999", b"77777777", b"-1      ", b"1e308   ", b"\n\n\n\n\n\n\n\n"))
    return bytes(data)


def fuzz(name: str, seconds: float, seed: int) -> dict[str, Any]:
    """Reads changed bytes for so long; how many, and what was wrong."""
    good, read = DECODERS[name]
    until, tried, wrong = time.monotonic() + seconds, 0, []
    while time.monotonic() < until:
        number = seed * 10**9 + tried
        rng, tried = random.Random(number), tried + 1
        content = mutated(good(rng), rng)
        begun, peak = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with tempfile.TemporaryDirectory() as folder:
            try:
                read(content, Path(folder))
            except _ALLOWED:
                pass
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                wrong.append({"case": number, "found": traceback.format_exc()[-1500:]})
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        if time.monotonic() - begun > _MOST_SECONDS or grown > 1 << 20:
            wrong.append({"case": number, "found": f"{time.monotonic() - begun:.0f} s, {grown} kB more"})
        if len(wrong) > 20:
            break
    return {"cases": tried, "wrong": wrong}
