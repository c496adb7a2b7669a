"""Instruments as rows: a scene, ranges that parameters are drawn from, the files it writes, and what is right to say.

A row's `Holds` was written from its physics, before any diagnosis had been run on it. Models are right where all that
they take for known is true (see `SUITS` in `diagnose.py`): of noise that is white, Gaussian and alike in all channels
each fits that assumes less.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import drawn_files
import drawn_parameters as parameters
import drawn_scenes as scenes
from drawn_noise import Detector, kept, rounded
from drawn_scenes import Photographs, Random, Scene
from drawn_truth import COMPOSED, FITTED, NONE_FITS, Holds, Truth, truth_of

_ANY_GAUSSIAN = frozenset({"sinrgan1", "sinrgan2", "sdnrgan2", "sdnrgan3", COMPOSED, FITTED})
_COUNTS = frozenset({"sdnrgan2", "sdnrgan3", COMPOSED, FITTED})
_SYMMETRIC = frozenset({"sdnrgan3", COMPOSED, FITTED})
"""Of noise of one channel that is neither white nor the same along both axes."""


@dataclass(frozen=True)
class Sweep:
    """A parameter that goes from absent to strong: amounts of it, in units of another one where there is a name."""

    parameter: str
    amounts: tuple[float, ...]
    unit: str = ""
    without: Mapping[str, float] = field(default_factory=dict)
    """What else is set: parameters that would show the same finding."""

    def set(self, detector: Detector, amount: float) -> Detector:
        """The detector with that amount."""
        value = amount * (getattr(detector, self.unit) if self.unit else 1)
        kind = type(getattr(detector, self.parameter))
        changed: dict[str, Any] = {**self.without, self.parameter: kind(value)}
        return replace(detector, **changed)


@dataclass(frozen=True)
class Instrument:
    """A row."""

    words: str
    scene: Scene
    detector: Callable[[Random], Detector]
    """Draws its parameters."""
    write: drawn_files.Write
    holds: Holds
    sweeps: Mapping[str, Sweep] = field(default_factory=dict)
    """By the finding that tells of it; "noise": by whether any is told."""
    frames: tuple[int, int] = (50, 80)
    sides: tuple[int, ...] = (96, 128)


@dataclass(frozen=True)
class Drawn:
    """A set as an instrument wrote it."""

    written: npt.NDArray[Any]
    """(N, H, W, C), before what compression loses."""
    detector: Detector
    truth: Truth
    light: npt.NDArray[Any]
    """(N, H, W, C), the values without noise, and without what the sensor's places have of their own."""
    at_places: npt.NDArray[Any]
    """The same with that."""

    @property
    def values(self) -> npt.NDArray[Any]:
        """What the files hold."""
        return kept(self.written, self.detector)


