"""A plain GAN beside an NR-GAN, trained on drawn, noisy images in minutes on two cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from nrgan.data import Shapes
from nrgan.data.frozen import frozen_noisy_set
from nrgan.errors import UserError
from nrgan.evaluation.noise_level import noise_level
from nrgan.networks import sizes_of
from nrgan.networks.sampling import latents
from nrgan.observation import NOISE_GENERATOR
from nrgan.pictures import SHOWN, sample_grid, save_figure
from nrgan.progress import Preparing, prepared
from nrgan.ranges import nhwc, stored_from_signed, stored_from_unit, unit_difference
from nrgan.runs import TrainedModel
from nrgan.settings import find_setting
from nrgan.storage import check_output
from nrgan.studies.launcher import Watcher, train_all
from nrgan.studies.trained import is_trained
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
MEASURED = 500

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Result:
    """What the demo shows: images (N, H, W, 3) uint8, and noise levels on the scale 0..255."""

    training: Images
    gan: Images
    nrgan: Images
    noise: Images
    levels: dict[str, float]
    true_level: float = TRUE_LEVEL


def demo(
    out: Path,
    *,
    preparing: Preparing | None = None,
    watcher: Watcher,
    stopped: Callable[[], int] = lambda: 0,
) -> Result | None:
    """Trains both models, a core each (or goes on where an earlier call stopped), and writes `out/demo.png`.

    stopped: asked again and again whether to stop; then there is no result. Raises `UserError` where a training fails.
    """
    picture = picture_of(out)
    check_output(picture)
    setting, source = find_setting(SETTING), Shapes(image_size=SIZE)
    advance = prepared(preparing, f"noisy images of {SETTING}", len(source))
    noisy = frozen_noisy_set(source, setting.corruption, advance=advance, name=SETTING)
    configs = [TrainConfig(setting=SETTING, model=model, out=out / model, **OPTIONS) for model in MODELS]
    for run, said in train_all(configs, watcher, is_trained, stopped, len(configs)).items():
        raise UserError(f"training {run.name} failed: {said}")
    if stopped():
        return None
    result = measure(out, stored_from_unit(nhwc(noisy[:MEASURED])), source.draw(range(MEASURED)))
    _draw(result, picture)
    return result


def picture_of(out: Path) -> Path:
    """The picture of a demo."""
    return out / "demo.png"


def measure(out: Path, training: Images, clean: Images) -> Result:
    """Samples of both trained models, the learned noise, and the noise level of each."""
    models = {name: TrainedModel.load(out / name) for name in MODELS}
    gan, nrgan = (models[name].sample(MEASURED, seed=1) for name in ("gan", "sinrgan2"))
    noise_generator = models["sinrgan2"].pair.observer.networks()[NOISE_GENERATOR]
    with torch.no_grad():
        noise = noise_generator(latents(1, range(MEASURED), sizes_of(noise_generator).latent_size))
    return Result(
        training=training[:SHOWN],
        gan=gan[:SHOWN],
        nrgan=nrgan[:SHOWN],
        noise=stored_from_signed(noise[:SHOWN]),
        levels={
            "clean images (never seen)": noise_level(clean),
            "training images": noise_level(training),
            "plain GAN's samples": noise_level(gan),
            "NR-GAN's samples": noise_level(nrgan),
            "NR-GAN's learned noise": float(unit_difference(noise).std()) * 255,
        },
    )


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
        axes.imshow(sample_grid(images), interpolation="nearest")
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    save_figure(figure, path)
