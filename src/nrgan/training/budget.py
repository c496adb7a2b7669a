"""What to train in so many minutes. Pure: how fast the machine is has been measured (`duration`), and is handed in.

The choice is one walk on a ladder of networks and batches: the highest rung is taken whose iterations the time has
room for. Everything else follows from the iterations, the width and the number of images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nrgan.errors import UserError
from nrgan.evaluation.features import RANDOM_CONVOLUTIONS, SMALL_CONVOLUTIONS
from nrgan.evaluation.metrics import FID
from nrgan.evaluation.real import MOST as MOST_REAL
from nrgan.training.config import DEFAULTS, TrainConfig
from nrgan.training.rates import decay_of, gain_of, step_of


@dataclass(frozen=True)
class Rung:
    """Width and batch, and the iterations from which on they do better than the rung below."""

    width: int
    batch: int
    fewest: int


FEWEST = 300
"""Iterations below which nothing has been learned."""
TILES = Rung(48, 32, 8_000)
"""What there must be time for where the side of tiles is free; half the side has about four times the iterations."""
LADDER = (
    Rung(16, 16, FEWEST),
    Rung(16, 32, 1_000),
    Rung(24, 32, 2_000),
    Rung(32, 32, 4_000),
    TILES,
    Rung(64, 32, 16_000),
    Rung(64, 64, 30_000),
    Rung(96, 64, 60_000),
    Rung(128, 64, 100_000),
)
"""From hand-sized runs on a CPU (width 32, 8,000 iterations) to the published ones (width 128, 200,000)."""
_BEGIN = 3
MOST = 400_000
"""Iterations, twice the published ones: a longer time is left unused."""

PLANNED = 0.97
"""Share of the time that is planned for: a machine that slows down a little still comes to the end."""
_EVALUATIONS, _FEWER = 8, 4
_EVALUATION_SHARE = 0.1
_SAMPLES = (5_000, 2_000, 1_000, 500, 200)
FEWEST_IMAGES = {RANDOM_CONVOLUTIONS: 1_000, SMALL_CONVOLUTIONS: 200}
"""Real images from which on a distance in these features means something: some more than there are features."""
_DISTANCE = 0.3
"""Seconds of a Fréchet distance itself, at most."""

CHOSEN = (
    *("channels", "batch_size", "iterations", "ema_decay"),
    *("generator_learning_rate", "discriminator_learning_rate", "decay_iterations"),
    *("discriminator_centre", "discriminator_gain"),
    *("snapshot_interval", "sample_interval", "log_interval"),
    *("evaluate_every", "evaluate_samples", "evaluate_features"),
)
"""The options that a budget chooses, by their flat names, where they are at their defaults."""


@dataclass(frozen=True)
class Pace:
    """Seconds that the work of a rung takes on this machine."""

    iteration: float
    sample: float
    """Of generating and observing an image."""
    snapshot: float
    """Of a snapshot, its checkpoint and its pictures."""


@dataclass(frozen=True)
class Situation:
    """What a choice depends on beside the configuration."""

    images: int
    spent: float
    """Seconds since the command began."""
    pace: Callable[[int, int], Pace]
    """Of a width and a batch; may measure, and is asked for few."""
    feature: Callable[[str], tuple[float, int]]
    """Seconds that an image's features take, and how many features there are, by the extractor's name."""
    mean: float = 0.0
    contrast: float = 0.5
    """Standard deviation of the values within an image, its mean over images; in signed range as `mean` of all is."""


@dataclass(frozen=True)
class Evaluations:
    """How snapshots are chosen; `count` of 0: not at all, and `why`."""

    count: int
    features: str = DEFAULTS["evaluate_features"]
    samples: int = DEFAULTS["evaluate_samples"]
    seconds: float = 0.0
    """Of all of them, and of the real images' features."""
    why: str = ""


