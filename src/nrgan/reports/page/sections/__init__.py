"""What is told of each kind of subject: one row a section, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nrgan.reports.page.blocks import Block
from nrgan.reports.page.sections.before_after import before_after
from nrgan.reports.page.sections.curves import losses, metrics
from nrgan.reports.page.sections.diagnosis import diagnosis
from nrgan.reports.page.sections.facts import facts
from nrgan.reports.page.sections.judgement import judgement
from nrgan.reports.page.sections.noise import noise
from nrgan.reports.page.sections.samples import samples
from nrgan.reports.page.sections.study import study_runs, study_table
from nrgan.reports.page.sections.summary import summary
from nrgan.reports.page.sections.training_images import denoised_images, nearest_training_images, training_images
from nrgan.reports.page.sections.walk import walk
from nrgan.reports.page.subjects import DENOISER, DIAGNOSIS, GENERATOR, STUDY, Subject


class Section(NamedTuple):
    """A part of the page. make: gives the blocks of a subject, none where there is nothing to say, or `UserError`."""

    anchor: str
    title: str
    kinds: tuple[str, ...]
    make: Callable[[Subject], Sequence[Block]]
    computes: bool = False
    """Whether it takes more than reading the folder, so that it is left out of a page that follows a training."""
    training_images: bool = False
    """Whether it shows images that somebody trained on, and so is only there when they are asked for."""


SECTIONS = (
    Section("summary", "What this is", (GENERATOR, DENOISER, DIAGNOSIS, STUDY), summary),
    Section("table", "Figures", (STUDY,), study_table),
    Section("samples", "Samples", (GENERATOR,), samples),
    Section("training-images", "Training images", (GENERATOR,), training_images, training_images=True),
    Section("losses", "Losses", (GENERATOR, DENOISER), losses),
    Section("metrics", "Metrics", (GENERATOR,), metrics),
    Section("noise", "Noise, beside the data's", (GENERATOR,), noise, computes=True),
    Section("walk", "Walks between latents", (GENERATOR,), walk, computes=True),
    Section("nearest", "Nearest training images", (GENERATOR,), nearest_training_images, True, training_images=True),
    Section("diagnosis", "Diagnosis", (DIAGNOSIS,), diagnosis),
    Section("before-after", "Before and after", (DENOISER,), before_after, computes=True),
    Section("denoised", "Training images, denoised", (DENOISER,), denoised_images, training_images=True),
    Section("judgement", "Judged without clean images", (DENOISER,), judgement),
    Section("runs", "Runs", (STUDY,), study_runs),
    Section("facts", "Configuration and machine", (GENERATOR, DENOISER), facts),
)
