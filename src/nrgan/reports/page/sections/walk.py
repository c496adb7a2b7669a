"""Walks between latents: does what is between two images look like an image?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from nrgan.layout import find_snapshot
from nrgan.networks import sizes_of
from nrgan.networks.sampling import great_circle, in_double, latents, place_of
from nrgan.ranges import stored_from_signed
from nrgan.reports.page.blocks import Block, Frame, Frames, Picture, Words
from nrgan.reports.page.sections.tiling import how_many, tiled
from nrgan.reports.page.subjects import Subject

_STEPS = 12
_FEWEST, _MOST = 3, 9
_SEED = 0
_EXPLAINED = "Each square is a walk of its own, along a great circle."


@torch.no_grad()
def walk(subject: Subject) -> Sequence[Block]:
    """A slider from some images to as many others, through the generator of the best snapshot, or the newest."""
    find_snapshot(subject.path)
    model = subject.model
    size = model.image_size**2 * min(3, model.image_channels)
    steps, count = how_many(subject.options.pictures // 4, size, _STEPS, _FEWEST)
    count, steps = min(count, _MOST), max(steps, 2)
    generator = in_double(model.pair.generator)
    ends = latents(_SEED, range(2 * count), sizes_of(generator).latent_size).to(*place_of(generator))
    frames = []
    for share in np.linspace(0, 1, steps):
        images = stored_from_signed(generator(great_circle(ends[:count], ends[count:], torch.tensor(share).to(ends))))
        alt = f"{count} samples, {share:.0%} of the way from one latent to another"
        frames.append(Frame(f"{share:.0%}", [Picture.of(tiled(images), "on the way", alt)]))
    return [
        Frames("way", frames, plays=True),
        Words(_EXPLAINED, quiet=True),
    ]
