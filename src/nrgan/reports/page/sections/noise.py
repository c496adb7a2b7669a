"""The noise of a run beside that of its data: level over the signal, spectrum, autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from nrgan.diagnosis import diagnosed
from nrgan.errors import UserError
from nrgan.evaluation.noise_check import NoiseCheck, check_noise
from nrgan.evaluation.spectrum import frequencies
from nrgan.layout import find_snapshot
from nrgan.reports.page.blocks import Block, Curves, Table, Words, figure
from nrgan.reports.page.chart import Chart, Line, Point
from nrgan.reports.page.subjects import Subject

_SAMPLES = 500
Told = tuple[str, list[Point], list[list[float]]]
"""A name, the noise-level curve, and the autocorrelation [dy][dx]."""


def noise(subject: Subject) -> Sequence[Block]:
    """Charts, and a table of how much noise is left. Raises `UserError` where the data cannot be opened."""
    find_snapshot(subject.path)
    own = subject.data if subject.model.about.own else None
    check = check_noise(subject.model, subject.resources, _SAMPLES, data=own)
    told = _told(check)
    words = []
    if check.truth is None:
        try:
            told.insert(0, _of_the_data(subject))
            words = [Words("Nobody knows the true noise of these images: theirs is as the images tell it.", quiet=True)]
        except UserError:
            words = [Words("The images do not tell their noise: the model's is alone here.")]
    left = [[name, figure(level, 3)] for name, level in check.noise_left.items()]
    return [
        *([Curves(_levels(told)), Curves(_autocorrelation(told))] if told else []),
        Curves(_spectrum(check)),
        Table("Estimated noise in sets of images. Texture counts: compare", ["images", "level (of 255)"], left),
        Words(f"Of {check.samples:,} images, generated at iteration {check.iteration:,} and real.", quiet=True),
        *words,
    ]


def _told(check: NoiseCheck) -> list[Told]:
    pairs = (("true", check.truth), ("model's", check.learned))
    return [
        (name, list(zip(found.signal, found.level_at_signal, strict=True)), found.autocorrelation)
        for name, found in pairs
        if found is not None
    ]


def _of_the_data(subject: Subject) -> Told:
    found, _ = diagnosed(subject.data)
    return (
        "the data's, as diagnosed",
        list(zip(found.signal, found.level_at_signal, strict=True)),
        found.autocorrelation,
    )


def _levels(told: Sequence[Told]) -> Chart:
    lines = [Line(name, curve, style) for style, (name, curve, _) in enumerate(told)]
    words = "Standard deviation of the noise at each clean value, both of 255"
    return Chart("Noise level over the signal", words, "clean value", "level (of 255)", lines, from_zero=True)


def _autocorrelation(told: Sequence[Told]) -> Chart:
    style, lines = count(), []
    for name, _, correlation in told:
        across = list(enumerate(correlation[0]))
        down = list(enumerate(row[0] for row in correlation))
        lines += [Line(f"{name}, {way}", points, next(style)) for way, points in (("across", across), ("down", down))]
    words = "Correlation of the noise of pixels that lie so many pixels apart"
    return Chart("Autocorrelation of the noise", words, "lag (pixels)", "correlation", lines, from_zero=True)


def _spectrum(check: NoiseCheck) -> Chart:
    lines = [
        Line(name, list(zip(frequencies(len(levels)), levels, strict=True)), style)
        for style, (name, levels) in enumerate(check.spectra.items())
    ]
    words = "How much images vary at each frequency, as levels of 255; white noise is a level line"
    return Chart("Spectrum of the images", words, "frequency (cycles per pixel)", "level (of 255)", lines, log=True)
