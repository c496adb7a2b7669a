"""What a denoiser is trained on, opened and understood: the images, their noise, the run that generates more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrgan.corruptions import Fitted, Sensor, from_plain, to_plain
from nrgan.data import DataChoice, Images, Indices, NoisyImages, OwnData, TrainingData, open_data
from nrgan.denoising.config import AUTO, REAL_SHARE, DenoiserConfig
from nrgan.denoising.generated import GeneratedPairs
from nrgan.denoising.judging import NoiseTraits
from nrgan.denoising.methods import METHODS, Examples
from nrgan.denoising.rules import RULES, rule_for
from nrgan.diagnosis import diagnosed
from nrgan.errors import UserError, first_line, unknown
from nrgan.layout import RUN, is_snapshot
from nrgan.limits import SMALLEST_SIDE
from nrgan.noise_file import in_range, read_noise
from nrgan.progress import Preparing
from nrgan.ranges import signed_from_unit, unit_from_signed, unit_from_stored
from nrgan.runs import TrainedModel
from nrgan.settings import find_setting
from nrgan.training.plan import choice_of

_LOOKED_AT = 64
"""Images at whose signals it is told whether noise is about Gaussian."""
_HELD, _MOST_HELD, _FEWEST = 20, 512, 40
"""One image in so many is held out, so many at most; none of fewer."""


@dataclass(frozen=True)
class NoiseFound:
    """The noise that a denoiser is trained for."""

    law: Fitted | None
    """Unit range; None where no law here has it."""
    level_error: float | None
    """Relative; None where the law was told."""
    certain: bool
    doubts: tuple[str, ...]

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> NoiseFound:
        """The inverse of `plain`; raises `KeyError`, `TypeError` or `UserError` for anything else."""
        law = None if plain["law"] is None else from_plain(plain["law"])
        if not isinstance(law, Fitted | None):
            raise TypeError(f"{type(law).__name__} is no law that is fitted")
        return cls(law, plain["level_error"], bool(plain["certain"]), tuple(plain["doubts"]))

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        law = None if self.law is None else to_plain(self.law)
        return {"law": law, "level_error": self.level_error, "certain": self.certain, "doubts": list(self.doubts)}


@dataclass(frozen=True)
class Material:
    """Images, noise, and generator."""

    data: TrainingData
    noise: NoiseFound
    method: str
    rule: str
    """A name of `RULES`, or "" where the method re-noises nothing."""
    generated: GeneratedPairs | None
    real_share: float = REAL_SHARE
    """Of the pairs of `mix`, what is re-noised."""
    free_side: bool = False
    """Whether the side of squares is left to the time that there is."""
    uncertainty: bool = False
    """Whether expected errors are asked for."""
    errors_untold: str | None = None
    """Why they cannot be told; None where they can."""

    @property
    def learns_errors(self) -> bool:
        """Whether the expected errors are learned along."""
        return self.uncertainty and self.errors_untold is None

    @property
    def held_out(self) -> Indices:
        """Places of the images that training does not see; empty of few."""
        return held_out(len(self.data))

    @property
    def trained_on(self) -> TrainingData:
        """All images but those that are held out."""
        return _First(self.data, len(self.data) - len(self.held_out))

    @property
    def sides(self) -> range:
        """Sides of squares that the images can be cut into."""
        data = self.data
        if not (isinstance(data, OwnData) and data.choice.fit == "tiles" and self.free_side):
            return range(data.image_size, data.image_size + 1)
        return range(SMALLEST_SIDE, int(data.patches.frames.sizes.min()) + 1)

    def cut(self, side: int) -> Material:
        """The same in squares of another side."""
        if side == self.data.image_size:
            return self
        assert isinstance(self.data, OwnData), "see `sides`"
        return replace(self, data=self.data.cut(side))

    def examples(self, noisy: Tensor, rows: Tensor) -> Examples:
        """What a step may use, for the noisy images of these places."""
        clean: Tensor | None = None
        corrupted: Callable[[Tensor, torch.Generator], Tensor] | None = None
        if "clean" in METHODS[self.method].needs:
            unit = unit_from_stored(self.data.clean(rows.cpu().numpy())).astype(np.float32)
            clean = torch.from_numpy(np.ascontiguousarray(unit.transpose(0, 3, 1, 2))).to(noisy.device)
            corrupted = self._corrupted
        return Examples(noisy, self.noise.law, self.rule, clean, corrupted, self.generated, self.real_share)

    def _corrupted(self, x: Tensor, rng: torch.Generator) -> Tensor:
        choice = self.data.choice
        return unit_from_signed(choice.sensor(signed_from_unit(choice.corruption.simulate(x, rng))))


class _First(TrainingData):
    """The first images of a set."""

    def __init__(self, data: TrainingData, count: int) -> None:
        self._data, self._count = data, count
        self.choice, self.image_size, self.channels = data.choice, data.image_size, data.channels
        self.key, self.value_range, self.has_clean = data.key, data.value_range, data.has_clean

    def __len__(self) -> int:
        return self._count

    def noisy(self, indices: Indices) -> NoisyImages:
        return self._data.noisy(indices)

    def clean(self, indices: Indices) -> Images:
        return self._data.clean(indices)

    def all_noisy(self, preparing: Preparing | None = None) -> NoisyImages:
        return self._data.all_noisy(preparing)[: self._count]

    def verify(self, indices: Indices) -> None:
        self._data.verify(indices)


def held_out(count: int) -> Indices:
    """Places of the images that training does not see, of so many."""
    held = min(max(count // _HELD, 1), _MOST_HELD) if count >= _FEWEST else 0
    return np.arange(count - held, count)


def unseen(data: TrainingData, count: int) -> Indices:
    """Places of so many images that training does not see, evenly spread; of few images, some that it saw."""
    held = held_out(len(data))
    if not len(held):
        return data.evenly(count)
    return held[np.linspace(0, len(held) - 1, min(count, len(held))).astype(int)]


def open_material(
    config: DenoiserConfig,
    preparing: Preparing | None = None,
    keep_bytes: int = 0,
    before: NoiseFound | None = None,
    opened: TrainingData | None = None,
) -> Material:
    """Opens what the configuration names. Raises `UserError` where that cannot be, or gives no method.

    before: the noise that a training which goes on was begun with. opened: its images, where they are open already.
    """
    model = _run_of(config)
    data = opened or open_images(config, model, preparing, keep_bytes)
    noise = before or noise_of(config, data)
    method = _method(config, noise, model, data)
    rule = ""
    if method in ("renoise", "mix"):
        assert noise.law is not None
        rule = _rule(config, noise.law)
    generates = model is not None and "generated" in METHODS[method].needs
    untold = _errors_untold(noise, data, generates) if config.training.uncertainty else None
    pairs = GeneratedPairs(model, noise.law) if model is not None and generates else None
    free_side = config.data.image_size is None and model is None
    options = config.training
    return Material(data, noise, method, rule, pairs, options.real_share, free_side, options.uncertainty, untold)


def _errors_untold(noise: NoiseFound, data: TrainingData, generates: bool) -> str | None:
    """Why nothing tells the error of a value without its clean image; None where something does."""
    if noise.law is None:
        return None if generates else "no law of the noise is known"
    some = torch.from_numpy(np.ascontiguousarray(data.noisy(data.evenly(_LOOKED_AT))))
    nearly_gaussian = NoiseTraits.of(noise.law, some).nearly_gaussian
    return None if nearly_gaussian else "the noise is far from Gaussian, of which errors are not told value by value"


def _run_of(config: DenoiserConfig) -> TrainedModel | None:
    path = Path(config.images)
    is_run = (path / RUN).is_file() or is_snapshot(path)
    return TrainedModel.load(path) if is_run else None


def open_images(
    config: DenoiserConfig,
    model: TrainedModel | None = None,
    preparing: Preparing | None = None,
    keep_bytes: int = 0,
) -> TrainingData:
    """The images that the configuration names, or those of the run."""
    choice = images_of(config) if model is None else model.about.data(model.image_size)
    machine = config.machine
    return open_data(choice, machine.data_root, machine.cache_dir, preparing, model is None, keep_bytes)


def images_of(config: DenoiserConfig) -> DataChoice:
    """Which images are meant, where they are no run's."""
    setting = find_setting(config.images, config.data.corrupt)
    return choice_of(config.images, replace(setting, sensor=Sensor(config.data.clip)), config.data)


