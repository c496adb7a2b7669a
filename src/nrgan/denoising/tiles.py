"""A mapping over images of any size, in tiles, as exactly as over the whole.

A tile is a core and a halo around it, at least as wide as the mapping's radius. The mapping sees both; of its answer
the core is kept, and cores are put side by side, never blended. Tiles begin at multiples of the mapping's `multiple`,
and where the image ends they end, so that the mapping itself decides what lies beyond. What is left are differences
of floating point, less than 1e-5 of the range in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from nrgan.denoising.mapping import Mapping
from nrgan.frames import Region
from nrgan.memory import free_memory, is_out_of_memory

Unit = npt.NDArray[np.float32]
"""(H, W, C), unit range of the data, not clipped."""
Result = TypeVar("Result")

_MOST, _LEAST = 384, 64
"""Sides of a core, in pixels: of the one the largest network takes half a gigabyte, and the halo little time; below the
other the halo takes nearly all."""
_PIXEL = 2048
"""Bytes that a mapping takes for a pixel: eight arrays of 64 channels."""
_SHARE = 4
"""Of the free memory a tile takes this part."""


@dataclass(frozen=True)
class Tile:
    """core: what is kept. outer: what the mapping sees."""

    core: Region
    outer: Region

    def inside(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The core's part of what belongs to `outer`, (h, w, ...)."""
        top, left = self.core.top - self.outer.top, self.core.left - self.outer.left
        return Region(top, left, self.core.height, self.core.width).of(values)


def in_tiles(mapping: Mapping, image: Unit, side: int | None = None) -> Unit:
    """The mapping of an image, (H, W, C) unit → the same. side: of the cores; None: as memory allows."""
    found = np.empty(image.shape, np.float32)

    def add(tile: Tile) -> None:
        found[tile.core.slices] = tile.inside(mapped(mapping, tile.outer.of(image)))

    each_tile(mapping, image.shape[0], image.shape[1], add, side)
    return found


def each_tile(
    mapping: Mapping, height: int, width: int, do: Callable[[Tile], Result], side: int | None = None
) -> list[Result]:
    """What `do` gives for each tile of an image.

    Where memory does not suffice, all tiles are done once more, of half the side.
    """
    side = min(side or _side(mapping), max(height, width))
    try:
        return [do(tile) for tile in tiles(mapping, height, width, side)]
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    # here the error is gone, and with it what its frames held
    return [do(tile) for tile in tiles(mapping, height, width, max(side // 2, 1))]


def tiles(mapping: Mapping, height: int, width: int, side: int) -> Iterator[Tile]:
    """The tiles that cover an image, with cores of about this side."""
    halo = halo_of(mapping)
    side = max(side // mapping.multiple, 1) * mapping.multiple
    for top in range(0, height, side):
        for left in range(0, width, side):
            core = Region(top, left, min(side, height - top), min(side, width - left))
            yield Tile(core, core.grown(halo, height, width))


def halo_of(mapping: Mapping) -> int:
    """Pixels around a core: the radius, as multiples; and more than what the smallest image needs."""
    return -(-max(mapping.radius, _least(mapping)) // mapping.multiple) * mapping.multiple


def _least(mapping: Mapping) -> int:
    """The side from which on images can be reflected at their borders, where they are smallest in a network."""
    return 2 * mapping.multiple


def _side(mapping: Mapping) -> int:
    """Of the cores whose tiles fit in the memory that is free."""
    whole = math.isqrt(free_memory() // _SHARE // _PIXEL)
    return min(max(whole - 2 * halo_of(mapping), _LEAST), _MOST)


def mapped(mapping: Mapping, image: Unit) -> Unit:
    """The mapping of an image at once; one that is too small for it is continued by reflection, and cut again."""
    height, width, _ = image.shape
    least = _least(mapping)
    wider = ((0, max(0, least - height)), (0, max(0, least - width)), (0, 0))
    enough = np.pad(image, wider, mode="reflect") if max(wider[0] + wider[1]) else image
    y = torch.from_numpy(np.ascontiguousarray(enough.transpose(2, 0, 1), np.float32))[None]
    with torch.no_grad():
        f = mapping(y)[0, :, :height, :width]
    return f.permute(1, 2, 0).numpy()
