"""From a set of frames to the same set, mended."""

from __future__ import annotations

import numpy as np

from nrgan.errors import UserError
from nrgan.frames.chosen_range import step_of
from nrgan.frames.frame_set import FrameSet, open_frames
from nrgan.frames.mending.base import Given
from nrgan.frames.mending.choice import MENDS, Mending
from nrgan.frames.opened import Decoded
from nrgan.frames.outliers import SharpTally
from nrgan.frames.parallel import in_order
from nrgan.frames.statistics import Share, Statistics, Tally
from nrgan.frames.survey import Inspection, inspected
from nrgan.frames.wanted import Wanted
from nrgan.progress import Preparing, prepared


def mended(frames: FrameSet, mending: Mending, preparing: Preparing | None = None) -> FrameSet:
    """The set with the repairs that are asked for, each made from what those before it give; the files stay.

    Reads all frames once for each repair, one for each processor in memory, and once more for the distribution of the
    mended values. Raises `UserError` where a repair cannot be made, with what would do.
    """
    if not mending.names:
        return frames
    references = {"dark": mending.dark, "flat": mending.flat}
    opened = {name: _references(name, path, frames, preparing) for name, path in references.items()}
    key = " ".join([*mending.names, *(f"{name} {found.key()}" for name, found in opened.items() if found is not None)])
    for name in mending.names:
        takes = {reference: opened[reference] for reference in MENDS[name].takes}
        mend = MENDS[name].make(Given(frames, **takes, preparing=preparing))
        frames = frames.mended_by(mend, key)
    return frames.with_statistics(_statistics(frames, preparing))


def _references(name: str, path: str | None, frames: FrameSet, preparing: Preparing | None) -> FrameSet | None:
    """Dark or flat frames; raises `UserError` where they cannot belong to the set."""
    if path is None:
        return None
    advance = preparing(f"the list of images in {path}", 0) if preparing else None
    found = open_frames(path, advance=advance, wanted=Wanted(channels=frames.wanted.channels))
    if found.channels != frames.channels:
        raise UserError(
            f"<{name}> {path}: has {found.channels} channels, and the images have {frames.channels}; give frames of "
            "the same camera"
        )
    return found


def _statistics(frames: FrameSet, preparing: Preparing | None) -> Statistics:
    """Of the mended values, brought to the steps of the files' type: the range is chosen by these."""
    dtype, tally, sharp = frames.dtype, Tally(frames.channels, frames.dtype), SharpTally()
    before, step = frames.statistics.low, step_of(frames.statistics, frames.dtype)
    advance = prepared(preparing, f"mended images of {frames.path}", len(frames))

    def looked_at(index: int) -> Inspection:
        frame = frames.read(index)
        pixels, missing = frame.pixels, frame.missing
        if dtype != "float32":
            limits = np.iinfo(dtype)
            steps = np.rint((np.nan_to_num(pixels) - before) / step) * step + before
            pixels = np.clip(steps, limits.min, limits.max).astype(dtype)
        return inspected(Decoded(pixels, missing=missing), Share(index, len(frames)))

    for index, seen in enumerate(in_order(looked_at, range(len(frames)))):
        for values in seen.values:
            tally.add(values)
        for found in seen.sharp:
            sharp.add(index, seen.sides, found)
        advance(1)
    return tally.statistics(sharp.result())
