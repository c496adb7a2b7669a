"""Single pixels that stand out of an image as no structure does: hot and dead pixels, and tracks of cosmic rays.

A pixel is sharp where it exceeds what is as large as two by two pixels around it (the grey opening O by a 2x2 square)
by far more than O itself varies there:  v − O > 4·(max O − min O over 5x5) + 8·rms(v − O),  and the same upside down.
Stars, beads and edges are blurred by every optics and lie within that, as does noise, of which 8 times the root mean
square is out of reach. Sharp pixels count as outliers only beyond the bulk of all values: see `value_range`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nrgan.frames.frame import Pixels

_LOCAL, _GLOBAL = 4.0, 8.0
_BEYOND = 4.0
"""Times that a value may be as far from the median as the 0.5% and 99.5% quantiles are before it is looked at."""
_SAMPLE = 4096
_MOST = 2000
"""Sharp pixels of an image that are remembered one by one."""
_SEVERAL = 3
"""Images from which it can be told that pixels are always at the same place."""
_TRACK = 3
"""Sharp pixels in a row, side by side or diagonally, that are a track."""

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_NOWHERE: Mask = np.zeros((0, 0), bool)


@dataclass(frozen=True)
class Sharp:
    """The sharp pixels of an image, and the values of all others.

    low, high: the least and the greatest value of each channel that is not sharp. channels, rows, columns, values: of
    the sharp ones. tracks: how many of these lie in tracks.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    channels: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    tracks: int = 0

    def moved(self, rows: int) -> Sharp:
        """The same of a part of an image that begins so many rows below."""
        return replace(self, rows=self.rows + np.int32(rows))


class SharpTally:
    """Adds up the sharp pixels of the images of a set."""

    def __init__(self) -> None:
        self._found: list[tuple[int, tuple[int, int], Sharp]] = []
        self._images: set[int] = set()
        self._low: list[float] = []
        self._high: list[float] = []

    def add(self, image: int, sides: tuple[int, int], found: Sharp) -> None:
        """Of an image of these sides, or of a part of it."""
        self._images.add(image)
        self._low = [min(ends) for ends in zip(self._low or found.low, found.low, strict=True)]
        self._high = [max(ends) for ends in zip(self._high or found.high, found.high, strict=True)]
        if len(found.values):
            self._found.append((image, sides, found))

    def result(self) -> SharpPixels | None:
        """All of them; None where no image was looked at."""
        if not self._images:
            return None
        parts = [
            np.stack(
                [
                    found.channels.astype(np.float64),
                    np.full(len(found.values), image),
                    *(np.full(len(found.values), side) for side in sides),
                    found.rows,
                    found.columns,
                    found.values,
                ],
                axis=1,
            )
            for image, sides, found in self._found
        ]
        return SharpPixels(
            images=len(self._images),
            low=tuple(self._low),
            high=tuple(self._high),
            table=np.concatenate(parts) if parts else np.empty((0, 7)),
            tracks=sum(found.tracks for _, _, found in self._found),
        )


@dataclass(frozen=True, eq=False)
class SharpPixels:
    """The sharp pixels of a set of images.

    images: how many were looked at. low, high: the least and the greatest value of each channel that is not sharp.
    table: (K, 7), of each sharp pixel its channel, image, the image's height and width, row, column and value.
    tracks: how many lie in tracks.
    """

    images: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    table: npt.NDArray[np.float64]
    tracks: int

    @property
    def channels(self) -> npt.NDArray[np.intp]:
        """The channel of each."""
        return self.table[:, 0].astype(np.intp)

    def of_channel(self, channel: int) -> SharpPixels:
        """Those of one channel."""
        return replace(
            self,
            low=self.low[channel : channel + 1],
            high=self.high[channel : channel + 1],
            table=self.table[self.channels == channel],
        )

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The value of each."""
        return self.table[:, 6]

    def always(self, chosen: Mask) -> int:
        """How many of the chosen ones lie at places where there is one in half of the images, of 3 or more."""
        if self.images < _SEVERAL or not chosen.any():
            return 0
        _, which, count = np.unique(
            self.table[chosen][:, [0, 2, 3, 4, 5]], axis=0, return_inverse=True, return_counts=True
        )
        return int((count[which.reshape(-1)] >= max(2, self.images / 2)).sum())


def sharp_pixels(image: Pixels, missing: Mask | None = None) -> Sharp:
    """Of an image, (H, W, C), or of a part of it; `missing`, (H, W): pixels that have no value."""
    if missing is not None and missing.all():
        nothing = np.empty(0, np.int32)
        none = (np.inf,) * image.shape[2], (-np.inf,) * image.shape[2]
        return Sharp(*none, nothing.astype(np.uint8), nothing, nothing, nothing.astype(np.float32))
    planes = [np.asarray(image[..., k], np.float32) for k in range(image.shape[2])]
    channels = [_of_plane(plane, None if missing is None else ~missing) for plane in planes]
    masks = [mask if mask is not None else _NOWHERE for mask, _ in channels]
    places = [np.nonzero(mask) for mask in masks]
    values = [plane[found] for plane, found in zip(planes, places, strict=True)]
    return Sharp(
        low=tuple(low for _, (low, _) in channels),
        high=tuple(high for _, (_, high) in channels),
        channels=np.repeat(np.arange(len(values), dtype=np.uint8), [len(found) for found in values])[:_MOST],
        rows=np.concatenate([rows for rows, _ in places])[:_MOST].astype(np.int32),
        columns=np.concatenate([columns for _, columns in places])[:_MOST].astype(np.int32),
        values=np.concatenate(values)[:_MOST],
        tracks=sum(_in_tracks(mask) for mask in masks if mask.any()),
    )


def _of_plane(plane: Plane, there: Mask | None) -> tuple[Mask | None, tuple[float, float]]:
    """Which pixels of one channel are sharp, if any may be, and the least and the greatest value of the others.

    there: which of them have a value; None: all.
    """
    valid = plane if there is None else plane[there]
    ends = float(valid.min()), float(valid.max())
    if not _stands_out(valid, *ends):
        return None, ends
    whole = plane if there is None else np.where(there, plane, np.median(valid))
    sharp = _above(whole) | _above(-whole)
    if there is not None:
        sharp &= there
    rest = plane[~sharp] if there is None else plane[there & ~sharp]
    return sharp, (float(rest.min()), float(rest.max())) if len(rest) else ends


def _stands_out(values: Plane, low: float, high: float) -> bool:
    """Whether an extreme value lies far beyond the bulk of the image, which most never do."""
    flat = values.reshape(-1)
    some = flat[:: max(1, len(flat) // _SAMPLE)]
    under, middle, over = np.quantile(some, (0.005, 0.5, 0.995))
    return high - middle > _BEYOND * (over - middle) or middle - low > _BEYOND * (middle - under)


def _above(plane: Plane) -> Mask:
    """Pixels that stand above all structure around them."""
    square = ndimage.minimum_filter(plane, 2, mode="mirror", origin=-1)
    opened = ndimage.maximum_filter(square, 2, mode="nearest")
    excess = plane - opened
    varies = ndimage.maximum_filter(opened, 5, mode="mirror") - ndimage.minimum_filter(opened, 5, mode="mirror")
    rms = float(np.sqrt(np.mean(excess.astype(np.float64) ** 2)))
    return np.asarray(excess > _LOCAL * varies + _GLOBAL * rms)


def _in_tracks(mask: Mask) -> int:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return int(sizes[sizes >= _TRACK].sum())
