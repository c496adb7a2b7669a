"""Noisy images cut into small cells: differences that suppress the image, the signal there, and how textured it is.

Everything here is on the scale 0..255; arrays are (N, H, W, C) or, per cell, (N, rows, columns).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.limits import MOST_CHANNELS, SMALLEST_SIDE

Array = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

FEWEST_IMAGES = 50
CELL = 4
"""Pixels a side of a cell."""
_LARGEST_SIDE = 64
_MOST_VALUES = 8_000_000
_GROUPS = 10


def prepared(images: npt.NDArray[np.floating], most_images: int) -> Array:
    """At most `most_images` of (N, H, W, C) unit-range images, evenly spread over the set; centres of large ones.

    Returns the scale 0..255. Raises `UserError` where the images cannot be diagnosed.
    """
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.floating):
        raise UserError(f"a diagnosis takes (N, H, W, C) images in [0, 1], not {images.dtype} of shape {images.shape}")
    count, height, width, channels = images.shape
    if count < FEWEST_IMAGES:
        images_are = "1 image is" if count == 1 else f"{count} images are"
        raise UserError(f"{images_are} too few to tell the noise from the image; give {FEWEST_IMAGES} or more")
    if min(height, width) < SMALLEST_SIDE or not 1 <= channels <= MOST_CHANNELS:
        raise UserError(
            f"images of {height}x{width}x{channels}: a diagnosis needs {SMALLEST_SIDE} pixels or more a side and "
            f"1 to {MOST_CHANNELS} channels"
        )
    h, w = min(height, _LARGEST_SIDE), min(width, _LARGEST_SIDE)
    used = max(min(count, most_images, _MOST_VALUES // (h * w * channels)), FEWEST_IMAGES)
    chosen = np.linspace(0, count - 1, min(used, count)).round().astype(int)
    top, left = (height - h) // 2, (width - w) // 2
    # a crop, not a smaller copy: scaling would average the noise away
    part = images[chosen, top : top + h, left : left + w].astype(np.float32)
    if not np.isfinite(part).all() or part.min() < -1e-3 or part.max() > 1 + 1e-3:
        raise UserError("a diagnosis takes images in [0, 1] without missing values; convert them first")
    differing = len({image.tobytes() for image in part})
    if differing < FEWEST_IMAGES:
        what = (
            "they are copies of one image" if differing == 1 else f"only {differing} of them are not copies of others"
        )
        raise UserError(f"nothing can be told of the noise of {len(part)} images: {what}; give {FEWEST_IMAGES} or more")
    return part * np.float32(255)


def contrasts(channels: int) -> Array:
    """Orthonormal combinations of channels that leave out their mean, (C − 1, C): Helmert's, ±1/√2 of the first two.

    An edge in a photograph is nearly the same in all channels, so these hold little of it, and noise that is
    independent between channels keeps its level in them. One channel has none, and stands for itself.
    """
    if channels == 1:
        return np.ones((1, 1), np.float32)
    rows = np.zeros((channels - 1, channels), np.float32)
    for k in range(1, channels):
        rows[k - 1, :k], rows[k - 1, k] = 1, -k
        rows[k - 1] /= np.sqrt(k * (k + 1))
    return rows


def mixed_difference(y: Array, spacing: int) -> Array:
    """½·(y(p) − y(p + d→) − y(p + d↓) + y(p + d↘)), d `spacing`: white noise keeps its level, planes vanish."""
    d = spacing
    across = y[:, :, :-d] - y[:, :, d:]
    return np.asarray((across[:, :-d] - across[:, d:]) / 2, np.float32)


def mixed_mean(y: Array, spacing: int) -> Array:
    """The mean of the four values that `mixed_difference` takes."""
    d = spacing
    across = y[:, :, :-d] + y[:, :, d:]
    return np.asarray((across[:, :-d] + across[:, d:]) / 4, np.float32)


def cell_means(values: Array) -> Array:
    """Means over `CELL`² cells of (N, H, W, C), (N, H//4, W//4, C); what is left over at the far edges is left out."""
    n, h, w, c = values.shape
    rows, columns = h // CELL, w // CELL
    whole = values[:, : rows * CELL, : columns * CELL]
    return whole.reshape(n, rows, CELL, columns, CELL, c).mean((2, 4))


def texture(y: Array) -> Array:
    """How textured the image is around each cell: the variance of the means of 3x3 cells, (N, rows, columns).

    It lies in frequencies below those of the differences, so that choosing smooth cells by it does not choose cells
    whose (white) noise happens to be small (compare the weak-texture patches of Liu, Tanaka & Okutomi 2013).
    """
    means = cell_means(y)
    rows, columns = means.shape[1:3]
    padded = np.pad(means, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    around = [padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.asarray(np.var(np.stack(around), axis=0).mean(3), np.float32)


@dataclass(frozen=True)
class Extrapolated:
    """A mean over cells of less and less texture, extrapolated to none: m(t) = noise + slope·t."""

    noise: Doubles
    slope: Doubles
    mean: Doubles
    """Over all cells that were used."""


class Smoothness:
    """Tenths of all cells by texture t, and means over the pixels of each; the fit uses the smoothest tenths.

    The fine detail of images grows with the coarse, about linearly where there is little of it.
    """

    fitted = 4

    def __init__(self, t: Array, valid: npt.NDArray[np.bool_]) -> None:
        """t and `valid` are (N, rows, columns); only valid cells count."""
        edges = np.quantile(t[valid], np.linspace(0, 1, _GROUPS + 1)[1:-1]) if valid.any() else np.zeros(_GROUPS - 1)
        group = np.searchsorted(edges, t).astype(np.intp)
        self.group = np.where(valid, group, _GROUPS)
        counts = np.bincount(self.group.ravel(), minlength=_GROUPS + 1)[:_GROUPS]
        self.texture = np.bincount(self.group.ravel(), t.ravel(), _GROUPS + 1)[:_GROUPS] / np.maximum(counts, 1)
        self.cells = int(counts.sum())

    def extrapolate(self, values: Array) -> Extrapolated:
        """Of values per pixel, (N, H, W, K), H and W at most the images': K noises, slopes and means."""
        h, w, k = values.shape[1:]
        group = _over_pixels(self.group, h, w).ravel()
        flat = values.reshape(-1, k)
        count = np.bincount(group, minlength=_GROUPS + 1)[:_GROUPS]
        total = np.stack([np.bincount(group, flat[:, i], _GROUPS + 1)[:_GROUPS] for i in range(k)], 1)
        fitted = np.flatnonzero(count[: self.fitted])
        mean = total.sum(0) / max(count.sum(), 1)
        if len(fitted) < 2 or np.ptp(self.texture[fitted]) <= 0:
            return Extrapolated(mean, np.zeros(k), mean)
        m = total[fitted] / count[fitted, None]
        slope, noise = np.polyfit(self.texture[fitted], m, 1, w=np.sqrt(count[fitted]))
        return Extrapolated(noise, slope, mean)

    def smoothest(self, values: Array, tenths: int = 1) -> float:
        """The mean of values per pixel, (N, H, W, 1), over the smoothest tenths of cells."""
        inside = _over_pixels(self.group, *values.shape[1:3]) < tenths
        return float(values[..., 0][inside].mean()) if inside.any() else float(values.mean())


def _over_pixels(cells: npt.NDArray[np.intp], height: int, width: int) -> npt.NDArray[np.intp]:
    """Values of cells spread over their pixels, (N, height, width), the last row and column repeated as needed."""
    spread = cells.repeat(CELL, 1).repeat(CELL, 2)
    pad = ((0, 0), (0, max(0, height - spread.shape[1])), (0, max(0, width - spread.shape[2])))
    return np.pad(spread, pad, mode="edge")[:, :height, :width]
