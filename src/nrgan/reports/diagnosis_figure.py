"""One figure of a diagnosis: the noise-level curve, autocorrelation, distribution, and some of the images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nrgan.diagnosis.recommend import Recommendation
from nrgan.diagnosis.structure import LAGS, QUANTILES
from nrgan.diagnosis.units import NativeNoise
from nrgan.diagnosis.values import Diagnosis
from nrgan.pictures import save_figure

_SHOWN = 5
"""Images a side."""


def draw_diagnosis(found: Diagnosis, advice: Recommendation, images: npt.NDArray[np.floating[Any]], path: Path) -> None:
    """The figure of a diagnosis of (N, H, W, C) images in [0, 1]; written as PNG."""
    figure = Figure(figsize=(16, 3.8), layout="constrained")
    level = f"below {found.level_below:.1f}" if found.little_noise else f"{found.level:.1f}"
    figure.suptitle(
        f"noise of level {level} (of 255); recommended: {advice.model}"
        + (" (not certain)" if not found.certain else "")
    )
    curve, lags, marginal, examples = figure.subplots(1, 4)
    _levels(curve, found)
    _autocorrelation(lags, found)
    _marginal(marginal, found)
    _examples(examples, images)
    save_figure(figure, path)


def _levels(axes: Axes, found: Diagnosis) -> None:
    rows = zip(found.signal, found.level_at_signal, found.error_at_signal, strict=True)
    known = [(s, v, e) for s, v, e in rows if v is not None and e is not None]
    axes.errorbar(
        [s for s, _, _ in known],
        [v for _, v, _ in known],
        yerr=[e for _, _, e in known],
        fmt="o",
        markersize=4,
        color="black",
        label="estimated",
    )
    x = np.linspace(0, 1, 100)
    for name, law in found.laws.items():
        style: dict[str, Any] = {"linewidth": 2} if name == found.dependence else {"linestyle": ":", "linewidth": 1}
        axes.plot(255 * x, np.sqrt(law.variance(x)), label=f"{name}, misfit {law.misfit:.1%}", **style)
    axes.set(xlabel="signal (of 255)", ylabel="standard deviation (of 255; right: file values)")
    axes.set_xlim(0, 255)
    highest = max((v for _, v, _ in known), default=1.0)
    axes.set_ylim(0, 1.6 * highest)
    axes.legend(fontsize=8)
    if found.native is not None and len(found.signal) > 1:
        _file_values(axes, found.signal, found.native)


def _file_values(axes: Axes, signal: list[float], native: NativeNoise) -> None:
    """A second scale on both axes: the values of the files."""
    unit = (native.value[-1] - native.value[0]) / (signal[-1] - signal[0])
    zero = native.value[0] - unit * signal[0]

    def scaled(factor: float, add: float) -> Callable[[Any], Any]:
        return lambda value: factor * value + add

    across = axes.secondary_xaxis("top", functions=(scaled(unit, zero), scaled(1 / unit, -zero / unit)))
    up = axes.secondary_yaxis("right", functions=(scaled(unit, 0), scaled(1 / unit, 0)))
    across.set_xlabel("file values", fontsize=8)
    for scale in (across, up):
        scale.tick_params(labelsize=7)


def _autocorrelation(axes: Axes, found: Diagnosis) -> None:
    correlation = np.array(found.autocorrelation)
    axes.plot(range(LAGS), correlation[0], marker=">", color="black", label="across")
    axes.plot(range(LAGS), correlation[:, 0], marker="v", color="grey", linestyle=":", label="down")
    axes.axhline(0, color="lightgrey", zorder=0)
    axes.set(title="autocorrelation", xlabel="lag (pixels)")
    axes.legend(fontsize=8)


def _marginal(axes: Axes, found: Diagnosis) -> None:
    axes.set(title="distribution of values", xlabel="noise / its own level")
    axes.set_yticks([])
    if not found.quantiles:
        axes.text(0.5, 0.5, "not told", ha="center", transform=axes.transAxes)
        return
    middle, half = np.array(found.quantiles), len(found.quantiles) // 2
    x = np.linspace(-4, 4, 200)
    axes.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color="lightgrey", linewidth=4, label="Gaussian")
    steps = slice(None, None, max(half // 20, 1))
    q, p = middle[steps], QUANTILES[steps]
    axes.plot((q[1:] + q[:-1]) / 2, np.diff(p) / np.maximum(np.diff(q), 1e-6), color="black", label="estimated")
    axes.legend(fontsize=8)


def _examples(axes: Axes, images: npt.NDArray[np.floating[Any]]) -> None:
    chosen = images[np.linspace(0, len(images) - 1, _SHOWN**2).round().astype(int)]
    # of other numbers of channels than 3, the first
    shown = chosen if chosen.shape[3] == 3 else chosen[..., :1]
    rows = [np.concatenate(list(shown[k * _SHOWN : (k + 1) * _SHOWN]), axis=1) for k in range(_SHOWN)]
    axes.imshow(np.clip(np.concatenate(rows), 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
    axes.set_title("some of the images")
    axes.set_axis_off()
