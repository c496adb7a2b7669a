"""Scenes that instruments look at, drawn: (N, H, W, C) in [0, 1], smooth as optics leave them, every frame another.

Each takes a generator, the number of frames, their side, and photographs, (K, 32, 32, 3) uint8, where there are any;
only `photographs` uses those. What is 0 and 1 in an instrument's own values is the instrument's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nrgan.data import Shapes
from nrgan.ranges import unit_from_stored

Array = npt.NDArray[np.float64]
Photographs = npt.NDArray[np.uint8] | None
Random = np.random.Generator
Scene = Callable[[np.random.Generator, int, int, Photographs], Array]

_CELL_AREA = 900
"""Pixels to a cell, about."""
_STAR_AREA = 160
_PHOTOGRAPH_SIDE = 32


def _frames(draw: Callable[[np.random.Generator, int], Array]) -> Scene:
    """A scene of one channel from a function that draws one frame, (side, side)."""

    def scene(rng: Random, count: int, side: int, _: Photographs = None) -> Array:
        return np.stack([draw(rng, side) for _ in range(count)])[..., None].clip(0, 1)

    return scene


def _field(rng: Random, side: int, blur: float) -> Array:
    """A smooth random field of mean 0 and standard deviation 1."""
    field = ndimage.gaussian_filter(rng.standard_normal((side, side)), blur, mode="wrap")
    return np.asarray((field - field.mean()) / field.std())


def _distance(side: int, centre: Array, long: float, wide: float, angle: float) -> Array:
    """How far pixels are from an ellipse's centre, in its half axes: 1 at its edge."""
    y, x = np.mgrid[:side, :side].astype(np.float64)
    dy, dx = y - centre[0], x - centre[1]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.hypot((dy * cos - dx * sin) / wide, (dy * sin + dx * cos) / long)


def _any_ellipse(rng: Random, side: int, low: float, high: float) -> Array:
    long = rng.uniform(low, high)
    return _distance(side, rng.uniform(0, side, 2), long, long * rng.uniform(0.6, 1), rng.uniform(0, np.pi))


