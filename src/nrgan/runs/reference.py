"""Reading what the reference implementation writes."""

from __future__ import annotations

import math
import os
import re
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from nrgan.errors import UserError, first_line
from nrgan.layout import SNAPSHOTS, snapshot_folder
from nrgan.memory import too_large
from nrgan.networks import Discriminator, Generator
from nrgan.networks.resnet.reference_names import from_reference
from nrgan.networks.resnet.sizes import up_blocks
from nrgan.observation import NOISE_GENERATOR
from nrgan.reading import open_regular, read_lines
from nrgan.runs.snapshot import save_snapshot

_UP_BLOCKS = 3
"""Of the reference's generators, whatever the size."""


def import_reference(run: str | Path, out: str | Path) -> list[Path]:
    """Reads every `netG_iter_N.pth` of a reference run, with its `netGn_…` and `netD_…`, into snapshots under `out`.

    Sizes are read off the weights; the factor of the residual branches off `args.txt` (0.1 without it). Returns the
    snapshot folders, oldest first. Raises `UserError` where there is nothing to read, or a file is not what it
    should be. Nothing in the files is run: weights are loaded as weights only.
    """
    run, out = Path(run), Path(out)
    found = {
        int(m[1]): path for path in run.glob("netG_iter_*.pth") if (m := re.search(r"_iter_(\d+)\.pth$", path.name))
    }
    if not found:
        raise UserError(f"{run}: holds no netG_iter_N.pth of the reference implementation")
    if (out / SNAPSHOTS).exists():
        raise UserError(f"{out}: holds snapshots already; choose another folder")
    options = _options(run / "args.txt")
    g_scale, d_scale = (_factor(options, name) for name in ("g_residual_factor", "d_residual_factor"))
    read = []
    for iteration, path in sorted(found.items()):
        noise_path, d_path = run / f"netGn_iter_{iteration}.pth", run / f"netD_iter_{iteration}.pth"
        if not d_path.is_file():
            raise UserError(f"{d_path}: missing beside {path.name}")
        others = {NOISE_GENERATOR: _generator(noise_path, g_scale)} if noise_path.is_file() else {}
        read.append((iteration, _generator(path, g_scale), others, _discriminator(d_path, d_scale)))
    folders = []
    for iteration, generator, others, discriminator in read:  # nothing is written before all of it has been read
        folder = snapshot_folder(out, iteration)
        about = {"iteration": iteration, "imported_from": "reference implementation", "reference_options": options}
        save_snapshot(folder, generator, others, discriminator, about)
        folders.append(folder)
    return folders


def _factor(options: dict[str, str], name: str) -> float:
    try:
        factor = float(options.get(name, 0.1))
        if not math.isfinite(factor):
            raise ValueError("not finite")
    except ValueError as error:
        raise UserError(f"args.txt: {name} is {options[name]!r}, not a number") from error
    return factor


def _options(path: Path) -> dict[str, str]:
    """The reference's `args.txt`: a name and a value a line."""
    if not path.is_file():
        return {}
    lines = [line.rstrip("\r") for line in read_lines(path)]
    return {name: value for name, _, value in (line.partition(" ") for line in lines) if name}


def _load(path: Path, kind: str) -> dict[str, Tensor]:
    try:
        _check_file(path)
        state = from_reference(torch.load(path, map_location="cpu", weights_only=True), kind)
        for name, value in state.items():
            if value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise ValueError(f"{name} claims more numbers than there are")
            if not (value.is_floating_point() and bool(value.isfinite().all())):
                raise ValueError(f"{name} holds values that are not finite numbers")
    except Exception as error:  # pickle, zip and torch each have their own way to refuse
        raise UserError(f"{path}: not weights of the reference implementation ({first_line(error)})") from error
    return state


def _check_file(path: Path) -> None:
    """Raises `ValueError` or `OSError` for what is no file, or unpacks to more than memory allows."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if zipfile.is_zipfile(file):
            size = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
    if reason := too_large("loading it", 2 * size):
        raise ValueError(reason)


def _generator(path: Path, residual_scale: float) -> Generator:
    state = _load(path, "G")
    try:
        image_channels, channels = state["finish.weight"].shape[:2]
        features, latent_size = state["start.weight"].shape
        start_size = round((features / channels) ** 0.5)
        image_size = start_size * 2**_UP_BLOCKS
        if (ours := up_blocks(image_size)) != _UP_BLOCKS:
            raise UserError(
                f"{path}: a generator of {image_size} pixels with {_UP_BLOCKS} up-blocks; "
                f"those of this package have {ours} at that size, so that it cannot be imported"
            )
        generator = Generator(latent_size, image_size, image_channels, channels, residual_scale)
        generator.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{path}: not a generator of the reference implementation ({first_line(error)})") from error
    return generator


def _discriminator(path: Path, residual_scale: float) -> Discriminator:
    state = _load(path, "D")
    try:
        channels, image_channels = state["blocks.0.shortcut.weight"].shape[:2]
        discriminator = Discriminator(image_channels, channels, residual_scale)
        discriminator.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{path}: not a discriminator of the reference implementation ({first_line(error)})") from error
    return discriminator
