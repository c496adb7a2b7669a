"""Generated images as files, in the data's own type and range, each one addressable by its number.

Counts of few photons are whole numbers, and the images behind them are not: those are written as floats.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nrgan.errors import UserError, unknown
from nrgan.layout import WEIGHTS, Which, find_snapshot
from nrgan.limits import FileFormat
from nrgan.memory import gigabytes
from nrgan.networks.sampling import check_seed
from nrgan.progress import Preparing, prepared
from nrgan.ranks import here
from nrgan.reading import read_json, sha256
from nrgan.runs.trained import GeneratedImage, TrainedModel
from nrgan.storage import clear_abandoned, disk_errors, replacing, writing

Array = npt.NDArray[Any]
EXTRAS = ("noise", "noisy")
"""What can be written beside an image."""
INDEX = "generated.json"
_UNFINISHED = "unfinished"
_MOST = 10**9
_PACKED = 10
"""How much smaller than its pixels an image file may be."""


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
    `generated.json` says of what snapshot and seed they are. Stopped, the same call goes on. In processes that torchrun
    starts, each writes some of the images. Raises `UserError`.
    """
    out, ranks = Path(out), here()
    _check(count, seed, first, extras)
    folder = find_snapshot(Path(path), snapshot)
    trained = TrainedModel.load(folder, setting=setting, model=model).to(ranks.device(torch.device(device)))
    chosen = file_format if file_format != "auto" else _fitting(trained)
    if "noise" in extras and trained.sampler is None:
        raise UserError(f"{trained.about.model} adds no noise: leave it out of <with>")
    document = {"snapshot": folder.name, **trained.about.plain(), "seed": seed, "first": first, "count": count}
    asked = {"format": chosen, "with": list(extras), "weights_sha256": sha256(folder / WEIGHTS)}
    numbers = range(first, first + count)
    own = range(*(first + count * k // ranks.count for k in (ranks.number, ranks.number + 1)))
    with disk_errors(out):
        files = _Files(out, chosen, extras)
        goes_on = ranks.told(ranks.first and _goes_on(out, document | asked))
        start = files.first_missing(own) if goes_on else own.start
        if ranks.first:
            whole = files.first_missing(numbers) if goes_on else first
            _check_space(trained, out, (numbers.stop - whole) * (1 + len(extras)))
            _begin(out, document | asked)
        ranks.wait()
        _write_images(trained, files, seed, own, start, preparing)
    ranks.wait()
    if ranks.first:
        _write_index(out, document)
    return trained


def _goes_on(out: Path, document: dict[str, Any]) -> bool:
    """Whether the same set of images was begun in the folder and not ended; False for a new or empty one.

    Raises `UserError` where anything else is in it.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    with suppress(OSError, ValueError):
        if read_json(out / INDEX) == _unfinished(document):
            return True
    raise UserError(f"{out}: is a file, or a folder that is not empty; choose another folder")


def _unfinished(document: dict[str, Any]) -> dict[str, Any]:
    """The index of a set that is being made, as JSON gives it back."""
    return dict(json.loads(json.dumps(document | {_UNFINISHED: True})))


def _begin(out: Path, document: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    clear_abandoned(out)
    _write_index(out, _unfinished(document))


def _write_index(out: Path, document: dict[str, Any]) -> None:
    with writing(out / INDEX) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _check_space(model: TrainedModel, out: Path, files: int) -> None:
    """Raises `UserError` where so many images do not fit on the disk, however well they are packed."""
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    taken = files * model.image_size**2 * model.image_channels * np.dtype(model.value_range.of_clean.dtype).itemsize
    if taken // _PACKED > (free := shutil.disk_usage(there).free):
        raise UserError(
            f"<count>: the images would take about {gigabytes(taken)}, and there are {gigabytes(free)} free"
        )


class _Files:
    """The names of an image's files, and how each is written."""

    def __init__(self, out: Path, file_format: str, extras: tuple[str, ...]) -> None:
        self._out, suffix_and_save = out, _WRITERS[file_format]
        of_noise = _WRITERS["npy" if file_format == "npy" else "tiff"]  # negative values
        self._kinds = {"clean": ("", suffix_and_save)}
        self._kinds |= {"noisy": ("-noisy", suffix_and_save)} if "noisy" in extras else {}
        self._kinds |= {"noise": ("-noise", of_noise)} if "noise" in extras else {}

    def _path(self, index: int, kind: str) -> Path:
        end, (suffix, _) = self._kinds[kind]
        return self._out / f"{index:06d}{end}{suffix}"

    def first_missing(self, numbers: range) -> int:
        """The first image of which a file is not there, or is empty, as after a power cut."""
        for index in numbers:
            for kind in self._kinds:
                path = self._path(index, kind)
                if not path.is_file() or not path.stat().st_size:
                    return index
        return numbers.stop

    def write(self, image: GeneratedImage) -> None:
        """Each file is whole or not there, whenever the process ends."""
        for kind, (_, (_, save)) in self._kinds.items():
            with replacing(self._path(image.index, kind)) as temporary:
                save(getattr(image, kind), temporary)


def _write_images(
    model: TrainedModel, files: _Files, seed: int, numbers: range, start: int, preparing: Preparing | None
) -> None:
    advance = prepared(preparing, "images", len(numbers))
    advance(start - numbers.start)
    for image in model.in_own_values(seed, numbers.stop - start, start):
        files.write(image)
        advance(1)


def _check(count: int, seed: int, first: int, extras: tuple[str, ...]) -> None:
    """Refuses what cannot be, before anything is loaded."""
    check_seed(seed)
    if not 1 <= count <= _MOST or not 0 <= first <= _MOST:
        raise UserError(f"<count> must be from 1 to {_MOST:,}, and <first> not negative, and not more")
    for extra in extras:
        if extra not in EXTRAS:
            raise unknown("part of an image", extra, EXTRAS, listed=False)


def _fitting(model: TrainedModel) -> str:
    """PNG for 8 and 16 bits in grey or RGB, TIFF for the rest."""
    channels = model.image_channels
    return "png" if model.value_range.of_clean.dtype in ("uint8", "uint16") and channels in (1, 3) else "tiff"