@dataclass(frozen=True)
class Budget:
    """What was chosen for the time."""

    minutes: float
    options: Mapping[str, Any]
    """By flat names; those that were given are not among them."""
    seconds: float
    """Expected in all, from the command's begin on."""
    last: float
    """Of these, what comes after the last iteration: a snapshot and its evaluation."""
    why_last: str
    """Why no best snapshot is chosen; empty where one is."""

    def sentence(self, config: TrainConfig) -> str:
        """The plan, of the configuration that it was applied to."""
        schedule, optimiser, options = config.schedule, config.optimiser, config.evaluation
        size, snapshots = config.data.image_size, math.ceil(schedule.iterations / schedule.snapshot_interval)
        kept = f"{snapshots} snapshots, of which the last one counts ({self.why_last})"
        if options.every:
            kept = f"{snapshots} snapshots; the best is chosen by {options.against} FID in {options.samples:,} samples"
            kept += f" ({options.features})"
        return (
            f"{self.minutes:g} minute{'' if self.minutes == 1 else 's'}: {config.network.network}, "
            f"width {config.network.channels}, batch {schedule.batch_size}, {size}x{size} pixels, "
            f"{schedule.iterations:,} iterations, step {optimiser.generator_learning_rate:g} falling to 0, "
            f"average {optimiser.ema_decay:g}, gain {config.network.discriminator_gain:g}; {kept}"
        )


def given(config: TrainConfig) -> set[str]:
    """Of the options that a budget chooses, those that differ from their defaults, and so stay."""
    values = config.plain()
    return {name for name in CHOSEN if values[name] != DEFAULTS[name]}


def chosen_before(config: TrainConfig, recorded: Mapping[str, Any]) -> TrainConfig:
    """The configuration with what was chosen when the run began, but for what is given now."""
    return config.replaced(**{name: recorded[name] for name in CHOSEN if name not in given(config)})


def choose(config: TrainConfig, situation: Situation) -> Budget:
    """What to train in `config.schedule.minutes`; raises `UserError` where they are too few for anything."""
    fitting = _Fitting(config, situation)
    found, minutes = _highest(fitting), fitting.minutes
    if not fitting.wanted and found.possible < FEWEST:
        least = situation.spent + FEWEST * found.pace.iteration + _saving(found.pace, _EVALUATIONS)
        least /= 60 * (PLANNED - _EVALUATION_SHARE)
        raise UserError(
            f"<minutes> {minutes:g}: is too little for {FEWEST} iterations, below which nothing is learned; "
            f"{_rounded_up(least):g} minutes are the least that makes sense here"
        )
    parts = found.evaluations.count or _EVALUATIONS
    iterations = fitting.wanted or _even(min(found.possible, MOST), parts)
    options = _options(iterations, found, parts) | {
        "discriminator_centre": round(situation.mean, 2),
        "discriminator_gain": gain_of(situation.contrast),
    }
    work = iterations * found.pace.iteration + found.evaluations.seconds + _saving(found.pace, parts)
    kept = {name: value for name, value in options.items() if name not in fitting.kept}
    last = 2 * found.pace.snapshot + found.evaluations.seconds / parts
    return Budget(minutes, kept, situation.spent + work, last, found.evaluations.why)


@dataclass(frozen=True)
class _Fitted:
    """A rung, fitted to the images and to what was given."""

    width: int
    batch: int
    pace: Pace
    possible: int
    """Iterations that there is time for."""
    evaluations: Evaluations