def _cells(rng: Random, side: int) -> Array:
    """Nuclei in cells, with filaments and bright spots, after a point spread function."""
    body, nuclei = np.zeros((side, side)), np.zeros((side, side))
    for _ in range(max(side * side // _CELL_AREA, 2)):
        distance = _any_ellipse(rng, side, 6, 13)
        body = np.maximum(body, rng.uniform(0.08, 0.2) * np.exp(-((distance / 2) ** 4)))
        nuclei = np.maximum(nuclei, rng.uniform(0.35, 0.95) * (distance < 1))
    nuclei *= 1 + 0.1 * _field(rng, side, 4)
    lines = np.abs(_field(rng, side, 6))
    filaments = 0.3 * (lines < 0.08) * (body > 0.05) * (nuclei == 0)
    spots = np.zeros((side, side))
    at = rng.integers(0, side, (2, max(side * side // 1000, 1)))
    spots[at[0], at[1]] = rng.uniform(1, 4, at.shape[1]) * (body[at[0], at[1]] > 0.05)
    haze = 0.04 + 0.015 * _field(rng, side, side / 5)
    return np.asarray(ndimage.gaussian_filter(body + nuclei + filaments + spots, rng.uniform(1.1, 1.5)) + haze)


def _stars(rng: Random, side: int) -> Array:
    """Stars of a power law of brightness, now and then a galaxy, on a sky that is hardly even; seeing above a pixel."""
    points = np.zeros((side, side))
    at = rng.integers(0, side, (2, max(side * side // _STAR_AREA, 4)))
    seeing = rng.uniform(1.2, 1.9)
    np.add.at(points, (at[0], at[1]), 0.02 * np.clip(rng.pareto(1.1, at.shape[1]), 0.3, 40) * 2 * np.pi * seeing**2)
    galaxies = sum(
        rng.uniform(0.1, 0.5) * np.exp(-2 * _any_ellipse(rng, side, 5, 14)) for _ in range(rng.integers(0, 3))
    )
    sky = 0.05 + 0.02 * _field(rng, side, side / 3)
    return np.asarray(ndimage.gaussian_filter(points + galaxies, seeing) + sky)


def _phantom(rng: Random, side: int) -> Array:
    """A section through a body: a rim, tissue, organs in it; nothing (0) outside."""
    centre, long = side / 2 + rng.uniform(-0.05, 0.05, 2) * side, side * rng.uniform(0.38, 0.46)
    outside = _distance(side, centre, long, long * rng.uniform(0.75, 0.95), rng.uniform(0, np.pi))
    image = np.where(outside < 1, 0.9, 0.0)
    image[outside < 0.92] = rng.uniform(0.3, 0.5)
    for _ in range(rng.integers(5, 10)):
        organ = _any_ellipse(rng, side, side / 16, side / 5)
        image[(organ < 1) & (outside < 0.88)] = rng.uniform(0.1, 0.85)
    image = image + 0.03 * _field(rng, side, 5) * (outside < 1)
    return np.asarray(ndimage.gaussian_filter(image, 0.8))


def _surface(rng: Random, side: int) -> Array:
    """Heights: hills, a step or two, particles."""
    hills = 0.35 + 0.1 * _field(rng, side, rng.uniform(6, 14))
    y, x = np.mgrid[:side, :side] / side
    for _ in range(rng.integers(0, 3)):
        angle = rng.uniform(0, 2 * np.pi)
        hills = hills + 0.12 * ((x - rng.random()) * np.cos(angle) + (y - rng.random()) * np.sin(angle) > 0)
    for _ in range(max(side * side // 2500, 1)):
        hills = hills + rng.uniform(0.1, 0.35) * np.sqrt(np.maximum(1 - _any_ellipse(rng, side, 3, 7) ** 2, 0))
    return np.asarray(ndimage.gaussian_filter(hills, 0.9))


def _tissue(rng: Random, side: int) -> Array:
    """How strongly tissue scatters, in decibels brought to [0, 1]: layers, dark cysts, bright plaques."""
    depth = np.linspace(0, 1, side)[:, None] + 0.05 * _field(rng, side, side / 6)
    edges = np.sort(rng.uniform(0.1, 0.9, 3))
    image = rng.uniform(0.4, 0.65, 4)[np.searchsorted(edges, depth)]
    for _ in range(rng.integers(1, 4)):
        image = np.where(_any_ellipse(rng, side, side / 14, side / 7) < 1, rng.uniform(0.3, 0.8), image)
    return np.asarray(ndimage.gaussian_filter(image, 1.0))


def _textured(blur: float) -> Callable[[np.random.Generator, int], Array]:
    """Clouds of all scales, whose spectrum falls with the frequency, after optics of so many pixels."""

    def draw(rng: Random, side: int) -> Array:
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
        frequency[0, 0] = np.inf
        field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency**1.3, (side, side))
        seen = ndimage.gaussian_filter(field, blur, mode="wrap")
        seen += 0.7 * seen.std() * np.sign(_field(rng, side, side / 8))
        return np.asarray(0.5 + 0.16 * ndimage.gaussian_filter(seen, blur, mode="wrap") / seen.std())

    return draw


def photographs(rng: Random, count: int, side: int, known: Photographs = None) -> Array:
    """Some of the photographs, 32x32 whatever the side; drawn coloured shapes of that side where there are none."""
    if known is not None:
        return unit_from_stored(known[rng.choice(len(known), count, replace=count > len(known))])
    return shapes(rng, count, side)


def shapes(rng: Random, count: int, side: int, _: Photographs = None) -> Array:
    """Drawn coloured shapes, 32 pixels a side at least."""
    drawn = Shapes(image_size=max(side, _PHOTOGRAPH_SIDE), seed=int(rng.integers(2**31)), count=count)
    return unit_from_stored(drawn.draw(range(count)))


def grey(rng: Random, count: int, side: int, _: Photographs = None) -> Array:
    """Nothing at all, of another brightness in each frame."""
    return np.broadcast_to(rng.uniform(0.2, 0.8, (count, 1, 1, 1)), (count, side, side, 1)).copy()


def clouds(rng: Random, count: int, side: int, _: Photographs = None) -> Array:
    """Smooth random fields, of three channels that are nearly the same."""
    fields = [[_field(rng, side, 8), _field(rng, side, 8)] for _ in range(count)]
    channels = [[0.5 + 0.15 * a + 0.02 * c * b for c in (-1, 0, 1)] for a, b in fields]
    return np.asarray(channels, np.float64).transpose(0, 2, 3, 1).clip(0, 1)


cells = _frames(_cells)
stars = _frames(_stars)
phantoms = _frames(_phantom)
surfaces = _frames(_surface)
tissue = _frames(_tissue)
fine_texture = _frames(_textured(0.8))
coarse_texture = _frames(_textured(2.5))


def textures(rng: Random, count: int, side: int, known: Photographs = None) -> Array:
    """Half of the frames fine, half of them coarse."""
    kinds: list[Any] = [fine_texture, coarse_texture]
    return np.concatenate([kinds[i % 2](rng, 1, side, known) for i in range(count)])
