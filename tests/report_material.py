"""What pages are made of in tests: two tiny runs, a diagnosis, a denoiser with its judgement, and a study."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from conftest import TINY
from nrgan import TrainConfig, diagnose, judge, train
from nrgan.corruptions import Fitted, to_plain
from nrgan.denoising.denoiser import Denoiser, DenoiserMetadata, save_denoiser
from nrgan.denoising.judged_files import write_judgement
from nrgan.denoising.judging.judgement import Effort
from nrgan.denoising.uncertainty import ErrorNetwork
from nrgan.networks.unet import UNet, UNetSizes
from nrgan.reports.diagnosis_files import write_diagnosis
from nrgan.reports.study_cells import CELLS, CellLine, write_cells

USER = "alice-of-the-hospital"
"""Part of every path here, and the user's name: no page may hold it."""
HOST = "scanner-of-ward-7"
_LAW = Fitted(signal=(0.0, 1.0), level=(15.0, 25.0))


class Material(NamedTuple):
    """Folders that pages are made of."""

    root: Path
    run: Path
    """Of grey images of the user's own, with evaluations and three moments."""
    other: Path
    """Of drawn images in colour, of another size, without a figure."""
    diagnosis: Path
    denoiser: Path
    study: Path

    @property
    def all(self) -> list[Path]:
        return list(self[1:])


def scans(folder: Path, count: int = 160) -> Path:
    """Grey images of 16 pixels: a disc in noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    for k in range(count):
        disc = 90 / (1 + np.exp(np.hypot(y - rng.uniform(4, 12), x - rng.uniform(4, 12)) - rng.uniform(3, 6)))
        pixels = (60 + disc + rng.normal(0, 20, x.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    return folder


def _train(**options: Any) -> Path:
    config = TrainConfig(**TINY | options)
    for _ in train(config):
        pass
    return config.out


def _denoiser(folder: Path) -> Path:
    network, rng = UNet(UNetSizes(1, 4, 2, 1)), torch.Generator().manual_seed(3)
    network.initialise(rng)
    torch.nn.init.normal_(network.tail.weight, std=0.02, generator=rng)
    error = ErrorNetwork()
    error.initialise(rng)
    about = DenoiserMetadata(
        "scans", "renoise", 100, 32, 0.0, 255.0, "uint8", rule="recorrupted", noise=to_plain(_LAW), certain=True,
        error_scale=1.0,
    )  # fmt: skip
    save_denoiser(folder, network, about, error)
    noisy = 0.5 + 0.08 * torch.randn(4, 1, 64, 64, generator=rng)
    found = judge(Denoiser.load(folder), noisy, _LAW, certain=True, effort=Effort(4, 64))
    write_judgement(found, folder)
    return folder


def _study(folder: Path, run: Path) -> Path:
    shutil.copytree(run, folder / "shapes-ag25-gan-seed0")
    line = CellLine("shapes-ag25", "A", "gan", "0", "fid[random_convolutions]", "12.5", "6", "420", "random", "")
    lines = [line, CellLine(**asdict(line) | {"seed": "1", "metric": "", "value": "", "failure": "<b>not</b> trained"})]
    (folder / CELLS).write_text(write_cells(lines))
    return folder


def make_material(root: Path) -> Material:
    """Makes everything, in moments."""
    images = scans(root / "the scans")
    watching = {"evaluate_every": 3, "evaluate_samples": 60, "evaluate_features": "small_convolutions"}
    often = {"sample_interval": 2, "snapshot_interval": 3}
    run = _train(setting=str(images), model="sinrgan2", out=root / "run", fit="crop", **watching, **often)
    other = _train(setting="shapes-ag25", model="gan", out=root / "other", image_size=24)
    write_diagnosis(diagnose(str(images)), root / "diagnosis")
    return Material(root, run, other, root / "diagnosis", _denoiser(root / "denoiser"), _study(root / "study", other))


class Opened(NamedTuple):
    """A page in a browser, and what it said and asked for."""

    page: Any
    errors: list[str]
    requests: list[str]
