"""`shapes`: a drawn data set that needs no download.

Each image is a small scene: sky over textured ground, and one to three warm-coloured shapes lit from above, with
shadows under them. Photographs tell up from down, blue from red and light from dark, and noise does not; a noise
generator that knows only those invariances (`sinrgan2`) is told from the image by them. So the scenes must break them
too, as a distribution: the light is always above, the sky is blue and the shapes are warm.

Image i of seed s is a function of (s, i) alone, in additions, multiplications, divisions and square roots only, whose
results IEEE 754 fixes: the same bytes on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nrgan.data.sources.base import Images, ImageSource
from nrgan.errors import UserError
from nrgan.limits import DEFAULT_SIDE, SMALLEST_NETWORK_SIDE
from nrgan.progress import Preparing

VERSION = 1
Array = npt.NDArray[np.float32]

_CHUNK = 250
_MAX_SHAPES = 3
_UNSEEN, _FEWER = 1, 10_000
"""Seed and number of the images that no training sees."""
_LATTICE = 8
"""Cells a side of the coarse texture lattice; the fine one has twice as many."""

# unit-range RGB; a colour is a mixture of its row's two ends
_SKY_HIGH = ((0.16, 0.36, 0.72), (0.42, 0.62, 0.92))
_SKY_LOW = ((0.62, 0.74, 0.88), (0.86, 0.90, 0.96))
_GROUND = ((0.20, 0.26, 0.10), (0.46, 0.36, 0.20))
_SHAPE = ((0.80, 0.14, 0.08), (0.98, 0.80, 0.24))


class Shapes(ImageSource):
    """`count` drawn scenes of `image_size` pixels a side, (N, H, W, 3) uint8, addressable by index and seed."""

    default_features = "random_convolutions"
    caption = "the 50,000 drawn images"

    def __init__(self, image_size: int = DEFAULT_SIDE, seed: int = 0, count: int = ImageSource.default_count) -> None:
        if image_size < SMALLEST_NETWORK_SIDE:
            least = f"shapes need at least {SMALLEST_NETWORK_SIDE} pixels to be seen"
            raise UserError(f"<image_size> {image_size}: {least}")
        self.image_size = image_size
        self.seed = seed
        self.count = count

    @classmethod
    def check(cls, image_size: int, data_root: Path | None) -> None:
        if data_root is not None:
            raise UserError("<data_root>: shapes are drawn, they have no data folder; leave it out")
        cls(image_size)

    @classmethod
    def open(
        cls, image_size: int, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> Shapes:
        return cls(image_size)

    @classmethod
    def unseen(
        cls, image_size: int, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> Shapes:
        return cls(image_size, seed=_UNSEEN, count=_FEWER)

    def key(self) -> str:
        return f"shapes version {VERSION} seed {self.seed} size {self.image_size} count {self.count}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Images:
        """Image `index`, (H, W, 3) uint8."""
        if not 0 <= index < self.count:
            raise IndexError(f"image {index} of {self.count}")
        return self.draw([index])[0]

    def draw(self, indices: Sequence[int]) -> Images:
        """The images of these indices, (K, H, W, 3) uint8."""
        table = np.stack([_numbers(self.seed, int(i)) for i in indices])
        return _render(table, self.image_size)

    def images(self) -> Images:
        out = np.empty((self.count, self.image_size, self.image_size, self.channels), np.uint8)

        def work(start: int) -> None:
            stop = min(start + _CHUNK, self.count)
            out[start:stop] = self.draw(range(start, stop))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(work, range(0, self.count, _CHUNK)))
        return out


_PER_SHAPE = 10
_SCENE = 16
_NUMBERS = _SCENE + _MAX_SHAPES * _PER_SHAPE + (_LATTICE + 1) ** 2 + (2 * _LATTICE + 1) ** 2


def _numbers(seed: int, index: int) -> Array:
    """All uniform numbers that image `index` is drawn from."""
    return np.random.Generator(np.random.Philox(key=[seed, index])).random(_NUMBERS, dtype=np.float32)


class _Take:
    """Hands out the columns of a (K, _NUMBERS) table one after the other, as (K, 1, 1) values."""

    def __init__(self, table: Array) -> None:
        self.table = table
        self.next = 0

    def __call__(self, low: float = 0.0, high: float = 1.0) -> Array:
        u = self.table[:, self.next, None, None]
        self.next += 1
        return np.float32(low) + np.float32(high - low) * u

    def lattice(self, cells: int) -> Array:
        """(K, cells + 1, cells + 1) numbers."""
        n = (cells + 1) ** 2
        values = self.table[:, self.next : self.next + n].reshape(-1, cells + 1, cells + 1)
        self.next += n
        return values

    def colour(self, ends: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
        """(K, 1, 1, 3): a colour between the two ends, with a small variation of each channel."""
        t = self()[..., None]
        low, high = (np.array(end, np.float32) for end in ends)
        spread = np.concatenate([self(-0.04, 0.04) for _ in range(3)], axis=2)[:, :, None, :]
        return low + (high - low) * t + spread


def _render(table: Array, size: int) -> Images:
    """(K, _NUMBERS) numbers → (K, size, size, 3) uint8."""
    take = _Take(table)
    centres = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    x, y = centres[None, None, :], centres[None, :, None]  # y points down
    pixel = np.float32(1 / size)

    horizon = take(0.35, 0.75)
    sky = _mix(take.colour(_SKY_HIGH), take.colour(_SKY_LOW), np.minimum(y / horizon, 1)[..., None])
    ground = take.colour(_GROUND)
    coarse = _texture(take.lattice(_LATTICE), size)
    fine = _texture(take.lattice(2 * _LATTICE), size)

    clouds = np.clip(coarse * 2 - np.float32(0.9), 0, 1) * take(0.1, 0.6)
    sky = _mix(sky, np.float32(0.95), clouds[..., None])
    depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
    grain = np.float32(0.75) + depth * np.float32(0.35) + (coarse - np.float32(0.5)) * np.float32(0.35)
    grain = grain + (fine - np.float32(0.5)) * np.float32(0.25)
    below = _coverage(horizon - y, pixel)
    image = _mix(sky, ground * grain[..., None], below[..., None])

    number = take(1, _MAX_SHAPES + 1)
    for k in range(_MAX_SHAPES):
        image = _draw_shape(image, take, x, y, pixel, present=number >= k + 1)
    return np.clip(image * 255 + np.float32(0.5), 0, 255).astype(np.uint8)


def _draw_shape(
    image: Array, take: _Take, x: Array, y: Array, pixel: np.float32, present: npt.NDArray[np.bool_]
) -> Array:
    """Paints one shape and its shadow on (K, H, W, 3) images, where `present`."""
    kind = (take() * 3).astype(np.int64)
    cx, cy, radius = take(0.18, 0.82), take(0.3, 0.8), take(0.12, 0.26)
    aspect, turn = take(0.7, 1.0), take(-0.5, 0.5)
    base = take.colour(_SHAPE)

    # cos and sin of a rotation by 2·atan(turn), from arithmetic that is the same everywhere
    cos, sin = (1 - turn * turn) / (1 + turn * turn), 2 * turn / (1 + turn * turn)
    dx, dy = x - cx, y - cy
    u, v = dx * cos + dy * sin, (dy * cos - dx * sin) / aspect
    ellipse = np.sqrt(u * u + v * v) - radius
    box = np.maximum(np.abs(u), np.abs(v)) - radius * np.float32(0.85)
    triangle = np.maximum(np.abs(u) * np.float32(0.8) + v * np.float32(0.5), -v) - radius * np.float32(0.6)
    distance = np.where(kind == 0, ellipse, np.where(kind == 1, box, triangle))

    sx, sy = dx / radius, (dy / radius - np.float32(0.95)) * 4
    shadow = np.clip(np.float32(1.2) - np.sqrt(sx * sx + sy * sy), 0, 1) * np.float32(0.55) * present
    image = image * (1 - shadow[..., None])

    light = np.clip(-dy / radius, -1, 1)  # 1 at the top, −1 at the bottom
    shaded = base * (np.float32(0.85) + np.float32(0.32) * light)[..., None]
    shaded = shaded + (np.clip(light - np.float32(0.35), 0, 1) * np.float32(0.35))[..., None]
    return _mix(image, shaded, (_coverage(distance, pixel) * present)[..., None])


def _coverage(distance: Array, pixel: np.float32) -> Array:
    """The share of a pixel inside a shape, from its signed distance (negative inside): an anti-aliased edge."""
    return np.clip(np.float32(0.5) - distance / pixel, 0, 1)


def _mix(a: Array, b: Array | np.float32, t: Array) -> Array:
    return a + (b - a) * t


def _texture(lattice: Array, size: int) -> Array:
    """Value noise: a (K, n + 1, n + 1) lattice interpolated to (K, size, size), smooth across cells."""
    cells = lattice.shape[1] - 1
    place = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / size)
    cell = place.astype(np.int64)
    t = place - cell
    t = t * t * (3 - 2 * t)
    rows = _mix(lattice[:, cell], lattice[:, cell + 1], t[None, :, None])
    return _mix(rows[:, :, cell], rows[:, :, cell + 1], t[None, None, :])
