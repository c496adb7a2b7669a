"""One figure of a model's noise beside the true one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nrgan.evaluation.noise_check import LAGS, NoiseCheck, NoiseStatistics
from nrgan.pictures import save_figure

_COLOURS = {
    "clean images": "black",
    "noisy images": "grey",
    "clean samples": "tab:orange",
    "samples as observed": "moccasin",
}
_TRUE: dict[str, Any] = {"color": "black", "label": "true"}
_MODEL: dict[str, Any] = {"color": "tab:orange", "label": "model's", "linestyle": "--"}


def draw_noise(check: NoiseCheck, path: Path) -> None:
    """Level over signal, autocorrelation, correlation of channels, distribution, and noise left; written as PNG."""
    figure = Figure(figsize=(16, 3.6), layout="constrained")
    figure.suptitle(f"{check.model} on {check.setting}, iteration {check.iteration:,}, {check.samples:,} images")
    curve, across, marginal, channels, left = figure.subplots(1, 5)
    both = [(s, style) for s, style in ((check.truth, _TRUE), (check.learned, _MODEL)) if s is not None]
    _levels(curve, both)
    _autocorrelation(across, both)
    _marginal(marginal, both)
    _channels(channels, check)
    names = list(check.noise_left)
    left.barh(names, list(check.noise_left.values()), color=[_COLOURS[name] for name in names])
    left.invert_yaxis()
    left.set_title("estimated noise (of 255)")
    save_figure(figure, path)


_Both = list[tuple[NoiseStatistics, dict[str, Any]]]


def _levels(axes: Axes, both: _Both) -> None:
    for statistics, style in both:
        known = [(s, v) for s, v in zip(statistics.signal, statistics.level_at_signal, strict=True) if v is not None]
        axes.plot([s for s, _ in known], [v for _, v in known], marker=".", **style)
    axes.set(title="noise level over signal", xlabel="clean value", ylabel="standard deviation")
    axes.set_xlim(0, 255)
    axes.set_ylim(bottom=0)
    if both:
        axes.legend()


def _autocorrelation(axes: Axes, both: _Both) -> None:
    for statistics, style in both:
        correlation = np.array(statistics.autocorrelation)
        axes.plot(range(LAGS), correlation[0], marker=">", **style)
        axes.plot(range(LAGS), correlation[:, 0], marker="v", color=style["color"], linestyle=":")
    axes.axhline(0, color="lightgrey", zorder=0)
    axes.set(title="autocorrelation", xlabel="lag: ▸ across, ▾ down")


def _marginal(axes: Axes, both: _Both) -> None:
    for statistics, style in both:
        values = np.array(statistics.quantiles)
        edges = np.linspace(values[0], values[-1], 60) if values[-1] > values[0] else np.linspace(-1, 1, 3)
        density, edges = np.histogram(values, edges, density=True)
        axes.plot((edges[1:] + edges[:-1]) / 2, density, **style)
    axes.set(title="distribution of values", xlabel="noise (of 255)")
    axes.set_yticks([])


def _channels(axes: Axes, check: NoiseCheck) -> None:
    shown = [(name, s) for name, s in (("true", check.truth), ("model's", check.learned)) if s is not None]
    axes.set_title(f"channels: {' | '.join(name for name, _ in shown)}")
    axes.set_axis_off()
    if not shown:
        return
    rows = [np.array(s.channel_correlation) for _, s in shown]
    gap = np.full((len(rows[0]), 1), np.nan)
    axes.imshow(np.hstack([part for row in rows for part in (row, gap)][:-1]), vmin=-1, vmax=1, cmap="coolwarm")
    width = len(rows[0])
    for k, row in enumerate(rows):
        for i, j in np.ndindex(row.shape):
            axes.text(k * (width + 1) + j, i, f"{row[i, j]:.2f}", ha="center", va="center", fontsize=8)
