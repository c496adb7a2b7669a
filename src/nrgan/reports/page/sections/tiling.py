"""How many pictures there is room for, and how they are laid out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from nrgan.pictures import SHOWN, SHOWN_A_ROW, grid

Item = TypeVar("Item")


def how_many(room: int, size: int, most: int, fewest: int) -> tuple[int, int]:
    """Frames, and pictures in each, that `room` bytes hold; size: bytes of a picture.

    Frames are given up for `fewest` pictures in each; of both there is one at least.
    """
    for frames in range(most, 0, -1):
        pictures = room // (size * frames)
        if pictures >= fewest:
            return frames, min(pictures, SHOWN)
    return max(1, min(most, room // size)), 1


def chosen_evenly(items: Sequence[Item], count: int) -> list[Item]:
    """`count` of them with the first and the last, in order; the last alone for one; all where there are fewer."""
    if count == 1:
        return list(items[-1:])
    places = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[place] for place in places]


def tiled(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(N, H, W, C) → one picture, nearly square."""
    return grid(images, columns=min(SHOWN_A_ROW, math.ceil(math.sqrt(len(images)))), gap=1)
