"""The pictures of docs/models/: what a model can make of an image, beside data that it suits, and that it does not.

    python benchmarks/model_pictures.py [--models gan sinrgan1 ...] [--out docs/images/models]

Nothing is trained: noise is drawn from laws that a trained noise generator could have learned, goes through the model's
own transformations, and is added to drawn images. `fitted` is no model but a law: noise that the diagnosis tells from
noisy images alone, beside the noise that they have.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from numpy.random import RandomState

from nrgan.corruptions import AdditiveGaussian, AdditiveNoise, Fitted, MultiplicativeGaussian, NoCorruption
from nrgan.data import Shapes
from nrgan.diagnosis import estimate_noise, law_of
from nrgan.draws import FreshDraws
from nrgan.models import LEARNED, MODELS
from nrgan.observation import Composition, Learned, Model
from nrgan.pictures import grid, save_figure
from nrgan.ranges import STORED_LEVELS, nhwc, stored_from_unit, unit_from_stored
from nrgan.settings import CORRUPTIONS

Images = npt.NDArray[np.float64]
"""(N, H, W, 3), unit range."""
Panel = tuple[str, Images]


@dataclass(frozen=True)
class Case:
    """Noise that the data have, and the nearest that the model can make."""

    words: str
    data: AdditiveNoise
    made: AdditiveNoise


def _noise(setting: str) -> AdditiveNoise:
    law = CORRUPTIONS[setting].corruption
    assert isinstance(law, AdditiveNoise)
    return law


def _suits(setting: str) -> Case:
    return Case("suits", _noise(setting), _noise(setting))


def _fails(words: str, data: AdditiveNoise, made: AdditiveNoise) -> Case:
    return Case(f"does not suit:\n{words}", data, made)


_STRIPES = Fitted(level=(8.0,), rows=30.0)
_WHITE, _BROWN = _noise("ag25"), _noise("bg25k5")

CASES: dict[str, tuple[Case, ...]] = {
    "gan": (_fails("any noise", _WHITE, NoCorruption()),),
    "ambientgan": (_suits("bg25k5"), _fails("another level was told", _WHITE, AdditiveGaussian(50))),
    "sinrgan1": (_suits("ag25"), _fails("it is correlated", _BROWN, _WHITE)),
    "sinrgan2": (_suits("bg25k5"), _fails("it follows the signal", MultiplicativeGaussian(50), _WHITE)),
    "sdnrgan1": (
        _suits("mg25"),
        _fails("it follows the signal\nin another way", _noise("p30"), MultiplicativeGaussian(60)),
    ),
    "sdnrgan2": (_suits("p30"), _fails("it is correlated", _BROWN, _WHITE)),
    "sdnrgan3": (
        _suits("bg25k5"),
        _fails("it is skewed (impulses)", Fitted(level=(5.0,), impulses=0.05, salt=1.0), _WHITE),
    ),
    LEARNED: (Case("suits", _STRIPES, _STRIPES), _fails("its rows are not\nin any order", _BROWN, _BROWN)),
}
"""Of each model."""
TOLD = Composition(invariances="shuffle-rows,shuffle-columns,invert")
"""What `learned` is told here."""
FITTED = "fitted"
_SIDE, _SHOWN, _MEASURED = 32, 4, 500


def model_of(name: str) -> Model:
    """The model of a page."""
    return TOLD.model() if name == LEARNED else MODELS[name]


def draw_noise(law: AdditiveNoise, clean: Images) -> Images:
    """The noise of a law, as it is in the training images: an image's own generator for each."""
    return np.stack([law.noise(u, RandomState(number)) for number, u in enumerate(clean)])


def transformed(model: Model, noise: Images) -> Images:
    """What the model's invariances make of noise."""
    n, draws = torch.from_numpy(noise).permute(0, 3, 1, 2), FreshDraws(torch.Generator().manual_seed(0))
    for invariance in model.invariances if isinstance(model, Learned) else ():
        n = invariance(n, draws)
    return nhwc(n.numpy())


def model_rows(name: str) -> list[tuple[str, list[Panel]]]:
    """A row for each case: a generated image, the noise of the model, both together, the data."""
    clean = unit_from_stored(Shapes(image_size=_SIDE).draw(range(2 * _SHOWN)))
    x, others = clean[:_SHOWN], clean[_SHOWN:]
    rows = []
    for case in CASES[name]:
        n = transformed(model_of(name), draw_noise(case.made, x))
        panels = [
            ("generated x", x),
            ("noise that the model can make", n + 0.5),
            ("what D sees of it", x + n),
            ("what D sees of the data", others + draw_noise(case.data, others)),
        ]
        rows.append((case.words, panels))
    return rows


def law_rows() -> list[tuple[str, list[Panel]]]:
    """Noisy images, their noise, and that of the law which the diagnosis makes of the images alone."""
    clean = unit_from_stored(Shapes(image_size=_SIDE).draw(range(_MEASURED)))
    rows = []
    for words, noise in {"correlated": _BROWN, "counts": _noise("p30")}.items():
        noisy = np.clip(clean + draw_noise(noise, clean), 0, 1)
        law = law_of(estimate_noise(noisy))
        assert law is not None, f"the diagnosis makes no law of {words} noise"
        true, told = draw_noise(noise, clean), draw_noise(law, clean)
        panels = [
            ("noisy images", noisy),
            (f"their noise: level {_level(true):.1f}", true + 0.5),
            (f"noise of the law: level {_level(told):.1f}", told + 0.5),
        ]
        rows.append((words, panels))
    return rows


def _level(noise: Images) -> float:
    """As the settings state it, of 255."""
    return float(noise.std()) * (STORED_LEVELS - 1)


def draw(rows: list[tuple[str, list[Panel]]], path: Path) -> None:
    """Writes a figure: a grid of images for each panel."""
    across = max(len(panels) for _, panels in rows)
    figure = Figure(figsize=(2 * across, 2.1 * len(rows)), layout="constrained")
    for line, (words, panels) in zip(figure.subplots(len(rows), across, squeeze=False), rows, strict=True):
        line[0].set_ylabel(words, fontsize=8)
        for axes, (title, images) in zip(line, panels, strict=True):
            axes.imshow(grid(stored_from_unit(np.clip(images[:_SHOWN], 0, 1)), gap=2), interpolation="nearest")
            axes.set_title(title, fontsize=8)
            axes.set(xticks=(), yticks=())
            axes.spines[:].set_visible(False)
    save_figure(figure, path, overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*CASES, FITTED]
    parser.add_argument("--models", nargs="+", choices=names, default=names, help="which pictures")
    parser.add_argument("--out", type=Path, default=Path("docs/images/models"), help="where they go")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.models:
        draw(law_rows() if name == FITTED else model_rows(name), options.out / f"{name}.png")


if __name__ == "__main__":
    main()
