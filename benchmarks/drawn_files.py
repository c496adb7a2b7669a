"""Files as instruments write them, from values (N, H, W, C) in a type of theirs; each gives the path to name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from drawn_noise import Detector, jpeg

Write = Callable[[npt.NDArray[Any], Detector, Path], Path]


def tiff_stack(values: npt.NDArray[Any], detector: Detector, folder: Path) -> Path:
    """A page a frame, of one channel."""
    tifffile.imwrite(folder / "stack.tif", values[..., 0], photometric="minisblack", metadata={"axes": "TYX"})
    return folder / "stack.tif"


def npy(values: npt.NDArray[Any], detector: Detector, folder: Path) -> Path:
    np.save(folder / "images.npy", values)
    return folder / "images.npy"


def png_folder(values: npt.NDArray[Any], detector: Detector, folder: Path) -> Path:
    """8 or 16 bits, grey or RGB."""
    for number, image in enumerate(values):
        plain = np.ascontiguousarray(image if image.shape[2] > 1 else image[..., 0])
        (folder / f"{number:04d}.png").write_bytes(imagecodecs.png_encode(plain))
    return folder


def jpeg_folder(values: npt.NDArray[Any], detector: Detector, folder: Path) -> Path:
    """At the detector's quality; PNG where that is 0."""
    if not detector.quality:
        return png_folder(values, detector, folder)
    for number, image in enumerate(values):
        (folder / f"{number:04d}.jpg").write_bytes(jpeg(image, detector.quality))
    return folder


def fits_folder(values: npt.NDArray[Any], detector: Detector, folder: Path) -> Path:
    """An exposure a file; needs `nrgan[astro]`."""
    from astropy.io import fits

    for number, image in enumerate(values):
        fits.PrimaryHDU(image[..., 0]).writeto(folder / f"exposure-{number:04d}.fits")
    return folder