def noise_of(config: DenoiserConfig, data: TrainingData) -> NoiseFound:
    """The noise as it is told, or else as it is diagnosed."""
    if config.data.noise is not None:
        law = in_range(read_noise(config.data.noise), data.value_range, data.channels)
        return NoiseFound(law, None, True, ())
    if data.corruption.already and isinstance(data.corruption.law, Fitted):  # a run that was told
        return NoiseFound(data.corruption.law, None, True, ())
    try:
        found, advice = diagnosed(data)
    except UserError as error:  # too few images, or nearly all black
        return NoiseFound(None, None, False, (first_line(error),))
    certain = found.certain or advice.certain_once_mended
    return NoiseFound(advice.law, found.error / max(found.level, 1e-9), certain, tuple(found.unknowns))


def _method(config: DenoiserConfig, noise: NoiseFound, model: TrainedModel | None, data: TrainingData) -> str:
    """The name of the method; raises `UserError` for one that lacks what it needs."""
    name = config.training.method
    if name == AUTO:
        name = ("mix" if model is not None else "renoise") if noise.law is not None else "gn2gc"
        if name == "gn2gc" and model is None:
            doubts = f" ({'; '.join(noise.doubts)})" if noise.doubts else ""
            raise NoLaw(
                f"{config.images}: no law here has its noise{doubts}, and without one a denoiser is trained on images "
                f"of a generator: nrgan train {quote(config.images)} auto RUN --minutes 20, then nrgan train-denoiser "
                f"RUN {quote(str(config.out))}"
            )
    if name not in METHODS:
        raise unknown("method", name, (n for n, method in METHODS.items() if method.for_users), listed=False)
    needs = METHODS[name].needs
    if "clean" in needs and not data.has_clean:
        raise UserError(f"<method> {name}: needs clean images, which {config.images} has not")
    if "law" in needs and noise.law is None:
        raise UserError(f"<method> {name}: no law here has the noise of {config.images}; tell it (<noise>)")
    if "generated" in needs and model is None:
        raise UserError(f"<method> {name}: needs a run's generator; give the run in the place of the images")
    return name


class NoLaw(UserError):
    """The noise has no law here, and nothing else is there to learn from."""


def _rule(config: DenoiserConfig, law: Fitted) -> str:
    name = config.training.rule
    if name == AUTO:
        return rule_for(law)
    if name not in RULES:
        raise unknown("rule", name, RULES, listed=False)
    if not RULES[name].fits(law):
        raise UserError(f"<rule> {name}: is not right for this noise; {rule_for(law)} is")
    return name
