"""The frozen noisy training set: each image corrupted once, for good, by draws that depend on its index alone."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.random import RandomState

from nrgan.corruptions import Corruption, Sensor
from nrgan.data.sources import Images, ImageSource
from nrgan.errors import UserError
from nrgan.progress import Advance
from nrgan.ranges import unit_from_stored
from nrgan.storage import default_cache, writing

FORMAT_VERSION = 1
NoisyImages = npt.NDArray[np.float32]
"""(N, C, H, W) float32, unit range."""

_CHUNK = 250


def corrupt_images(
    corruption: Corruption,
    sensor: Sensor,
    images: Images,
    indices: npt.NDArray[np.int64],
    data_seed: int,
    count: int,
    rng: RandomState | None = None,
) -> npt.NDArray[np.float32]:
    """(K, H, W, C) uint8 images, the `indices` of a set of `count`, with their frozen noise: (K, H, W, C) float32.

    Image i draws from RandomState(data_seed·count + i), then the sensor stores the values.
    NR-GAN (Kaneko & Harada 2020), after the reference implementation.
    """
    return corrupt_units(corruption, sensor, unit_from_stored(images), indices, data_seed, count, rng)


def corrupt_units(
    corruption: Corruption,
    sensor: Sensor,
    images: npt.NDArray[np.float64],
    indices: npt.NDArray[np.int64],
    data_seed: int,
    count: int,
    rng: RandomState | None = None,
) -> npt.NDArray[np.float32]:
    """`corrupt_images` for images in unit range, (K, H, W, C) float64."""
    rng = rng or RandomState()

    def seeded(k: int) -> RandomState:
        rng.seed(data_seed * count + int(indices[k]))  # the same as a new generator, and three times faster
        return rng

    return sensor.stored(corruption.corrupt_many(images, seeded)).astype(np.float32)


def check_data_seed(data_seed: int, count: int) -> None:
    """Raises `UserError` where the seeds of `count` images leave the 32 bits that the legacy generator takes."""
    if not 0 <= data_seed <= (2**32) // count - 1:
        raise UserError(f"<data_seed> {data_seed}: must lie in 0..{2**32 // count - 1} for {count:,} images")


def make_noisy(
    images: Images,
    corruption: Corruption,
    sensor: Sensor | None = None,
    data_seed: int = 0,
    advance: Advance | None = None,
    threads: int | None = None,
) -> NoisyImages:
    """The whole frozen noisy set, (N, H, W, C) uint8 → (N, C, H, W) float32, on all cores.

    Threads, not processes: numpy's legacy generator draws without holding the interpreter's lock.
    """
    count, sensor = len(images), sensor or Sensor()
    check_data_seed(data_seed, count)
    corruption.check_fits(*images.shape[1:3])
    noisy = np.empty((count, images.shape[3], *images.shape[1:3]), np.float32)
    local = threading.local()

    def work(start: int) -> int:
        local.rng = getattr(local, "rng", None) or RandomState()
        rows = slice(start, min(start + _CHUNK, count))
        indices = np.arange(rows.start, rows.stop)
        part = corrupt_images(corruption, sensor, images[rows], indices, data_seed, count, local.rng)
        noisy[rows] = part.transpose(0, 3, 1, 2)
        return len(indices)

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for done in pool.map(work, range(0, count, _CHUNK)):
            if advance is not None:
                advance(done)
    return noisy


def cache_key(source: ImageSource, corruption: Corruption, sensor: Sensor, data_seed: int) -> dict[str, object]:
    """Everything the frozen noisy set depends on."""
    return {
        "format": FORMAT_VERSION,
        "corruption": law_key(corruption),
        "data": source.key(),
        "data_seed": data_seed,
        "clip": sensor.clip,
    }


def law_key(corruption: Corruption) -> str:
    """The law with its numbers, as it calls itself; of others' classes with their module, for names may meet.

    Whoever changes what a class of their own does, and not its numbers, gives it another name, or empties the cache.
    """
    module = type(corruption).__module__
    own = module.partition(".")[0] == __name__.partition(".")[0]
    return repr(corruption) if own else f"{module}:{corruption!r}"


def key_digest(key: dict[str, object]) -> str:
    """A short name for a key."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


def frozen_noisy_set(
    source: ImageSource,
    corruption: Corruption,
    sensor: Sensor | None = None,
    data_seed: int = 0,
    cache: Path | None = None,
    advance: Advance | None = None,
    name: str = "images",
) -> NoisyImages:
    """The frozen noisy set of a source and a corruption, memory-mapped from the cache; made first if it is not there.

    name: what its file's name begins with. Raises `UserError` where the data seed does not fit, or the cache folder is
    full or not writable.
    """
    check_data_seed(data_seed, len(source))
    sensor = sensor or Sensor()
    key = cache_key(source, corruption, sensor, data_seed)
    path = (cache or default_cache()) / "noisy" / f"{name}-{key_digest(key)}.npy"
    cached = _open_cached(path, (len(source), source.channels, source.image_size, source.image_size))
    if cached is not None:
        return cached
    noisy = make_noisy(source.images(), corruption, sensor, data_seed, advance)
    with writing(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(key, indent=1))
    with writing(path) as part, part.open("wb") as file:
        _write_npy(file, noisy)
    kept = _open_cached(path, noisy.shape)
    return noisy if kept is None else kept  # mapped: the system may take its memory back


def _write_npy(file: BinaryIO, array: NoisyImages) -> None:
    """Like `np.save`, but a refusal to write keeps the operating system's reason."""
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(array.data)


def _open_cached(path: Path, shape: tuple[int, ...]) -> NoisyImages | None:
    """The cached set, or None where there is none that is whole."""
    with suppress(OSError, ValueError, EOFError):
        # copy-on-write: torch wants a writable array, the file is never changed
        cached = np.load(path, mmap_mode="c", allow_pickle=False)
        if cached.shape == shape and cached.dtype == np.float32:
            return cached
    return None
