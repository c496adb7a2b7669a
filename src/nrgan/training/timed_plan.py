"""A plan for so many minutes: the machine is measured for some seconds, and the options chosen (see `budget`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from nrgan.data import OwnData, TrainingData
from nrgan.evaluation.features import extract, load_features
from nrgan.memory import is_out_of_memory
from nrgan.networks import FOR_BLURRED
from nrgan.networks.sampling import CHUNK
from nrgan.ranges import signed_from_unit
from nrgan.ranks import here
from nrgan.runs import TrainedModel
from nrgan.training.budget import PLANNED, TILES, Budget, Pace, Situation, choose
from nrgan.training.config import AUTO, TrainConfig
from nrgan.training.duration import seconds_in_a_row
from nrgan.training.metadata import metadata_of
from nrgan.training.plan import Plan, resolve
from nrgan.training.rates import SHARP, sharpness
from nrgan.training.state import TrainState, new_state
from nrgan.training.together import check_count

_SHARE, _SHARE_OF_CHOSEN = 0.002, 0.02
"""Of the minutes, that measuring takes: a rung on the way, and the one that is chosen."""
_LONGEST = 10.0
"""Seconds of either."""
_WRITTEN = 200e6
"""Bytes of a snapshot that are copied, checked, summed and written in a second."""
_OUT_OF_REACH = 1e9
_FEWEST_PIXELS = 32
"""Side of tiles that are not cut into smaller ones."""
_LOOKED_AT = 200
"""Images whose contrast is measured."""
_PICTURES = 0.3
"""Seconds of a snapshot's pictures, beside generating them."""


def fitting(
    config: TrainConfig, plan: Plan, data: TrainingData, device: torch.device, dtype: torch.dtype
) -> tuple[Plan, TrainingData]:
    """The plan and the images, with the networks and the tiles that suit them where minutes are to choose.

    config: as it was given.
    """
    if config.schedule.minutes is None:
        return plan, data
    return with_fitting_tiles(config, with_fitting_network(config, plan, data), data, device, dtype)


def with_fitting_network(config: TrainConfig, plan: Plan, data: TrainingData) -> Plan:
    """The plan with the networks that suit images of one's own, where none are given. config: as it was given.

    A generator that makes no squares, where the images are not sharp to the pixel: then nothing in them hides squares
    (docs/your-images.md, 7). CIFAR-10's, which are, were drawn better by the published networks (section 6).
    """
    if config.network.network != AUTO or plan.objects.network is not None or not isinstance(data, OwnData):
        return plan
    if sharpness(data.noisy(data.glance(_LOOKED_AT)).clip(0, 1)) >= SHARP:
        return plan
    return resolve(plan.config.replaced(network=FOR_BLURRED), plan.image, plan.objects)


def with_fitting_tiles(
    config: TrainConfig, plan: Plan, data: TrainingData, device: torch.device, dtype: torch.dtype
) -> tuple[Plan, TrainingData]:
    """The plan and the images, cut into smaller tiles where the side is free and the minutes are too few for it.

    config: as it was given. Measures the machine where that could be.
    """
    minutes, smaller = config.schedule.minutes, data.image_size // 2
    assert minutes is not None
    if config.data.image_size is not None or smaller < _FEWEST_PIXELS:
        return plan, data
    if not isinstance(data, OwnData) or data.choice.fit != "tiles":
        return plan, data
    pace = _pace(smallest(plan), device, dtype, _seconds(minutes, _SHARE))
    if 60 * minutes * PLANNED >= TILES.fewest * pace.iteration:
        return plan, data
    data = data.cut(smaller)
    return resolve(plan.config.replaced(image_size=smaller), data.spec, plan.objects), data


def smallest(plan: Plan) -> Plan:
    """The plan with the width and the batch that short runs have."""
    return _at(plan, TILES.width, TILES.batch)


def timed_plan(
    plan: Plan, data: TrainingData, device: torch.device, dtype: torch.dtype, spent: Callable[[], float]
) -> tuple[Plan, Budget]:
    """The plan for the configuration's minutes, of which `spent()` seconds are over. It measures on states of its own.

    Raises `UserError` where the minutes are too few, or the images too few for a batch that was given.
    """
    minutes = plan.config.schedule.minutes
    assert minutes is not None
    paces: dict[tuple[int, int], Pace] = {}

    def measured(width: int, batch: int, share: float) -> Pace:
        return _pace(_at(plan, width, batch), device, dtype, _seconds(minutes, share))

    def pace(width: int, batch: int) -> Pace:
        if (width, batch) not in paces:
            paces[width, batch] = measured(width, batch, _SHARE)
        return paces[width, batch]

    @cache
    def feature(name: str) -> tuple[float, int]:
        return _seconds_of_features(name, plan, device)

    seen = signed_from_unit(data.noisy(data.glance(_LOOKED_AT)).clip(0, 1))  # as training sees them
    situation = Situation(len(data), spent(), pace, feature, float(seen.mean()), float(seen.std(axis=(1, 2, 3)).mean()))
    first = replace(plan, config=plan.config.replaced(**choose(plan.config, situation).options)).config
    chosen = first.network.channels, first.schedule.batch_size
    again = measured(*chosen, _SHARE_OF_CHOSEN)  # for longer: all hangs on it
    paces[chosen] = min(again, paces[chosen], key=lambda pace: pace.iteration)
    budget = choose(plan.config, replace(situation, spent=spent()))
    config = plan.config.replaced(**budget.options)
    check_count(config, len(data))
    return resolve(config, plan.image, plan.objects), budget


def _seconds(minutes: float, share: float) -> float:
    """That measuring may take."""
    return min(_LONGEST, 60 * minutes * share)


def _at(plan: Plan, width: int, batch: int) -> Plan:
    config = plan.config.replaced(channels=width, batch_size=batch)
    return resolve(config, plan.image, plan.objects)


def _pace(plan: Plan, device: torch.device, dtype: torch.dtype, seconds: float) -> Pace:
    """Of a plan, on random images, of this rank's share; out of reach where it does not fit in the memory."""
    try:
        state = new_state(plan, device, compute_dtype=dtype, ranks=replace(here(), apart=True))
        each = seconds_in_a_row(state, plan, seconds)
        sample = _seconds_of_samples(state, plan)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return Pace(_OUT_OF_REACH, _OUT_OF_REACH, 0.0)
    size = sum(value.nbytes for value in state.tensors().values())
    return Pace(each, sample, size / _WRITTEN + _PICTURES + CHUNK * sample)


def _seconds_of_samples(state: TrainState, plan: Plan) -> float:
    """Of an image, generated and observed as evaluations do; the faster of two chunks, the first of which warms up."""
    model = TrainedModel(state.averaged, metadata_of(plan, 0), plan.setting, plan.config.out)
    observed = plan.config.evaluation.against == "observed"
    return min(_timed(lambda: list(model.images(0, CHUNK, observed))) for _ in range(2)) / CHUNK


def _seconds_of_features(name: str, plan: Plan, device: torch.device) -> tuple[float, int]:
    """Of an image, and how many features there are. Raises `UserError` where they cannot be had."""
    image, cache_dir = plan.image, plan.config.machine.cache_dir
    extractor = load_features(name, image.size, cache_dir, channels=image.channels).to(device)
    rng = np.random.Generator(np.random.Philox(key=0))
    images = rng.integers(0, 256, (CHUNK, image.size, image.size, image.channels), np.uint8)
    seconds = min(_timed(lambda: extract(extractor, images, CHUNK, device)) for _ in range(2))
    return seconds / CHUNK, extractor.num_features


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