def draw(
    row: Instrument,
    rng: Random,
    photographs: Photographs = None,
    change: Callable[[Detector], Detector] | None = None,
    size: tuple[int, int] | None = None,
) -> Drawn:
    """A set with parameters of its own. change: what becomes of them; size: frames and side, instead of the row's."""
    count, side = int(rng.integers(*row.frames, endpoint=True)), int(rng.choice(row.sides))
    count, side = size or (count, side)
    detector = row.detector(rng) if change is None else change(row.detector(rng))
    each = detector.repeats or count
    scene = row.scene(rng, -(-count // each), side, photographs).repeat(each, 0)[:count]
    light = detector.light(scene)
    sensor = detector.sensor(light.shape[1], light.shape[2], rng)
    written = rounded(detector.expose(light, sensor, rng), detector)
    truth = truth_of(detector, light, sensor, row.holds, rng)
    return Drawn(written, detector, truth, light, detector.expected(light, sensor))


def generator(seed: int, name: str, number: int) -> Random:
    """Of draw `number` of an instrument: the same whichever others are drawn."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), number])


def write(row: Instrument, drawn: Drawn, folder: Path) -> Path:
    """The files, in a folder that is made; gives the path that a user would name."""
    folder.mkdir(parents=True)
    return row.write(drawn.written, drawn.detector, folder)


INSTRUMENTS: dict[str, Instrument] = {
    "scmos": Instrument(
        "sCMOS camera: counts, read noise of each pixel's own, row noise, hot pixels",
        scenes.cells,
        parameters.scmos,
        drawn_files.tiff_stack,
        Holds(
            models=_SYMMETRIC,
            present=frozenset({"row offsets", "hot pixels"}),
            open=frozenset({"fixed pattern", "one-axis correlation"}),
        ),
        {
            "row offsets": Sweep("rows", (0, 0.25, 0.5, 1, 2), "read"),
            "hot pixels": Sweep("hot", (0, 1e-4, 3e-4, 1e-3, 3e-3)),
        },
    ),
    "em-ccd": Instrument(
        "EM-CCD: counts multiplied by a register, whose variance is twice that of counts",
        scenes.cells,
        parameters.emccd,
        drawn_files.tiff_stack,
        Holds(models=_COUNTS),
    ),
    "confocal": Instrument(
        "confocal microscope: counts, correlated along the fast axis",
        scenes.cells,
        parameters.confocal,
        drawn_files.tiff_stack,
        Holds(models=_SYMMETRIC, present=frozenset({"one-axis correlation"}), open=frozenset({"few photons"})),
        {"one-axis correlation": Sweep("across", (0, 0.1, 0.2, 0.4, 0.65))},
    ),
    "ccd": Instrument(
        "astronomical CCD: counts, sky, bias pattern, cosmic rays",
        scenes.stars,
        parameters.ccd,
        drawn_files.fits_folder,
        Holds(
            models=_COUNTS,
            present=frozenset({"fixed pattern", "impulses"}),
            open=frozenset({"column offsets"}),
            may_be_certain=False,  # no model has tracks of cosmic rays
        ),
        {
            "fixed pattern": Sweep("pattern", (0, 1, 2, 4, 8), "read", {"column_pattern": 0.0}),
            "impulses": Sweep("impulses", (0, 1e-4, 3e-4, 1e-3, 3e-3)),
        },
    ),
    "ct": Instrument(
        "computed tomography: noise of filtered back-projection, signed values",
        scenes.phantoms,
        parameters.ct,
        drawn_files.tiff_stack,
        Holds(models=frozenset({"sinrgan2", *_SYMMETRIC})),
    ),
    "mr": Instrument(
        "magnitude images of magnetic resonance: Rician",
        scenes.phantoms,
        parameters.mr,
        drawn_files.npy,
        # its mean is raised in the dark, which no model has
        Holds(models=frozenset({*_COUNTS, NONE_FITS}), may_be_certain=False),
        {"noise": Sweep("sigma", (0.0025, 0.01, 0.03, 0.06, 0.12), "peak")},
    ),
    "night": Instrument(
        "night photographs, compressed by JPEG",
        scenes.photographs,
        parameters.night,
        drawn_files.jpeg_folder,
        Holds(
            models=frozenset({COMPOSED, NONE_FITS}),
            present=frozenset({"compression blocks"}),
            open=frozenset({"shared channels", "mosaic"}),  # colours are stored at half the size
            may_be_certain=False,
        ),
        {"compression blocks": Sweep("quality", (0, 95, 80, 60, 30))},
        frames=(200, 300),
        sides=(64,),
    ),
    "luminance": Instrument(
        "colour photographs with noise that channels share",
        scenes.photographs,
        parameters.luminance,
        drawn_files.png_folder,
        Holds(models=frozenset({COMPOSED, FITTED}), present=frozenset({"shared channels"})),
        {"shared channels": Sweep("shared", (0, 0.1, 0.25, 0.5, 0.9))},
        frames=(200, 300),
        sides=(64,),
    ),
    "colour camera": Instrument(
        "colour photographs from a filter array: two thirds of the values are interpolated",
        scenes.photographs,
        parameters.colour,
        drawn_files.png_folder,
        # no model has noise that is unlike from place to place in a grid
        Holds(models=frozenset({"sdnrgan3", COMPOSED}), present=frozenset({"mosaic"}), may_be_certain=False),
        {"mosaic": Sweep("mosaic", (0, 0.1, 0.25, 0.5, 1))},
        frames=(200, 300),
        sides=(64,),
    ),
    "photons": Instrument(
        "photon counting: few of them, whole numbers",
        scenes.cells,
        parameters.photons,
        drawn_files.tiff_stack,
        Holds(models=frozenset({FITTED}), present=frozenset({"few photons"}), open=frozenset({"few levels"})),
        {"few photons": Sweep("background", (300, 60, 20, 5, 0.5))},
    ),
    "drifting": Instrument(
        "a lamp that fades while the noise grows from frame to frame",
        scenes.cells,
        parameters.drifting,
        drawn_files.tiff_stack,
        Holds(models=_ANY_GAUSSIAN, present=frozenset({"drift"})),
        {"drift": Sweep("drift", (1, 1.2, 1.5, 2, 4), without={"lamp": 1.0})},
    ),
    "clean": Instrument(
        "16-bit images without noise, of fine and of coarse texture",
        scenes.textures,
        parameters.clean,
        drawn_files.npy,
        Holds(models=frozenset({"gan"}), little_noise=True),
        {"noise": Sweep("read", (0, 0.003, 0.01, 0.03, 0.1), "peak")},
    ),
    "line scan": Instrument(
        "line-scan camera: columns of fixed gains, whose offsets are set anew before each frame",
        scenes.surfaces,
        parameters.line_scan,
        drawn_files.png_folder,
        Holds(
            models=_SYMMETRIC,
            present=frozenset({"column offsets", "fixed pattern"}),
            open=frozenset({"one-axis correlation"}),
        ),
        {
            "column offsets": Sweep("columns", (0, 0.5, 1, 2, 4), "read", {"column_gains": 0.0}),
            "fixed pattern": Sweep("column_gains", (0, 0.005, 0.01, 0.02, 0.05)),
        },
    ),
    "afm": Instrument(
        "atomic force microscope: heights, each line scanned from another zero",
        scenes.surfaces,
        parameters.afm,
        drawn_files.tiff_stack,
        Holds(models=_SYMMETRIC, present=frozenset({"row offsets"}), open=frozenset({"one-axis correlation"})),
        {"row offsets": Sweep("rows", (0, 0.25, 0.5, 1, 4), "read")},
    ),
    "ultrasound": Instrument(
        "ultrasound: speckle after the logarithm, wider with depth; outside of all models",
        scenes.tissue,
        parameters.ultrasound,
        drawn_files.png_folder,
        Holds(models=frozenset({NONE_FITS}), open=frozenset({"one-axis correlation"}), may_be_certain=False),
    ),
    "time lapse": Instrument(
        "one field of view, again and again: what stays is the sample, and no pattern of the camera",
        scenes.cells,
        parameters.time_lapse,
        drawn_files.tiff_stack,
        Holds(models=_COUNTS, present=frozenset({"repeats"})),
        {"repeats": Sweep("repeats", (1, 2, 4, 10, 0))},
    ),
    "grabber": Instrument(
        "an old frame grabber: few levels, far apart",
        scenes.surfaces,
        parameters.grabber,
        drawn_files.png_folder,
        Holds(models=_ANY_GAUSSIAN, present=frozenset({"few levels"})),
        {"few levels": Sweep("step", (1, 2, 4, 8, 16))},
    ),
    "two cameras": Instrument(
        "frames of two cameras in turn, one of them more noisy",
        scenes.cells,
        parameters.two_cameras,
        drawn_files.npy,
        Holds(models=_ANY_GAUSSIAN, open=frozenset({"drift"})),
    ),
}
"""By name. A new one is one row and its parameters."""


def _plain(scene: Scene, noisy: bool, photographs: bool = False) -> Instrument:
    """A set in which nothing is to be found but white noise, or not even that."""
    return Instrument(
        "white noise" if noisy else "clean",
        scene,
        parameters.white if noisy else parameters.noiseless,
        drawn_files.png_folder,
        Holds(models=_ANY_GAUSSIAN if noisy else frozenset({"gan"}), little_noise=not noisy),
        frames=(200, 300) if photographs else (50, 80),
        sides=(64,) if photographs else (96, 128),
    )


PLAIN: dict[str, Instrument] = {
    f"{name}, {'white noise' if noisy else 'clean'}": _plain(scene, noisy, name in ("photographs", "shapes"))
    for noisy in (False, True)
    for name, scene in {
        "photographs": scenes.photographs,
        "shapes": scenes.shapes,
        "smooth fields": scenes.clouds,
        "cells": scenes.cells,
        "stars": scenes.stars,
        "texture": scenes.coarse_texture,
        "constant": scenes.grey,
    }.items()
    if noisy or name != "constant"
}
"""Sets for false alarms, by name; of 8 bits or of 16."""
