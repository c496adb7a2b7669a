"""What was made of what, in a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrgan.data import name_of
from nrgan.denoising.denoiser import Denoiser
from nrgan.errors import UserError
from nrgan.layout import pictured_iterations, saved_snapshots
from nrgan.models import all_models
from nrgan.reports.diagnosis_files import read_diagnosis
from nrgan.reports.diagnosis_table import with_options
from nrgan.reports.page.blocks import Block, Words, figure
from nrgan.reports.page.subjects import DENOISER, DIAGNOSIS, GENERATOR, STUDY, Subject
from nrgan.reports.study_cells import read_cells, runs_of
from nrgan.runs.log import last_iteration
from nrgan.runs.snapshot import read_about
from nrgan.settings import named_setting


def summary(subject: Subject) -> Sequence[Block]:
    """What was trained on what, and how far."""
    return [Words(sentence) for sentence in _SENTENCES[subject.kind](subject) if sentence]


def _of_run(subject: Subject) -> list[str]:
    config = subject.config
    if not config:
        about = read_about(subject.folder)
        iteration = figure(about.get("iteration"))
        return [f"A snapshot of {about.get('model')} on {name_of(str(about.get('setting')))}, iteration {iteration}."]
    model, done, asked = str(config.get("model")), last_iteration(subject.folder), config.get("iterations")
    row = all_models().get(model)
    knows = f" What this model must know of the noise: {row.knowledge}." if row is not None else ""
    parts = [
        f"{model} was trained on {_images(subject)}: {figure(done)} of {figure(asked)} iterations of "
        f"{figure(config.get('batch_size'))} images, at width {figure(config.get('channels'))}.{knows}"
    ]
    if not saved_snapshots(subject.folder):
        parts.append("It has saved no snapshot yet: what needs one is not here.")
    if not pictured_iterations(subject.folder):
        parts.append("It has no pictures of samples.")
    return parts


def _images(subject: Subject) -> str:
    config, data = subject.config, subject.document.get("data")
    name, size = name_of(str(config.get("setting"))), config.get("image_size")
    counted = ""
    if isinstance(data, dict):
        counted = f" ({figure(data.get('images'))} images of {size}x{size} pixels, {_channels(data.get('channels'))})"
    setting = named_setting(name)
    if setting is not None:
        return f"{name}{counted}, whose noise is {setting.corruption}"
    added = (
        f", to which noise was added ({config['corrupt']})" if config.get("corrupt") else ", which are noisy already"
    )
    return f"{name}{counted}{added}"


def _channels(count: Any) -> str:
    return "one channel" if count == 1 else f"{figure(count)} channels"


def _of_denoiser(subject: Subject) -> list[str]:
    told = subject.document.get("denoiser", {})
    try:
        about = Denoiser.load(subject.path).about
    except UserError:
        images = name_of(str(subject.config.get("images")))
        return [
            f"A denoiser of {images} ({told.get('method')}) that is not trained to its end: no network is saved yet."
        ]
    rule = f" ({about.rule})" if about.rule else ""
    if about.law is None:
        law = "No law of the noise was found."
    else:
        certain = "with certainty" if about.certain else "but not with certainty"
        law = f"The law of the noise was told {certain}."
    return [
        f"A denoiser of {about.images}, trained without a clean image by {about.method}{rule}: "
        f"{figure(about.iteration)} steps on squares of {about.side} pixels. {law}",
        *(f"Not certain: {with_options(doubt)}." for doubt in about.doubts),
    ]


def _of_diagnosis(subject: Subject) -> list[str]:
    found = read_diagnosis(subject.folder)
    told, size = found["diagnosis"], found["diagnosis"].get("size")
    shape = "x".join(str(side) for side in size) if isinstance(size, list) else "unknown size"
    certain = "certain" if told.get("certain") else "not certain"
    return [
        f"{figure(told.get('images'))} images of {shape} were looked at: noise of level "
        f"{figure(told.get('level'), 3)} of 255 ({certain})."
    ]


def _of_study(subject: Subject) -> list[str]:
    cells, runs = read_cells(subject.folder), runs_of(subject.folder)
    settings, models = ({getattr(cell, name) for cell in cells} for name in ("setting", "model"))
    if not cells:
        return [f"{len(runs)} runs, of which no table has been made yet; the same nrgan reproduce goes on."]
    missing = sum(bool(cell.failure) for cell in cells)
    left = f", of which {missing} have no figure" if missing else ""
    return [f"A study of {len(models)} models on {len(settings)} settings: {len(cells)} cells{left}."]


_SENTENCES = {GENERATOR: _of_run, DENOISER: _of_denoiser, DIAGNOSIS: _of_diagnosis, STUDY: _of_study}
