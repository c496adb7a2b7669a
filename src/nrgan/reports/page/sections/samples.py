"""Samples beside their noise, as training went on: the same latents at every moment."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.layout import is_snapshot, iteration_of, pictured_iterations, sample_picture, saved_snapshots
from nrgan.limits import LARGEST_SIDE
from nrgan.pictures import KEPT, KEPT_A_ROW, cells, read_picture
from nrgan.ranges import stored_from_signed
from nrgan.reports.page.blocks import Block, Frame, Frames, Picture, Words
from nrgan.reports.page.sections.tiling import chosen_evenly, how_many, tiled
from nrgan.reports.page.subjects import Subject
from nrgan.runs import TrainedModel

MOMENTS = 12
_FEWEST = 4
"""Samples, for which moments are given up."""
_LARGEST = (KEPT_A_ROW * LARGEST_SIDE) ** 2
PARTS = {"clean": "samples, clean", "noise": "their noise (grey: none)", "noisy": "as observed, with the noise"}
Squares = npt.NDArray[np.uint8]


def samples(subject: Subject) -> Sequence[Block]:
    """A slider over moments: of the run's own pictures, or of its snapshots where it has none."""
    found = _of_pictures(subject) or _of_snapshots(subject)
    frames = [_frame(iteration, parts) for iteration, parts in found]
    if not frames:
        return []
    explained = "The same latents and draws at every moment, through the average of the networks."
    return [Frames("iteration", frames, plays=True), Words(explained, quiet=True)]


def _frame(iteration: int, parts: dict[str, Squares]) -> Frame:
    name = f"{iteration:,}"
    pictures = [
        Picture.of(tiled(parts[part]), words, f"{len(parts[part])} {words}, at iteration {name}")
        for part, words in PARTS.items()
        if part in parts
    ]
    return Frame(name, pictures)


def _of_pictures(subject: Subject) -> list[tuple[int, dict[str, Squares]]]:
    there = pictured_iterations(subject.folder)
    first = _read(sample_picture(subject.folder, there[0], "clean")) if there else None
    if first is None:
        return []
    moments, count = how_many(_room(subject), first[0].size * len(PARTS), MOMENTS, _FEWEST)
    found = []
    for iteration in chosen_evenly(there, moments):
        read = {part: _read(sample_picture(subject.folder, iteration, part)) for part in PARTS}
        parts = {part: squares[:count] for part, squares in read.items() if squares is not None}
        if "clean" in parts:
            found.append((iteration, parts))
    return found


def _read(path: Path) -> Squares | None:
    """The samples in a picture that a run has kept; None where it is none, as after a kill."""
    with suppress(OSError, ValueError, SyntaxError):  # what Pillow raises for damage
        squares = cells(read_picture(path, _LARGEST), KEPT_A_ROW)
        return squares if len(squares) == KEPT else None
    return None


def _of_snapshots(subject: Subject) -> list[tuple[int, dict[str, Squares]]]:
    if subject.options.cheap:
        return []
    there = saved_snapshots(subject.folder)
    if not there:  # one on its own, or nothing
        if not is_snapshot(subject.path):
            return []
        model = TrainedModel.load(subject.path)
        _, count = how_many(_room(subject), _size(model), 1, 1)
        return [(model.about.iteration, _parts(model, count))]
    newest = TrainedModel.load(there[-1])
    moments, count = how_many(_room(subject), _size(newest), MOMENTS, _FEWEST)
    found = []
    for snapshot in chosen_evenly(there, moments):
        with suppress(UserError):  # a damaged one is left out
            found.append((iteration_of(snapshot), _parts(TrainedModel.load(snapshot), count)))
    return found


def _room(subject: Subject) -> int:
    return subject.options.pictures // 2


def _size(model: TrainedModel) -> int:
    return model.image_size**2 * min(3, model.image_channels) * len(PARTS)


def _parts(model: TrainedModel, count: int) -> dict[str, Squares]:
    seen = model.pair.observe_shown(count).parts
    return {part: stored_from_signed(seen[part]) for part in PARTS if part in seen}
