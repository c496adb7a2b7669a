"""The first hour with a fluorescence microscope's stack: `diagnose`, the command that it prints, `generate`.

    python benchmarks/fluorescence.py --folder DIR [--json FILE] [--pictures DIR] [--draw]

Draws the stack into DIR (24 frames of 512x512 pixels, 16 bits: offset 104, 2.1 levels an electron, read noise of 3.2
electrons, two hot pixels in ten thousand), runs the three commands there as they are printed, and measures the noise
left in the samples, the images and their clean originals, all by one estimator and in levels of the camera; rounded to
whole ones, as files are, and not. What is there already is gone on with. --draw: the stack alone; --measure: only what
the commands have made. --pictures: images, samples with and without their noise, and those of the first snapshot.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from imagecodecs import imread
from PIL import Image
from scipy import ndimage

from nrgan import TrainedModel, layout
from nrgan.evaluation.noise_level import noise_level
from nrgan.networks.sampling import CHUNK, in_double
from nrgan.pictures import save_figure
from nrgan.ranges import nhwc, unit_from_signed
from nrgan.reading import read_json
from nrgan.storage import write_json

FRAMES, SIDE = 24, 512
OFFSET, GAIN, READ_NOISE = 104.0, 2.1, 3.2
"""Levels; levels an electron; electrons."""
HOT = 2e-4
"""Share of pixels."""
_POINT_SPREAD = 1.3
RUN = "stack-run"
"""As `diagnose` calls it."""
_GENERATED = 1_000
_OF_THE_MACHINE = ("setting", "out", "data_root", "cache_dir")
Array = npt.NDArray[Any]


def cells(rng: np.random.Generator) -> Array:
    """Electrons expected in each pixel of a frame: nuclei with nucleoli, in cells with filaments and bright spots."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    body, nuclei = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    grain = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 4)
    grain /= grain.std()
    for _ in range(42):
        centre, angle, long = rng.uniform(0, SIDE, 2), rng.uniform(0, np.pi), rng.uniform(13, 22)
        across, along = _turned(y - centre[0], x - centre[1], angle)
        distance = np.hypot(across / (long * rng.uniform(0.65, 0.9)), along / long)
        body = np.maximum(body, rng.uniform(10, 22) * np.exp(-((distance / 2.1) ** 4)))
        inside = rng.uniform(55, 130) * (distance < 1)
        for _ in range(rng.integers(1, 4)):
            dy, dx = centre + rng.uniform(-0.4, 0.4, 2) * long
            inside *= 1 - 0.65 * (np.hypot(y - dy, x - dx) < rng.uniform(2.0, 4.0))
        nuclei = np.maximum(nuclei, inside)
    nuclei *= 1 + 0.12 * grain
    filaments = np.abs(ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 7))
    filaments = 26 * (filaments < 0.06 * filaments.std()) * (body > 6) * (nuclei == 0)
    spots = np.zeros((SIDE, SIDE))
    at = rng.integers(0, SIDE, (2, 260))
    spots[at[0], at[1]] = rng.uniform(300, 900, 260) * (body[at[0], at[1]] > 6)
    haze = 5 + 3 * ndimage.gaussian_filter(rng.random((SIDE, SIDE)), 60, mode="wrap") * 2
    seen: Array = ndimage.gaussian_filter(body + nuclei + filaments + spots, _POINT_SPREAD) + haze
    return seen


def _turned(y: Array, x: Array, angle: float) -> tuple[Array, Array]:
    return y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)


def draw(folder: Path, seed: int = 0) -> None:
    """`stack.tif`, and in `clean.npy` its expectations without hot pixels, in levels."""
    rng = np.random.default_rng(seed)
    electrons = np.stack([cells(rng) for _ in range(FRAMES)])
    hot = rng.random((SIDE, SIDE)) < HOT
    dark = np.where(hot, rng.uniform(1_000, 15_000, (SIDE, SIDE)), 0)
    counted = rng.poisson(electrons + dark) + READ_NOISE * rng.standard_normal(electrons.shape)
    levels = np.rint(OFFSET + GAIN * counted).clip(0, 65_535).astype(np.uint16)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "clean.npy", (OFFSET + GAIN * electrons).astype(np.float32))
    tifffile.imwrite(folder / "stack.tif", levels, imagej=True, metadata={"axes": "TYX"})


def nrgan(words: list[str], folder: Path) -> str:
    """What a command prints; what it says meanwhile goes through."""
    print("$ nrgan", shlex.join(words), flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "nrgan", *words], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    )
    print(done.stdout, flush=True)
    return done.stdout


