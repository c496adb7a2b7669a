"""The pictures of docs/models/: what each model makes of noise that suits it, and of noise that does not.

    python benchmarks/model_pictures.py --out DIR [--models gan sinrgan1 ...] [--pictures docs/images/models]

Trains small generators on drawn images (16x16 pixels, some minutes each on one thread), with `nrgan train` as anybody
would; runs that are complete are not trained again. Levels in the titles are measured: of the model's noise, and of the
true one. `fitted` is no model but a law: noise that `diagnose` tells from noisy images alone, beside what they have.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from numpy.random import RandomState

from nrgan import TrainedModel
from nrgan.data import Shapes
from nrgan.diagnosis import estimate_noise
from nrgan.diagnosis.law import law_of
from nrgan.evaluation.noise_level import noise_level
from nrgan.pictures import grid, save_figure
from nrgan.ranges import STORED_LEVELS, nhwc, stored_from_signed, stored_from_unit, unit_difference, unit_from_stored
from nrgan.settings import SETTINGS

Images = npt.NDArray[np.uint8]
Panel = tuple[str, Images]

SIDE = 16
OPTIONS = {
    "image-size": SIDE,
    "channels": 24,
    "batch-size": 16,
    "iterations": 4000,
    "generator-learning-rate": 5e-4,
    "discriminator-learning-rate": 5e-4,
    "ema-decay": 0.99,
    "snapshot-interval": 4000,
    "sample-interval": 4000,
    "threads": 1,
}
PICTURES: dict[str, tuple[str, ...]] = {
    "gan": ("shapes", "shapes-ag25"),
    "ambientgan": ("shapes-bg25k5",),
    "sinrgan1": ("shapes-ag25", "shapes-bg25k5"),
    "sinrgan2": ("shapes-bg25k5", "shapes-mg25"),
    "sdnrgan1": ("shapes-mg25",),
    "sdnrgan2": ("shapes-mg25", "shapes-bg25k5"),
    "sdnrgan3": ("shapes-bg25k5", "shapes-p30"),
    "learned": ("shapes-bg25k5",),
    "fitted": ("shapes-bg25k5",),
}
"""The settings of each picture, a row each: noise that the model is made for, then noise that it is not."""
WORDS = {"learned": ("--invariances", "flips,shifts,permute-channels,invert")}
"""What a model is told besides."""
_SHOWN, _MEASURED = 16, 500


def trained(model: str, setting: str, out: Path) -> TrainedModel:
    """The model, trained or gone on with."""
    run = out / f"{model}-{setting}"
    words = [f"--{name}={value}" for name, value in OPTIONS.items()]
    command = [sys.executable, "-m", "nrgan", "train", setting, model, str(run), *words, *WORDS.get(model, ())]
    subprocess.run([*command, "--resume"], check=True)
    return TrainedModel.load(run, snapshot="newest")


def truth(setting: str) -> tuple[Images, Images, npt.NDArray[np.float64]]:
    """Drawn images, the same with the setting's noise, both (N, H, W, 3) uint8, and the noise in unit range."""
    clean = Shapes(image_size=SIDE).draw(range(_MEASURED))
    unit = unit_from_stored(clean)
    noisy = np.stack([SETTINGS[setting].corruption.corrupt(u, RandomState(i)) for i, u in enumerate(unit)])
    return clean, stored_from_unit(noisy), noisy - unit


def visible_noise(noise: npt.NDArray[Any]) -> Images:
    """Noise in unit range around grey."""
    return stored_from_unit(np.clip(noise + 0.5, 0, 1))


def of_255(noise: npt.NDArray[Any]) -> float:
    """The level of noise in unit range, as the settings state it."""
    return float(noise.std()) * (STORED_LEVELS - 1)


def model_panels(model: str, setting: str, out: Path) -> list[Panel]:
    """Training images, samples, the noise of the model, samples as observed."""
    clean, noisy, noise = truth(setting)
    found = trained(model, setting, out)
    parts = found.observe(seed=0, chunk=range(_MEASURED)).parts
    samples = stored_from_signed(parts["clean"])
    left = f"samples: noise left {noise_level(samples):.1f}\n({noise_level(clean):.1f} in drawn images)"
    panels = [(f"{setting}\ntraining images", noisy), (left, samples)]
    if "noise" in parts:
        of_model = nhwc(unit_difference(parts["noise"]).cpu().numpy())
        panels.append(
            (f"the model's noise: level {of_255(of_model):.1f}\ntrue {of_255(noise):.1f}", visible_noise(of_model))
        )
    panels.append(("samples as observed\n", stored_from_signed(parts["noisy"])))
    return panels


def law_panels(setting: str) -> list[Panel]:
    """Training images, their noise, and that of the law which the diagnosis makes of the images alone."""
    clean, noisy, noise = truth(setting)
    law = law_of(estimate_noise(unit_from_stored(noisy)))
    assert law is not None, f"the diagnosis makes no law of {setting}"
    drawn = np.stack([law.noise(u, RandomState(i)) for i, u in enumerate(unit_from_stored(clean))])
    return [
        (f"{setting}\ntraining images", noisy),
        (f"their noise\nlevel {of_255(noise):.1f}", visible_noise(noise)),
        (f"noise of the law that was told\nlevel {of_255(drawn):.1f}", visible_noise(drawn)),
    ]


def draw(rows: list[list[Panel]], path: Path) -> None:
    """A row of grids for each setting."""
    across = max(len(row) for row in rows)
    figure = Figure(figsize=(2.3 * across, 2.75 * len(rows)), layout="constrained")
    for axes, row in zip(figure.subplots(len(rows), across, squeeze=False), rows, strict=True):
        for place in axes:
            place.set_axis_off()
        for place, (title, images) in zip(axes, row, strict=False):
            place.imshow(grid(images[:_SHOWN], gap=1), interpolation="nearest")
            place.set_title(title, fontsize=9)
    save_figure(figure, path, overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where runs are trained")
    parser.add_argument("--models", nargs="+", choices=PICTURES, default=list(PICTURES), help="which pictures")
    parser.add_argument("--pictures", type=Path, default=Path("docs/images/models"), help="where pictures go")
    options = parser.parse_args()
    options.pictures.mkdir(parents=True, exist_ok=True)
    for model in options.models:
        rows = [law_panels(s) if model == "fitted" else model_panels(model, s, options.out) for s in PICTURES[model]]
        draw(rows, options.pictures / f"{model}.png")


if __name__ == "__main__":
    main()
