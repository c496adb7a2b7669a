"""Generated images as files, in the data's own type and range, each one addressable by its number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nrgan.errors import UserError, unknown
from nrgan.layout import Which, find_snapshot
from nrgan.limits import FileFormat
from nrgan.networks.sampling import check_seed
from nrgan.progress import Preparing, prepared
from nrgan.runs.trained import TrainedModel
from nrgan.storage import disk_errors, writing

Array = npt.NDArray[Any]
EXTRAS = ("noise", "noisy")
"""What can be written beside an image."""
INDEX = "generated.json"


def _save_png(array: Array, path: Path) -> None:
    import imagecodecs

    if array.dtype == np.float32 or array.shape[2] not in (1, 3):
        raise UserError(f"PNG cannot hold {array.dtype} images of {array.shape[2]} channels; use <format> tiff or npy")
    path.write_bytes(imagecodecs.png_encode(array.squeeze(2) if array.shape[2] == 1 else array))


def _save_tiff(array: Array, path: Path) -> None:
    import tifffile

    if array.shape[2] in (1, 3):
        kind = "rgb" if array.shape[2] == 3 else "minisblack"
        tifffile.imwrite(path, array.squeeze(2) if array.shape[2] == 1 else array, photometric=kind)
    else:
        planes = np.ascontiguousarray(array.transpose(2, 0, 1))
        tifffile.imwrite(path, planes, photometric="minisblack", metadata={"axes": "CYX"})


def _save_npy(array: Array, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, array)


_WRITERS: dict[str, tuple[str, Callable[[Array, Path], None]]] = {
    "png": (".png", _save_png),
    "tiff": (".tif", _save_tiff),
    "npy": (".npy", _save_npy),
}


def generate(
    path: str | Path,
    out: str | Path,
    count: int = 100,
    *,
    seed: int = 0,
    first: int = 0,
    file_format: FileFormat = "auto",
    extras: tuple[str, ...] = (),
    snapshot: Which = "best",
    setting: str | None = None,
    model: str | None = None,
    device: torch.device | str = "cpu",
    preparing: Preparing | None = None,
) -> TrainedModel:
    """Writes images of a run (its best snapshot where one is known, else the newest), or of a snapshot.

    setting, model: instead of what the snapshot says of itself. One file each, named by its number; file_format: auto
    is PNG where it can hold them, else TIFF. extras: `noise` (float32, TIFF or NPY) and `noisy` beside them.
    `generated.json` says of what snapshot and seed they are. Raises `UserError`.
    """
    out = Path(out)
    _check(out, count, seed, first, extras)
    folder = find_snapshot(Path(path), snapshot)
    trained = TrainedModel.load(folder, setting=setting, model=model).to(device)
    chosen = file_format if file_format != "auto" else _fitting(trained)
    if "noise" in extras and trained.sampler is None:
        raise UserError(f"{trained.about.model} adds no noise: leave it out of <with>")
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        _write_images(trained, out, seed, range(first, first + count), chosen, extras, preparing)
    document = {"snapshot": folder.name, **asdict(trained.about), "seed": seed, "first": first, "count": count}
    with writing(out / INDEX) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return trained


def _write_images(
    model: TrainedModel,
    out: Path,
    seed: int,
    numbers: range,
    file_format: str,
    extras: tuple[str, ...],
    preparing: Preparing | None,
) -> None:
    suffix, save = _WRITERS[file_format]
    noise_suffix, save_noise = _WRITERS["npy" if file_format == "npy" else "tiff"]
    advance = prepared(preparing, "images", len(numbers))
    for image in model.in_own_values(seed, len(numbers), numbers.start):
        name = f"{image.index:06d}"
        save(image.clean, out / f"{name}{suffix}")
        if "noisy" in extras:
            save(image.noisy, out / f"{name}-noisy{suffix}")
        if "noise" in extras and image.noise is not None:
            save_noise(image.noise, out / f"{name}-noise{noise_suffix}")
        advance(1)


def _check(out: Path, count: int, seed: int, first: int, extras: tuple[str, ...]) -> None:
    """Refuses what cannot be, before anything is loaded."""
    check_seed(seed)
    if count < 1 or first < 0:
        raise UserError("<count> must be 1 at least, and <first> not negative")
    for extra in extras:
        if extra not in EXTRAS:
            raise unknown("part of an image", extra, EXTRAS, listed=False)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: is a file, or a folder that is not empty; choose another folder")


def _fitting(model: TrainedModel) -> str:
    """PNG for 8 and 16 bits in grey or RGB, TIFF for the rest."""
    channels = model.image_channels
    return "png" if model.about.dtype in ("uint8", "uint16") and channels in (1, 3) else "tiff"
