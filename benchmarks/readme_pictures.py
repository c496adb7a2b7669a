"""The pictures of README.md: all sixteen noises, and a stack before and after.

    python benchmarks/readme_pictures.py noises docs/images/noises.png
    python benchmarks/readme_pictures.py restored docs/images/restored.png --folder DIR [--minutes 10] [--json FILE]

noises: one drawn image with the noise of each published setting, by the settings' own laws. restored: the drawn stack
of `fluorescence.py` in DIR, denoised there by `nrgan denoise` with the repair that its diagnosis advises; what is there
is gone on with. Prints the PSNR, the peak being the span of the truth, over pixels that are not hot.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from matplotlib.figure import Figure
from numpy.random import RandomState

from fluorescence import draw, nrgan
from nrgan import layout
from nrgan.data import Shapes
from nrgan.pictures import save_figure
from nrgan.reading import read_json
from nrgan.settings import CORRUPTIONS, SETTINGS
from nrgan.storage import write_json

Array = npt.NDArray[Any]
_IMAGE = 26
"""Of the drawn ones: dark and bright areas, colour, an edge in every direction."""
_COLUMNS = 6
_CROP = np.s_[150:310, 120:360]
"""Of the first frame: cells, filaments and spots."""
_HOT = 100.0
"""Levels above the truth in every frame's median, from which on a pixel is hot."""


def draw_noises(path: Path) -> None:
    """A panel for each setting, named by its letter in the paper and its own name; the clean image first."""
    clean = Shapes(image_size=32, count=_IMAGE + 1).images()[_IMAGE] / 255.0
    panels = {"clean": clean}
    for name, row in CORRUPTIONS.items():
        setting = SETTINGS[f"shapes-{name}"]
        panels[f"{row.paper}  {name}"] = setting.sensor.stored(setting.corruption.corrupt(clean, RandomState(0)))
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(1.45 * _COLUMNS, 1.62 * rows), layout="constrained")
    places = figure.subplots(rows, _COLUMNS).flat
    for axes in places:
        axes.set_axis_off()
    for axes, (title, image) in zip(figure.axes, panels.items(), strict=False):
        axes.imshow(image, interpolation="nearest")
        axes.set_title(title, fontsize=9)
    save_figure(figure, path, overwrite=True)


def draw_restored(path: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """The first frame's crop as it was recorded, restored, and as it was drawn; returns what was measured."""
    if not (folder / "stack.tif").exists():
        draw(folder)
    words = ["denoise", "stack.tif", "restored", "--mend", "hot-pixels", "--minutes", f"{minutes:g}"]
    nrgan(words, folder)
    noisy = tifffile.imread(folder / "stack.tif").astype(np.float64)
    restored = tifffile.imread(folder / "restored" / "stack.tif").astype(np.float64)
    clean = np.load(folder / "clean.npy").astype(np.float64)
    good = np.median(noisy - clean, axis=0) < _HOT
    panels = {"recorded": noisy, "restored": restored, "the truth": clean}
    figures = {name: _psnr(panels[name][:, good], clean[:, good]) for name in ("recorded", "restored")}
    low, high = np.quantile(clean[0][_CROP], (0.0, 0.998))
    figure = Figure(figsize=(9, 2.35), layout="constrained")
    for axes, (title, frames) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(frames[0][_CROP], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    save_figure(figure, path, overwrite=True)
    run = read_json(folder / "restored-denoiser" / layout.RUN)
    kept = {name: run[name] for name in ("processor", "versions", "commit")}
    return {"command": words, "frames": len(clean), "PSNR, dB": figures, **kept}


def _psnr(found: Array, clean: Array) -> float:
    return float(10 * np.log10(np.ptp(clean) ** 2 / np.mean((found - clean) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", choices=["noises", "restored"])
    parser.add_argument("file", type=Path, help="the picture, a PNG")
    parser.add_argument("--folder", type=Path, help="where the stack and the denoiser are kept")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the denoiser's training")
    parser.add_argument("--json", type=Path, help="such as results/restored.json")
    options = parser.parse_args()
    if options.picture == "noises":
        draw_noises(options.file)
    elif options.folder is None:
        parser.error("restored needs --folder")
    else:
        found = draw_restored(options.file, options.folder, options.minutes)
        print(found["PSNR, dB"])
        if options.json is not None:
            write_json(found, options.json)


if __name__ == "__main__":
    main()
