"""A plain GAN beside an NR-GAN, trained on drawn, noisy images in minutes on two cores."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from nrgan.data import Shapes
from nrgan.errors import UserError
from nrgan.evaluation.noise_level import noise_level
from nrgan.images import nhwc, stored_from_unit, unit_from_signed
from nrgan.jobs import train_all
from nrgan.networks import Generator
from nrgan.networks.generator import latents, newest_snapshot
from nrgan.noisy import frozen_noisy_set
from nrgan.observation.base import NOISE_GENERATOR
from nrgan.pictures import grid, save_figure
from nrgan.reports.display import Display
from nrgan.settings import find_setting
from nrgan.storage import check_output
from nrgan.training.config import TrainConfig

SETTING = "shapes-ag25"
TRUE_LEVEL = 25
MODELS = {"gan": "plain GAN", "sinrgan2": "NR-GAN"}
SIZE = 16
ITERATIONS = 2400
# Half the published image size, a quarter of the width, a larger step and a shorter average: minutes, not days.
OPTIONS: dict[str, Any] = {
    "image_size": SIZE,
    "channels": 32,
    "batch_size": 32,
    "iterations": ITERATIONS,
    "generator_learning_rate": 5e-4,
    "discriminator_learning_rate": 5e-4,
    "ema_decay": 0.99,
    "log_interval": 20,
    "sample_interval": 400,
    "snapshot_interval": ITERATIONS,
    "checkpoint_minutes": 1,
    "threads": 1,
    "device": "cpu",
}
SHOWN, MEASURED = 36, 500

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Result:
    """What the demo shows: images (N, H, W, 3) uint8, and noise levels on the scale 0..255."""

    training: Images
    gan: Images
    nrgan: Images
    noise: Images
    levels: dict[str, float]


def demo(out: Path) -> int:
    """Trains both models (or goes on where an earlier call stopped), prints noise levels, writes `out/demo.png`.

    Returns the exit code. Raises `UserError` where a training fails.
    """
    picture = out / "demo.png"
    check_output(picture)
    with Display() as display:
        setting, source = find_setting(SETTING), Shapes(image_size=SIZE)
        noisy = frozen_noisy_set(setting, source, advance=display.preparing(f"noisy images of {SETTING}", len(source)))
        stopped = _train_both(out, display)
    if stopped:
        print(f"stopped; both runs are saved in {out}, the same command goes on")
        return stopped
    result = measure(out, stored_from_unit(nhwc(noisy[:MEASURED])), source.draw(range(MEASURED)))
    _print(result)
    _draw(result, picture)
    print(f"Look at {picture}")
    return 0


def _train_both(out: Path, display: Display) -> int:
    """Both trainings at once, a core each; returns 0, or 128 + N where signal N stopped them."""
    begun = time.monotonic()
    configs = [TrainConfig(setting=SETTING, model=model, out=out / model, **OPTIONS) for model in MODELS]
    display.say(f"training {' and '.join(MODELS)} on {SETTING}, {ITERATIONS:,} iterations each, a few minutes …")
    stopped, failures = train_all(configs, len(configs), display)
    for run, said in failures.items():
        raise UserError(f"training {run.name} failed: {said}")
    if not stopped:
        display.say(f"trained in {(time.monotonic() - begun) / 60:.1f} minutes")
    return stopped


def measure(out: Path, training: Images, clean: Images) -> Result:
    """Samples of both trained models, the learned noise, and the noise level of each."""
    gan = Generator.from_pretrained(out / "gan").sample(MEASURED, seed=1)
    nrgan = Generator.from_pretrained(out / "sinrgan2").sample(MEASURED, seed=1)
    noise_generator = Generator.from_pretrained(newest_snapshot(out / "sinrgan2") / NOISE_GENERATOR)
    with torch.no_grad():
        noise = noise_generator(latents(1, range(MEASURED), noise_generator.latent_size))
    return Result(
        training=training[:SHOWN],
        gan=gan[:SHOWN],
        nrgan=nrgan[:SHOWN],
        noise=stored_from_unit(nhwc(unit_from_signed(noise[:SHOWN]).numpy())),
        levels={
            "clean images (never seen)": noise_level(clean),
            "training images": noise_level(training),
            "plain GAN's samples": noise_level(gan),
            "NR-GAN's samples": noise_level(nrgan),
            "NR-GAN's learned noise": float(unit_from_signed(noise).std()) * 255,
        },
    )


def _print(result: Result) -> None:
    table = Table("", "noise level (of 255)", title=f"How much noise is left? True level: {TRUE_LEVEL}")
    for name, level in result.levels.items():
        table.add_row(name, f"{level:.1f}")
    Console(highlight=False).print(table)


def _draw(result: Result, path: Path) -> None:
    levels = list(result.levels.values())
    panels = [
        (result.training, f"training images\nnoise {levels[1]:.1f}"),
        (result.gan, f"plain GAN\nnoise {levels[2]:.1f}"),
        (result.nrgan, f"NR-GAN (sinrgan2)\nnoise {levels[3]:.1f}"),
        (result.noise, f"its learned noise\n{levels[4]:.1f}, true {TRUE_LEVEL}"),
    ]
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    for axes, (images, title) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.imshow(grid(images, gap=1), interpolation="nearest")
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    save_figure(figure, path)
