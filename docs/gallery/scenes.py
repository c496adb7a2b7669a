"""What the examples share: scenes to put noise on, and pictures of the outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

Image = npt.NDArray[Any]


def draw_cells(*, side: int, count: int, seed: int = 0) -> Image:
    """(count, side, side) from 0 to 1: dark ground, round bodies, and bright spots in them."""
    rng, scenes = np.random.default_rng(seed), []
    y, x = np.mgrid[:side, :side]
    for _ in range(count):
        scene = 0.1 + 0.02 * gaussian_filter(rng.standard_normal((side, side)), 12) * 24
        for centre in rng.uniform(0, side, (side * side // 1200 + 1, 2)):
            distance = np.hypot(y - centre[0], x - centre[1]) / rng.uniform(6, 12)
            scene += 0.35 / (1 + np.exp(np.minimum(8 * (distance - 1), 50)))
            spot = centre + rng.normal(0, 3, 2)
            scene += 0.3 * np.exp(-((y - spot[0]) ** 2 + (x - spot[1]) ** 2) / 4)
        scenes.append(scene.clip(0, 1))
    return np.stack(scenes)


def psnr(image: Image, truth: Image) -> float:
    """Decibels, of the truth's own span."""
    return float(10 * np.log10((truth.max() - truth.min()) ** 2 / np.mean((image - truth) ** 2)))


def show(path: str, **images: Image) -> None:
    """Writes images beside each other, of one range: that of the first. Titles are their names."""
    figure = Figure(figsize=(2.5 * len(images), 2.7), layout="constrained")
    low, high = np.percentile(next(iter(images.values())), (0.5, 99.5))
    for axes, (name, image) in zip(figure.subplots(1, len(images), squeeze=False)[0], images.items(), strict=True):
        axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(name.replace("_", " "), fontsize=9)
        axes.set_axis_off()
    figure.savefig(path, dpi=100)