def tiles(images: Array, side: int) -> Array:
    """Squares of the images, (K, side, side, 1)."""
    n = SIDE // side
    cut = images[:, : n * side, : n * side].reshape(-1, n, side, n, side).transpose(0, 1, 3, 2, 4)
    return cut.reshape(-1, side, side, 1)


def first_hour(folder: Path) -> None:
    """The three commands."""
    printed = nrgan(["diagnose", "stack.tif", "--out", "diagnosis"], folder)
    command = shlex.split(printed.rpartition("train with: nrgan ")[2])
    if (folder / RUN).exists():
        command.append("--resume")
    nrgan(command, folder)
    nrgan(["generate", RUN, "--count", str(_GENERATED), "--out", "clean"], folder)


def measured(folder: Path) -> dict[str, Any]:
    """What came of them."""
    run = folder / RUN
    recorded = read_json(run / layout.RUN)
    begun = datetime.fromisoformat(recorded["started"]).timestamp()
    ended = max(path.stat().st_mtime for path in layout.records_files(run))
    samples = np.stack([imread(path) for path in sorted((folder / "clean").glob("*.png"))]).astype(np.float64)
    side = samples.shape[1]
    noisy, clean = tifffile.imread(folder / "stack.tif").astype(np.float64), np.load(folder / "clean.npy")
    return {
        **{name: recorded[name] for name in ("processor", "versions", "commit")},
        "config": {name: value for name, value in recorded["config"].items() if name not in _OF_THE_MACHINE},
        "chosen": read_json(layout.find_snapshot(run) / layout.ABOUT)["chosen"]["reason"],
        "minutes of training and evaluating, after measuring the machine": (ended - begun) / 60,
        "noise left, in levels of the camera": {
            "samples": noise_level(samples[..., None]),
            "samples, not rounded": noise_level(_not_rounded(run)),
            "clean images": noise_level(np.rint(tiles(clean, side)[:_GENERATED])),
            "clean images, not rounded": noise_level(tiles(clean, side)[:_GENERATED]),
            "noisy images": noise_level(tiles(noisy, side)[:_GENERATED]),
        },
        "mean and standard deviation of values": {
            name: [float(values.mean()), float(values.std())]
            for name, values in (("samples", samples), ("clean images", clean))
        },
    }


def _not_rounded(run: Path) -> Array:
    """The same samples, in levels, as the generator makes them; files have whole ones."""
    model = TrainedModel.load(run)
    exact = replace(model, pair=in_double(model.pair))
    chunks = (range(first, first + CHUNK) for first in range(0, _GENERATED, CHUNK))
    made = np.concatenate([exact.observe(0, chunk).parts["clean"].numpy() for chunk in chunks])
    ((low, high),) = model.value_range.limits
    levels: Array = low + (high - low) * unit_from_signed(nhwc(made))
    return levels


def pictures(folder: Path, run: Path, out: Path) -> None:
    """`fluorescence.png`, and the diagnosis' own figure beside it."""
    from matplotlib.figure import Figure

    best = layout.find_snapshot(run)
    chosen, first = TrainedModel.load(best).about.iteration, layout.iteration_of(layout.saved_snapshots(run)[0])
    panels = {
        "training images": layout.data_picture(run),
        f"samples as observed, iteration {chosen:,}": layout.sample_picture(run, chosen, "noisy"),
        "the same samples, clean": layout.sample_picture(run, chosen, "clean"),
        f"iteration {first:,}: too few": layout.sample_picture(run, first, "clean"),
    }
    figure = Figure(figsize=(14, 3.8), layout="constrained")
    for axes, (title, path) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        with Image.open(path) as picture:
            axes.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=150, interpolation="nearest")
        axes.set_title(title)
        axes.set_axis_off()
    save_figure(figure, out / "fluorescence.png", overwrite=True)
    shutil.copy(folder / "diagnosis" / "diagnosis.png", out / "fluorescence-diagnosis.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--json", type=Path, help="such as results/fluorescence.json")
    parser.add_argument("--pictures", type=Path, help="such as docs/images")
    parser.add_argument("--draw", action="store_true", help="the stack alone")
    parser.add_argument("--measure", action="store_true", help="only what is there")
    options = parser.parse_args()
    folder = options.folder.resolve()
    if not (folder / "stack.tif").exists():
        draw(folder)
    if options.draw:
        return
    if not options.measure:
        first_hour(folder)
    found = measured(folder)
    print(json.dumps({name: value for name, value in found.items() if name != "config"}, indent=1))
    if options.json:
        write_json(found, options.json)
    if options.pictures:
        pictures(folder, folder / RUN, options.pictures)


if __name__ == "__main__":
    main()