class _Fitting:
    """Fits rungs into the time."""

    def __init__(self, config: TrainConfig, situation: Situation) -> None:
        assert config.schedule.minutes is not None
        self.config, self.situation, self.kept = config, situation, given(config)
        self.minutes = config.schedule.minutes
        self.wanted = config.schedule.iterations if "iterations" in self.kept else 0

    def needed(self, rung: Rung) -> int:
        """Iterations that there must be time for on a rung."""
        return self.wanted or rung.fewest

    def on(self, rung: Rung) -> _Fitted:
        """A rung, with what there is time for on it."""
        width = self.config.network.channels if "channels" in self.kept else rung.width
        given_batch = self.config.schedule.batch_size if "batch_size" in self.kept else None
        batch = given_batch or min(rung.batch, self.situation.images)
        pace = self.situation.pace(width, batch)
        evaluations = self._evaluations(pace)
        left = 60 * self.minutes * PLANNED - self.situation.spent - evaluations.seconds
        left -= _saving(pace, evaluations.count or _EVALUATIONS)
        return _Fitted(width, batch, pace, max(0, int(left / pace.iteration)), evaluations)

    def _evaluations(self, pace: Pace) -> Evaluations:
        """As many, and in as many samples, as a tenth of the time has room for."""
        options, images = self.config.evaluation, self.situation.images
        if FID.name not in options.metrics:
            return Evaluations(0, why="fid is not among the metrics")
        names = [options.features] if "evaluate_features" in self.kept else list(FEWEST_IMAGES)
        enough = [name for name in names if images >= FEWEST_IMAGES.get(name, 0)]
        if not enough:
            return Evaluations(0, why=f"{images:,} images are too few to choose by")
        samples = (options.samples,) if "evaluate_samples" in self.kept else _SAMPLES
        asked = bool({"evaluate_every", "evaluate_samples"} & self.kept)
        for count in (_EVALUATIONS, _FEWER):
            for name in enough:
                seconds, size = self.situation.feature(name)
                for n in samples:
                    work = min(images, MOST_REAL) * seconds + count * (n * (pace.sample + seconds) + _DISTANCE)
                    if n >= FID.fewest(size) and (asked or work <= _EVALUATION_SHARE * 60 * self.minutes):
                        return Evaluations(count, name, n, work)
        return Evaluations(0, why="there is no time to evaluate them")


def _highest(fitting: _Fitting) -> _Fitted:
    """Down from the middle of the ladder to the first rung that there is time for; or up, as long as there is."""
    found, at = fitting.on(LADDER[_BEGIN]), _BEGIN
    while at > 0 and found.possible < fitting.needed(LADDER[at]):
        at -= 1
        found = fitting.on(LADDER[at])
    if at < _BEGIN:
        return found
    for rung in LADDER[_BEGIN + 1 :]:
        # measured only where the pace of the rung below, which is faster, would do
        if found.possible < fitting.needed(rung):
            break
        higher = fitting.on(rung)
        if higher.possible < fitting.needed(rung):
            break
        found = higher
    return found


def _saving(pace: Pace, parts: int) -> float:
    """Seconds of all snapshots and of the best ones among them."""
    return 2 * parts * pace.snapshot


def _options(iterations: int, found: _Fitted, parts: int) -> dict[str, Any]:
    """All that is chosen, by flat names."""
    every, step, evaluations = max(1, iterations // parts), step_of(iterations, found.width), found.evaluations
    return {
        "channels": found.width,
        "batch_size": found.batch,
        "iterations": iterations,
        "generator_learning_rate": step,
        "discriminator_learning_rate": step,
        "decay_iterations": iterations // 2,
        "ema_decay": decay_of(iterations),
        "snapshot_interval": every,
        "sample_interval": every,
        "log_interval": max([5, *(n for n in (10, 20, 50, 100) if n <= iterations / 40)]),
        "evaluate_every": every if evaluations.count else 0,
        "evaluate_samples": evaluations.samples,
        "evaluate_features": evaluations.features,
    }


def _even(iterations: int, parts: int) -> int:
    """A few less, in equal parts, each of two or three digits that are not zero."""
    every = max(1, iterations // parts)
    step = 5 * 10 ** (len(str(every)) - 3) if every >= 100 else 1
    return parts * (every // step * step)


def _rounded_up(minutes: float) -> float:
    """To two digits."""
    step = 10.0 ** (math.floor(math.log10(minutes)) - 1)
    return float(f"{math.ceil(minutes / step) * step:.2g}")
