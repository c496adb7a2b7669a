"""The frozen noisy training set: each image corrupted once, for good, by draws that depend on its index alone."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.random import RandomState

from nrgan.corruptions import Corruption, Sensor
from nrgan.data.sources import Images, ImageSource
from nrgan.errors import Damaged, UserError
from nrgan.progress import Advance
from nrgan.ranges import unit_from_stored
from nrgan.reading import open_regular, read_json, read_text
from nrgan.storage import NOISY_SETS, default_cache, writing

FORMAT_VERSION = 1
NoisyImages = npt.NDArray[np.float32]
"""(N, C, H, W) float32, unit range."""

_CHUNK = 250
"""Images that are made, and verified, at once."""
_LONGEST_HEADER = 1 << 16


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


class FrozenSet:
    """A frozen noisy set; what comes from the cache is verified block by block, when it is first asked for.

    kept: the cached file and what its blocks' CRC-32 should be; None where the images have just been made.
    """

    def __init__(self, images: NoisyImages, kept: tuple[Path, list[int]] | None = None) -> None:
        self.images = images
        self._path, self._sums = kept or (Path(), [])
        self._unverified = np.arange(-(-len(images) // _CHUNK)) if kept else np.arange(0)

    def verify(self, indices: npt.NDArray[np.int64]) -> None:
        """Raises `Damaged` where a block that holds one of these images has changed; its file is then removed."""
        if not len(self._unverified):
            return
        blocks = np.intersect1d(indices // _CHUNK, self._unverified)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # it lets go of the interpreter's lock
            sums = list(pool.map(lambda block: zlib.crc32(self.images[_rows(block)].data), blocks))
        for block, found in zip(blocks, sums, strict=True):
            if found != self._sums[block]:
                rows = _rows(block)
                with suppress(OSError):
                    self._path.unlink()
                raise Damaged(
                    f"{self._path}: images {rows.start:,} to {min(rows.stop, len(self.images)) - 1:,} are damaged; "
                    "it has been removed, and the same command makes it anew (a run goes on with <resume>)"
                )
        self._unverified = np.setdiff1d(self._unverified, blocks)

    def __getitem__(self, indices: npt.NDArray[np.int64]) -> NoisyImages:
        self.verify(indices)
        return self.images[indices]


def _rows(block: int) -> slice:
    return slice(int(block) * _CHUNK, (int(block) + 1) * _CHUNK)


def open_frozen_set(
    source: ImageSource,
    corruption: Corruption,
    sensor: Sensor | None = None,
    data_seed: int = 0,
    cache: Path | None = None,
    advance: Advance | None = None,
    name: str = "images",
) -> FrozenSet:
    """The frozen noisy set of a source and a corruption, memory-mapped from the cache; made first if it is not there.

    name: what its file's name begins with. Raises `UserError` where the data seed does not fit, or the cache folder is
    full or not writable.
    """
    check_data_seed(data_seed, len(source))
    sensor = sensor or Sensor()
    key = cache_key(source, corruption, sensor, data_seed)
    path = (cache or default_cache()) / NOISY_SETS / f"{name}-{key_digest(key)}.npy"
    cached = _open_cached(path, key, (len(source), source.channels, source.image_size, source.image_size))
    if cached is not None:
        return cached
    noisy = make_noisy(source.images(), corruption, sensor, data_seed, advance)
    header = _npy_header(noisy)
    sums = [zlib.crc32(noisy[_rows(block)].data) for block in range(-(-len(noisy) // _CHUNK))]
    with writing(path.with_suffix(".json")) as part:
        part.write_text(_described(key, zlib.crc32(header), sums), encoding="utf-8")
    with writing(path) as part, part.open("wb") as file:
        file.write(header)
        file.write(noisy.data)
    return _open_cached(path, key, noisy.shape) or FrozenSet(noisy)  # mapped: the system may take its memory back


def frozen_noisy_set(
    source: ImageSource,
    corruption: Corruption,
    sensor: Sensor | None = None,
    data_seed: int = 0,
    cache: Path | None = None,
    advance: Advance | None = None,
    name: str = "images",
) -> NoisyImages:
    """All images of `open_frozen_set` at once, verified."""
    frozen = open_frozen_set(source, corruption, sensor, data_seed, cache, advance, name)
    frozen.verify(np.arange(len(frozen.images)))
    return frozen.images


def _npy_header(array: NoisyImages) -> bytes:
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    return file.getvalue()


def _described(key: dict[str, object], header: int, sums: list[int]) -> str:
    """What lies beside a cached set: its key, and the CRC-32 of its header and of each block of images."""
    return json.dumps({"key": key, "header_crc32": header, "images_crc32": sums, "images_in_a_block": _CHUNK}, indent=1)


def _open_cached(path: Path, key: dict[str, object], shape: tuple[int, ...]) -> FrozenSet | None:
    """The cached set, its header verified; None where there is none that is whole."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        beside = path.with_suffix(".json")
        document = read_json(beside)
        header_sum, sums = document["header_crc32"], list(document["images_crc32"])
        with open_regular(path) as file:
            offset = os.fstat(file.fileno()).st_size - 4 * math.prod(shape)
            whole = 0 < offset <= _LONGEST_HEADER and zlib.crc32(file.read(offset)) == header_sum
        # also a byte that has changed in what says the sums
        if whole and len(sums) == -(-shape[0] // _CHUNK) and read_text(beside) == _described(key, header_sum, sums):
            # copy-on-write: torch wants a writable array, the file is never changed
            return FrozenSet(np.memmap(path, np.float32, "c", offset, shape), (path, sums))
    return None
