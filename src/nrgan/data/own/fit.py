"""Squares to train on, cut from images of any size."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from nrgan.data.own.own_images import OwnImages
from nrgan.data.own.pixels import Pixels
from nrgan.data.own.survey import images_of
from nrgan.errors import UserError

How = Literal["crop", "resize", "tiles"]
SMALLEST, LARGEST, STEP = 16, 256, 8
_NAMED = 5
_WOULD_DO = "give --size and --fit crop, resize or tiles"


@dataclass(frozen=True)
class Fit:
    """How images become squares of `size` pixels (a multiple of 8 from 16 to 256; None: they are such squares).

    crop: the square in the middle. resize: the largest square in the middle, brought to size by averaging areas
    (enlarged linearly where it is smaller). tiles: squares that cover the image, see `tile_starts`.
    """

    size: int | None = None
    how: How = "crop"

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise UserError(f"--fit {self.how}: is unknown; it can be {', '.join(get_args(How))}")
        if self.size is not None and not trainable(self.size):
            raise UserError(f"--size {self.size}: must be a multiple of {STEP} from {SMALLEST} to {LARGEST}")


def trainable(side: int) -> bool:
    return SMALLEST <= side <= LARGEST and side % STEP == 0


def tile_starts(length: int, size: int) -> list[int]:
    """Where the tiles along a side of `length` pixels begin: the fewest that cover it, spread evenly.

    Neighbours share at most half of their pixels, save on a side shorter than 1½ sizes: there its two tiles must
    share more.
    """
    count = math.ceil(length / size)
    return [round(i * (length - size) / max(count - 1, 1)) for i in range(count)]


class Patches:
    """The training squares of a set of images: (size, size, channels) in the set's type, by number.

    Tiles of an image follow each other, and the last image read is kept, in each thread: reading in order decodes
    every image once.
    """

    def __init__(self, images: OwnImages, fit: Fit) -> None:
        self.images = images
        self.fit = fit
        self.size = fit.size if fit.size is not None else _common_size(images)
        if fit.how != "resize":
            _check_large_enough(images, self.size)
        counts = np.ones(len(images), np.int64)
        if fit.how == "tiles":
            counts = np.prod(-(-images.sizes.astype(np.int64) // self.size), axis=1)
        self._ends = np.cumsum(counts)
        self.notes = self._notes()
        self._last = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_last"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._last = threading.local()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def place(self, index: int) -> tuple[int, int]:
        """The number of the image that patch `index` is of, and the patch's number in it."""
        if not 0 <= index < len(self):
            raise IndexError(f"patch {index} of {len(self)}")
        image = int(np.searchsorted(self._ends, index, "right"))
        return image, index - (int(self._ends[image - 1]) if image else 0)

    def read(self, index: int) -> Pixels:
        """Patch `index`, (size, size, C); raises `UserError` where its file has changed since it was opened."""
        image, number = self.place(index)
        return _CUTS[self.fit.how](self._image(image), self.size, number).copy()

    def _image(self, image: int) -> Pixels:
        if self.fit.how != "tiles":
            return self.images.read(image)
        if getattr(self._last, "image", None) != image:
            self._last.pixels = self.images.read(image)
            self._last.image = image
        return self._last.pixels

    def _notes(self) -> list[str]:
        size, sides, count = self.size, self.images.sizes.min(axis=1), len(self)
        squares = f"{count} {'square' if count == 1 else 'squares'} of {size}x{size} pixels"
        notes = [f"{squares} from {images_of(len(self.images))} ({self.fit.how})."]
        larger, smaller = int((sides > size).sum()), int((sides < size).sum())
        if self.fit.how == "resize" and larger:
            notes.append(
                f"Resizing averages neighbouring pixels and so changes the noise (of {images_of(larger)}); crop or "
                "tiles keep it."
            )
        if self.fit.how == "resize" and smaller:
            notes.append(
                f"Enlarging makes blotches of the noise, as no camera does (of {images_of(smaller)}); a smaller --size "
                "keeps it."
            )
        return notes


def _crop(image: Pixels, size: int, number: int) -> Pixels:
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def _tile(image: Pixels, size: int, number: int) -> Pixels:
    tops, lefts = tile_starts(image.shape[0], size), tile_starts(image.shape[1], size)
    top, left = tops[number // len(lefts)], lefts[number % len(lefts)]
    return image[top : top + size, left : left + size]


def _resize(image: Pixels, size: int, number: int) -> Pixels:
    """In 32-bit floats, rounded back: the mean of each new pixel's area, or linear between pixels to enlarge."""
    square = _crop(image, min(image.shape[:2]), 0)
    if len(square) == size:
        return square
    kind = Image.Resampling.BOX if len(square) > size else Image.Resampling.BILINEAR
    planes = [
        np.asarray(Image.fromarray(square[..., c].astype(np.float32)).resize((size, size), kind))
        for c in range(image.shape[2])
    ]
    resized: npt.NDArray[np.float32] = np.stack(planes, axis=-1)
    if image.dtype.kind == "f":
        return resized
    limits = np.iinfo(image.dtype)
    return np.clip(np.rint(resized), limits.min, limits.max).astype(image.dtype)


_CUTS: dict[str, Callable[[Pixels, int, int], Pixels]] = {"crop": _crop, "resize": _resize, "tiles": _tile}
"""Patch `number` of an image, (size, size, C)."""


def _shown(sides: npt.NDArray[np.int32] | tuple[int, int]) -> str:
    """Width x height, as people say it."""
    return f"{sides[1]}x{sides[0]}"


def _common_size(images: OwnImages) -> int:
    """The side of images that are all the same square; raises `UserError` where they are not."""
    counts = Counter((int(height), int(width)) for height, width in images.sizes)
    (height, width), _ = counts.most_common(1)[0]
    if len(counts) > 1:
        listed = ", ".join(f"{count} of {_shown(sides)}" for sides, count in counts.most_common(_NAMED))
        more = ", ..." if len(counts) > _NAMED else ""
        raise UserError(f"{images.path}: the images are of several sizes ({listed}{more} pixels); {_WOULD_DO}")
    if height != width or not trainable(height):
        raise UserError(
            f"{images.path}: the images are {width}x{height} pixels, and training takes squares of a multiple "
            f"of {STEP} from {SMALLEST} to {LARGEST}; {_WOULD_DO}"
        )
    return height


def _check_large_enough(images: OwnImages, size: int) -> None:
    small = np.flatnonzero((images.sizes < size).any(axis=1))
    if len(small):
        named = ", ".join(f"{images.name(int(i))} ({_shown(images.sizes[i])})" for i in small[:_NAMED])
        more = ", ..." if len(small) > _NAMED else ""
        raise UserError(
            f"{images.path}: {images_of(len(small))} smaller than {size}x{size} pixels: {named}{more}; give a smaller "
            "--size, leave them out, or enlarge them with --fit resize"
        )
