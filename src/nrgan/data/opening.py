"""From a choice to the images."""

from __future__ import annotations

from pathlib import Path

from nrgan.data.choice import OWN, DataChoice
from nrgan.data.frozen_data import FrozenData
from nrgan.data.own_data import OwnData, fitted
from nrgan.data.sources import SOURCES
from nrgan.data.training_data import TrainingData
from nrgan.frames import mended, open_frames
from nrgan.progress import Preparing


def default_features(source: str) -> str:
    """The feature extractor that images of a source are measured in, where none is chosen."""
    return "inception" if source == OWN else SOURCES[source].default_features


def open_data(
    choice: DataChoice,
    data_root: Path | None = None,
    cache: Path | None = None,
    preparing: Preparing | None = None,
    any_size: bool = False,
    keep_bytes: int = 0,
) -> TrainingData:
    """The images of a choice. The user's own are all read once, so that nothing about them fails later.

    any_size: cut the user's own images into small tiles even where they are squares that could be trained on whole.
    keep_bytes: what the user's own images may take in memory from there on, to be decoded that once; see `open_frames`.
    Raises `UserError` where they cannot be had, or are not what training needs.
    """
    if choice.source != OWN:
        return FrozenData(choice, data_root, cache, preparing)
    # how many there are is known only once they have been read
    advance = preparing(f"the list of images in {choice.name}", 0) if preparing else None
    frames = open_frames(choice.name, choice.skip_corrupt, advance, keep_bytes, choice.wanted)
    frames = mended(frames, choice.mending, preparing)
    return OwnData(fitted(choice, frames, any_size), frames)
