"""Grids of images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nrgan.reading import open_regular
from nrgan.storage import MADE_BY, check_output, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_A_ROW = 6
SHOWN = SHOWN_A_ROW**2
"""Images in a picture of samples."""
KEPT_A_ROW = 10
KEPT = KEPT_A_ROW**2
"""Images in a picture that a run keeps, without gaps."""


def grid(images: npt.NDArray[np.uint8], columns: int | None = None, gap: int = 0) -> npt.NDArray[np.uint8]:
    """(N, H, W, C) uint8 → one picture, rows of `columns` (default: nearly square), `gap` white pixels between."""
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), 255, np.uint8)
    cells[:n, :height, :width] = images
    picture = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    picture = picture.reshape(rows * (height + gap), columns * (width + gap), channels)
    return picture[: picture.shape[0] - gap, : picture.shape[1] - gap]


def cells(picture: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """A picture of square images without gaps, (H, W, C) → (N, s, s, C): the inverse of `grid`.

    Raises `ValueError` where it is no such picture.
    """
    height, width, channels = picture.shape
    side = width // columns
    if not side or width % columns or height % side:
        raise ValueError(f"a picture of {width}x{height} holds no {columns} squares a row")
    rows = picture.reshape(height // side, side, columns, side, channels).swapaxes(1, 2)
    return rows.reshape(-1, side, side, channels)


def sample_grid(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The first 36 of (N, H, W, C) uint8 images, six a row: how samples are shown wherever they are."""
    return grid(images[:SHOWN], columns=SHOWN_A_ROW, gap=1)


def visible(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(…, C) → (…, 1 or 3) channels, as a screen shows them: the first one of two, the first three of many."""
    channels = picture.shape[-1]
    return picture[..., : 3 if channels >= 3 else 1]


def save_picture(picture: npt.NDArray[Any], path: Path) -> None:
    """Writes an (H, W, C) uint8 picture as PNG, whole or not at all. One channel is grey."""
    with writing(path) as part:
        shown = visible(picture)
        Image.fromarray(shown.squeeze(2) if shown.shape[2] == 1 else shown).save(part, format="PNG")


def read_picture(path: Path, most_pixels: int) -> npt.NDArray[np.uint8]:
    """A PNG that `save_picture` wrote, (H, W, 1 or 3) uint8.

    Raises `OSError`, or `ValueError` where it is none, or of more than `most_pixels`.
    """
    with open_regular(path) as file, Image.open(file, formats=["PNG"]) as image:
        if image.mode not in ("L", "RGB") or image.width * image.height > most_pixels:
            raise ValueError(f"{path.name}: {image.width}x{image.height} {image.mode}, no picture of samples")
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def save_figure(figure: Figure, path: Path, overwrite: bool = False) -> None:
    """Writes a figure as PNG, whole or not at all; raises `UserError` over a file not ours, unless `overwrite`."""
    check_output(path, overwrite)
    with writing(path) as part:
        figure.savefig(part, dpi=100, format="png", metadata={"Software": MADE_BY})
