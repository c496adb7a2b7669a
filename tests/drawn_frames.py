"""Draws what instruments look at, and sets of frames of it, so that what is true of them is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

Plane = npt.NDArray[Any]
Scene = Callable[[np.random.Generator, int], Plane]


def cells(rng: np.random.Generator, side: int) -> Plane:
    """Round bright cells of 6 to 24 pixels, up to 100 above 0."""
    rows, columns = np.mgrid[:side, :side]
    image = np.zeros((side, side))
    for _ in range(max(6, side * side // 700)):
        top, left, radius = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(3, 12)
        distance = np.hypot(rows - top, columns - left)
        image = np.maximum(image, rng.uniform(40, 100) * special.expit(1.5 * (radius - distance)))
    return image


def texture(rng: np.random.Generator, side: int) -> Plane:
    """Clouds with detail at all scales, of standard deviation 25."""
    double = 2 * side  # of which a part is taken, for the whole goes on at the opposite edge
    spectrum = np.hypot(np.fft.fftfreq(double)[:, None], np.fft.fftfreq(double)[None]) + 1 / side
    image = np.fft.ifft2(np.fft.fft2(rng.normal(size=(double, double))) / spectrum**1.3).real[:side, :side]
    return 25 * (image - image.mean()) / image.std()


def stars(rng: np.random.Generator, side: int, blur: float = 1.5) -> Plane:
    """Points of unequal brightness under a blur."""
    image = np.zeros((side, side))
    count = side * side // 150
    image[rng.integers(0, side, count), rng.integers(0, side, count)] = rng.pareto(1.5, count).clip(0.2, 40)
    return 100 * 2 * np.pi * blur**2 * ndimage.gaussian_filter(image, blur, mode="constant") / 4


def beads(rng: np.random.Generator, side: int, count: int = 20, height: float = 400) -> tuple[Plane, Plane]:
    """Squares of 3x3 pixels on nothing, and where they lie; none touches the border or another."""
    image = np.zeros((side, side))
    places: list[tuple[int, int]] = []
    while len(places) < count:
        place = tuple(int(n) for n in rng.integers(4, side - 5, 2))
        if all(max(abs(place[0] - r), abs(place[1] - c)) > 6 for r, c in places):
            places.append((place[0], place[1]))
            image[place[0] - 1 : place[0] + 2, place[1] - 1 : place[1] + 2] = height
    return image, image > 0


def vignette(side: int) -> Plane:
    """Light that falls off to the corners by half, 1 in the middle."""
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return 1 / (1 + (rows**2 + columns**2) / 2) ** 1.5


def noisy(rng: np.random.Generator, clean: Sequence[Plane], level: float = 10.0, photons: float = 0.0) -> Plane:
    """Frames with Gaussian noise, and of each `photons` a unit that of counting; (N, H, W)."""
    stack = np.stack(list(clean))
    if photons:
        stack = rng.poisson(np.maximum(stack, 0) * photons) / photons
    return stack + rng.normal(0, level, stack.shape)


SCENES: dict[str, Scene] = {"cells": cells, "texture": texture, "stars": stars}
