"""How large a network, and how many steps, for images of a size and so many minutes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from nrgan.denoising.config import DenoiserConfig
from nrgan.denoising.material import Material
from nrgan.denoising.methods import METHODS, Examples
from nrgan.denoising.state import DenoiserState, new_state
from nrgan.denoising.uncertainty import Judged, known, probed
from nrgan.errors import UserError
from nrgan.networks.unet import UNetSizes

PLANNED = 0.9
"""Share of the time that is planned for: a machine that slows down a little still comes to the end."""
FEWEST, ENOUGH, MOST = 100, 4_000, 20_000
"""Steps below which nothing is learned, from which on a larger network is worth its time, and after which little is
gained."""
_WIDTHS = (32, 24, 16)
_SIDES = (96, 64)
"""Of the squares that large images are cut into."""
_PIXELS = 16_384
"""Of a step, about: many small steps learn more in the same time than fewer large ones."""
_BATCHES = (2, 64)
_STAGES = ((3, 2), (2, 2), (2, 1), (1, 2), (1, 1))
"""Stages and blocks of networks, the largest first: radii of 45, 19, 11, 6 and 4 pixels."""
_TIMED = 3
_UNTIMED = 1


@dataclass(frozen=True)
class DenoiserPlan:
    """What is trained, resolved."""

    side: int
    """Of the squares in pixels."""
    sizes: UNetSizes
    batch_size: int
    iterations: int
    seconds: float
    """Of one step, measured; 0 where it was not."""


def sizes_for(side: int, channels: int, width: int) -> UNetSizes:
    """The largest network whose radius is at most half the side of the images that it is trained on."""
    sizes = [UNetSizes(channels, width, stages, blocks) for stages, blocks in _STAGES]
    return next((each for each in sizes if 2 * each.radius <= side), sizes[-1])


def batch_for(side: int, count: int) -> int:
    """About as many pixels in a step, whatever the side; no more squares than there are."""
    return max(1, min(max(_PIXELS // side**2, _BATCHES[0]), _BATCHES[1], count))


def plan_for(
    config: DenoiserConfig,
    material: Material,
    device: torch.device,
    dtype: torch.dtype,
    spent: Callable[[], float],
) -> DenoiserPlan:
    """Sides and widths are tried from the largest, until the minutes have room for enough steps.

    spent: seconds that are over. Raises `UserError` where there is time for next to nothing.
    """
    options = config.training
    widths = (options.width,) if options.width is not None else _WIDTHS
    sides = [side for side in _SIDES if side in material.sides] or [material.data.image_size]
    rungs = [(side, widths[0]) for side in sides[:-1]] + [(sides[-1], width) for width in widths]
    for side, width in rungs:
        cut = material.cut(side)
        plan = _at(config, cut, width)
        if options.minutes is None:
            return plan
        each = _seconds_of_step(config, cut, plan, device, dtype)
        steps = int((60 * options.minutes * PLANNED - spent()) / each)
        if steps >= min(ENOUGH, options.iterations or ENOUGH):
            break
    if options.iterations is None and steps < FEWEST:
        raise UserError(
            f"<minutes> {options.minutes:g}: leave time for {max(steps, 0)} steps of {each:.2g} s, and {FEWEST} are "
            "the fewest; give more"
        )
    return replace(plan, iterations=options.iterations or min(steps, MOST), seconds=each)


def _at(config: DenoiserConfig, material: Material, width: int) -> DenoiserPlan:
    """With enough steps, where no minutes say how many."""
    options, data = config.training, material.trained_on
    batch = options.batch_size or batch_for(data.image_size, len(data))
    if batch > len(data):
        raise UserError(f"<batch_size> {batch}: there are {len(data)} images to train on; take fewer")
    sizes = sizes_for(data.image_size, data.channels, width)
    return DenoiserPlan(data.image_size, sizes, batch, options.iterations or ENOUGH, 0.0)


def _seconds_of_step(
    config: DenoiserConfig, material: Material, plan: DenoiserPlan, device: torch.device, dtype: torch.dtype
) -> float:
    """The median of a few, on a state that is thrown away."""
    options = config.training
    state = new_state(plan.sizes, 0, _TIMED + _UNTIMED, device, dtype, material.learns_errors)
    places = material.data.evenly(plan.batch_size)
    noisy = torch.from_numpy(np.ascontiguousarray(material.data.noisy(places))).to(device)
    rows = torch.from_numpy(places).to(device)
    taken = []
    for _ in range(_TIMED + _UNTIMED):
        begun = time.monotonic()
        step(state, material, noisy, rows, options.learning_rate)
        state.losses.means()  # waits for the device
        taken.append(time.monotonic() - begun)
    return statistics.median(taken[_UNTIMED:])


def step(state: DenoiserState, material: Material, noisy: torch.Tensor, rows: torch.Tensor, rate: float) -> None:
    """One step of training on the noisy images of these places, (B, C, H, W) in unit range."""
    noisy = _turned(noisy.contiguous(memory_format=torch.channels_last), state.place.seed, state.iteration)
    examples = material.examples(noisy, rows)
    pair = METHODS[material.method].pair(state.guess, examples, state.rng)
    state.updated(pair, rate, None if state.networks.error is None else _judged(state, examples))


def _judged(state: DenoiserState, examples: Examples) -> Judged:
    """Of the images themselves, where the law of their noise is known; else of generated ones."""
    if examples.law is not None:
        return probed(state.guess, examples.noisy, examples.law, state.rng)
    assert examples.generated is not None, "see `open_material`"
    return known(state.guess, *examples.generated(len(examples.noisy), state.rng))


def _turned(noisy: torch.Tensor, seed: int, step: int) -> torch.Tensor:
    """Mirrored along either axis or not, by chance: noise laws here do not change by it, and scenes are few.

    The chance is drawn on the host, by the seed and the step alone: nothing waits for the device.
    """
    chance = np.random.Generator(np.random.Philox(key=[seed, step])).integers(0, 2, 2)
    axes = [axis for axis, chosen in zip((2, 3), chance, strict=True) if chosen]
    return noisy.flip(axes) if axes else noisy
