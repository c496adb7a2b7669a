"""`nrgan generate`: images in the data's own type and range, each one addressable by its number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from nrgan.data.own import ValueRange
from nrgan.errors import UserError, unknown
from nrgan.evaluation.subject import Subject, check_seed
from nrgan.images import unit_from_signed
from nrgan.networks.generator import CHUNK, in_double, newest_snapshot
from nrgan.storage import disk_errors, writing

Array = npt.NDArray[Any]
Format = Literal["auto", "png", "tiff", "npy"]
EXTRAS = ("noise", "noisy")
"""What can be written beside an image."""
INDEX = "generated.json"


def _save_png(array: Array, path: Path) -> None:
    import imagecodecs

    if array.dtype == np.float32 or array.shape[2] not in (1, 3):
        raise UserError(f"PNG cannot hold {array.dtype} images of {array.shape[2]} channels; use --format tiff or npy")
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


@dataclass(frozen=True)
class Generated:
    """One generated image in the data's own values, (H, W, C), with its noise (float32) and itself with that noise."""

    index: int
    clean: Array
    noise: Array | None
    noisy: Array


def in_own_values(subject: Subject, seed: int, count: int, first: int = 0) -> Iterator[Generated]:
    """Images `first` … `first + count − 1` of a seed, in the data's own range and type.

    Image i depends on (seed, i) alone. The noise is a difference, in the data's units, as float32.
    """
    # in double precision: single's last bits differ from process to process, and 16-bit values show it
    subject = replace(subject, pair=in_double(subject.pair))
    value_range: ValueRange = subject.about.value_range
    span = value_range.high - value_range.low
    for chunk in range(first // CHUNK, -(-(first + count) // CHUNK)):
        observation = subject.observe(seed, chunk)
        clean, noisy = (_unit(x) for x in (observation.clean, observation.noisy))
        noisy = np.clip(noisy, 0, 1) if subject.about.clip else noisy
        noise = None if observation.noise is None else _hwc(observation.noise) / 2 * span
        for k in range(len(clean)):
            index = chunk * CHUNK + k
            if first <= index < first + count:
                own_noise = None if noise is None else noise[k].astype(np.float32)
                yield Generated(index, value_range.from_unit(clean[k]), own_noise, value_range.from_unit(noisy[k]))


def _hwc(x: torch.Tensor) -> npt.NDArray[np.float32]:
    values: npt.NDArray[np.float32] = x.cpu().float().permute(0, 2, 3, 1).numpy()
    return values


def _unit(x: torch.Tensor) -> npt.NDArray[np.float32]:
    return unit_from_signed(_hwc(x))


def generate(
    path: Path,
    out: Path,
    count: int,
    seed: int = 0,
    first: int = 0,
    file_format: Format = "auto",
    extras: tuple[str, ...] = (),
    device: torch.device | None = None,
    advance: Callable[[int], None] | None = None,
) -> Subject:
    """Writes images of a run's newest snapshot, or of a snapshot, one file each, named by their number.

    file_format: auto is PNG where it can hold them, else TIFF. extras: `noise` (float32, TIFF or NPY) and `noisy`
    beside them. `generated.json` says of what snapshot and seed they are. Raises `UserError`.
    """
    _check(out, count, seed, first, extras)
    subject = Subject.load(path)
    subject.pair.to(device or torch.device("cpu"))
    chosen = file_format if file_format != "auto" else _fitting(subject)
    if "noise" in extras and subject.observe(seed, 0).noise is None:
        raise UserError(f"{subject.about.model} adds no noise: leave it out of --with")
    suffix, save = _WRITERS[chosen]
    noise_suffix, save_noise = _WRITERS["npy" if chosen == "npy" else "tiff"]
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        for image in in_own_values(subject, seed, count, first):
            name = f"{image.index:06d}"
            save(image.clean, out / f"{name}{suffix}")
            if "noisy" in extras:
                save(image.noisy, out / f"{name}-noisy{suffix}")
            if "noise" in extras and image.noise is not None:
                save_noise(image.noise, out / f"{name}-noise{noise_suffix}")
            if advance is not None:
                advance(1)
    document = {
        "snapshot": newest_snapshot(path).name,
        **asdict(subject.about),
        "seed": seed,
        "first": first,
        "count": count,
    }
    with writing(out / INDEX) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return subject


def _check(out: Path, count: int, seed: int, first: int, extras: tuple[str, ...]) -> None:
    """Refuses what cannot be, before anything is loaded."""
    check_seed(seed)
    if count < 1 or first < 0:
        raise UserError("--count must be 1 at least, and --first not negative")
    for extra in extras:
        if extra not in EXTRAS:
            raise unknown("part of an image", extra, EXTRAS, listed=False)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: is a file, or a folder that is not empty; choose another folder")


def _fitting(subject: Subject) -> str:
    """PNG for 8 and 16 bits in grey or RGB, TIFF for the rest."""
    channels = subject.pair.generator.finish.out_channels
    return "png" if subject.about.dtype in ("uint8", "uint16") and channels in (1, 3) else "tiff"
