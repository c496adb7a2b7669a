"""Grids of images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nrgan.storage import writing


def grid(images: npt.NDArray[np.uint8], columns: int | None = None, scale: int = 1) -> npt.NDArray[np.uint8]:
    """(N, H, W, C) uint8 → one picture of rows of `columns` (default: nearly square), each pixel `scale`² large."""
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:n] = images
    picture = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    picture = picture.reshape(rows * height, columns * width, channels)
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def save_picture(picture: npt.NDArray[Any], path: Path) -> None:
    """Writes an (H, W, C) uint8 picture as PNG, whole or not at all. One channel is grey."""
    with writing(path) as part:
        Image.fromarray(picture.squeeze(2) if picture.shape[2] == 1 else picture).save(part, format="PNG")
