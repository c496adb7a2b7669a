"""What a set of tar shards costs: to open, to read in the order of training, to shuffle and to go on in the middle.

    python benchmarks/shards.py [--images 100000] [--shards 10] [--json results/speed/shards.json]

Writes 16-bit PNG files of 32x32 pixels into shards, opens them as `nrgan train` does, reads whole batches in shuffled
order with one process, and times the order of an epoch of many more images than that: it is a permutation of the whole
set, made anew where a run begins or goes on. Seconds are of one thread.
"""

from __future__ import annotations

import argparse
import io
import resource
import tarfile
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from nrgan.data import Shapes, open_data
from nrgan.settings import find_setting
from nrgan.storage import write_json
from nrgan.training.batches import EpochPosition, Order
from nrgan.training.config import DataOptions
from nrgan.training.plan import choice_of
from nrgan.training.processor import processor

BATCH, READ = 64, 200
ORDERED = (10**6, 10**7, 10**8)


def write_shards(folder: Path, images: int, shards: int) -> None:
    """Some distinct images, again and again under names of their own."""
    some = [imagecodecs.png_encode(image.astype(np.uint16) * 16) for image in Shapes(image_size=32, count=500).images()]
    for shard in range(shards):
        with tarfile.open(folder / f"shard-{shard:05d}.tar", "w") as tar:
            for k in range(shard, images, shards):
                about = tarfile.TarInfo(f"{k:09d}.png")
                about.size = len(some[k % len(some)])
                tar.addfile(about, io.BytesIO(some[k % len(some)]))


def memory() -> int:
    """Bytes that this process holds (Linux)."""
    return resource.getpagesize() * int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--json", type=Path, help="such as results/speed/shards.json")
    options = parser.parse_args()
    found: dict[str, Any] = {"images": options.images, "shards": options.shards}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_shards(folder, options.images, options.shards)
        found["bytes on disk, of an image"] = sum(f.stat().st_size for f in folder.iterdir()) / options.images
        path = str(folder / "*.tar")
        before, begun = memory(), time.monotonic()
        data = open_data(choice_of(path, find_setting(path), DataOptions(value_range="0,4095")), None, None)
        found["seconds to open, of an image"] = (time.monotonic() - begun) / options.images
        found["bytes of memory to know of it"] = (memory() - before) / options.images
        order = Order(len(data), BATCH, EpochPosition(0))
        begun = time.monotonic()
        for _ in range(READ):
            data.noisy(order.next(1)[0])
        found["seconds to read it, in shuffled order"] = (time.monotonic() - begun) / (READ * BATCH)
    found["seconds of an epoch's order"] = {}
    for count in ORDERED:
        begun = time.monotonic()
        Order(count, BATCH, EpochPosition(0, 3, 0)).next(1)
        found["seconds of an epoch's order"][str(count)] = time.monotonic() - begun
    for name, value in found.items():
        print(f"{name}: {value}")
    if options.json is not None:
        versions = {name: version(name) for name in ("nrgan", "numpy")}
        write_json({"processor": processor().describe(), "versions": versions, **found}, options.json, overwrite=True)


if __name__ == "__main__":
    main()
