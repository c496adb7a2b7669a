"""Training images, and whether samples repeat them: only where they are asked for, for they may be of patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nrgan.data import TrainingData
from nrgan.denoising.train import denoised_picture
from nrgan.errors import UserError, first_line
from nrgan.evaluation.nearest import Nearest, nearest_images, shown_images
from nrgan.layout import data_picture, find_snapshot, pictured_iterations, sample_picture
from nrgan.limits import LARGEST_SIDE
from nrgan.pictures import KEPT_A_ROW, cells, grid, read_picture
from nrgan.ranges import stored_from_unit
from nrgan.reports.page.blocks import BeforeAfter, Block, Picture, Pictures, Words, figure
from nrgan.reports.page.sections.tiling import how_many, tiled
from nrgan.reports.page.subjects import Subject

_LARGEST = (KEPT_A_ROW * LARGEST_SIDE) ** 2
_NEAREST = 3
_SAMPLES = 8
_MEMORISED = 0.8
"""Of the usual distance, below which samples are near enough to be looked at."""
Squares = npt.NDArray[np.uint8]


def training_images(subject: Subject) -> Sequence[Block]:
    """Some of the noisy images that were trained on, beside the newest samples."""
    found = [(data_picture(subject.folder), "training images, as training saw them")]
    if there := pictured_iterations(subject.folder):
        found += [
            (sample_picture(subject.folder, there[-1], "noisy"), "samples, as observed"),
            (sample_picture(subject.folder, there[-1], "clean"), "samples, clean"),
        ]
    pictures = []
    for path, words in found:
        if path.is_file():
            squares = _squares(path, KEPT_A_ROW)
            _, count = how_many(subject.options.pictures // 8, squares[0].size * len(found), 1, 1)
            pictures.append(Picture.of(tiled(squares[:count]), words, f"{count} {words}"))
    return [Pictures(pictures)] if pictures else []


def _squares(path: Path, columns: int | None = None) -> Squares:
    """The images in a picture of so many columns; of two rows if not given."""
    try:
        pixels = read_picture(path, _LARGEST)
        return cells(pixels, columns or pixels.shape[1] // (pixels.shape[0] // 2))
    except (OSError, ValueError, SyntaxError, ZeroDivisionError) as error:
        raise UserError(f"{path}: cannot be shown ({first_line(error)})") from error


def nearest_training_images(subject: Subject) -> Sequence[Block]:
    """Samples, and the training images that are nearest to each."""
    find_snapshot(subject.path)
    model, data = subject.model, subject.data
    size = model.image_size**2 * min(3, model.image_channels) * (1 + _NEAREST)
    samples = model.sample(min(_SAMPLES, how_many(subject.options.pictures // 8, size, 1, 1)[1]))
    found = nearest_images(samples, data, _NEAREST)
    rows = [_row(samples[k], found, k, data) for k in range(len(samples))]
    kind = "clean" if found.clean else "noisy"
    caption = f"first a sample, then the {found.indices.shape[1]} {kind} training images nearest to it"
    picture = grid(np.concatenate(rows), columns=2 * len(rows[0]), gap=1)
    return [
        Pictures([Picture.of(picture, caption, f"{len(samples)} times: {caption}")]),
        Words(_judged(found)),
        _how(found),
    ]


def _row(sample: Squares, found: Nearest, k: int, data: TrainingData) -> Squares:
    return np.concatenate([sample[None], stored_from_unit(shown_images(data, found.indices[k]))])


def _judged(found: Nearest) -> str:
    judged = "nearer than training images are to each other: look whether it repeats them"
    if found.of_samples >= _MEMORISED * found.usual:
        judged = "no nearer than they are to each other: nothing shows that it repeats them"
    return (
        f"A sample lies {figure(found.of_samples, 3)} of 255 from its nearest training image, a training image "
        f"{figure(found.usual, 3)} from the nearest other one (medians). Samples are {judged}."
    )


def _how(found: Nearest) -> Words:
    return Words(
        f"Distances are in pixels: the root mean square over images averaged to 16 pixels a side or so. "
        f"{found.compared:,} training images were compared.",
        quiet=True,
    )


def denoised_images(subject: Subject) -> Sequence[Block]:
    """Some noisy images that training held out, and what the denoiser makes of them: the picture of the training."""
    path = denoised_picture(subject.folder)
    if not path.is_file():
        return []
    squares = _squares(path)
    half = len(squares) // 2
    _, count = how_many(subject.options.pictures, squares[0].size, 2, 1)
    before, after = squares[:half][:count], squares[half:][:count]
    return [BeforeAfter("noisy to denoised", *(
        Picture.of(tiled(part), words, f"{len(part)} training images, {words}")
        for part, words in ((before, "noisy"), (after, "denoised"))
    ))]  # fmt: skip
