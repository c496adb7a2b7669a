"""Options that each are fine, but not with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from nrgan.data import OWN, SOURCES
from nrgan.data.frozen import check_data_seed
from nrgan.errors import UserError
from nrgan.frames import Mending
from nrgan.layout import same_place
from nrgan.limits import DEFAULT_SIDE
from nrgan.models import find_model
from nrgan.networks import find_family
from nrgan.settings import Setting
from nrgan.training.accumulate import check_accumulate
from nrgan.training.config.groups import (
    AUTO,
    GIVEN,
    EvaluationOptions,
    MachineOptions,
    NetworkOptions,
    ObjectiveOptions,
    ObservationOptions,
    OptimiserOptions,
    ScheduleOptions,
)
from nrgan.training.config.table import DEFAULTS
from nrgan.training.lookup import NamesSetting, objective_of, setting_of


class Options(NamesSetting, Protocol):
    """A configuration; said by what it holds, for it asks this module as it is made."""

    @property
    def model(self) -> str:
        """Of the models' names, `AUTO` or `GIVEN`."""

    @property
    def network(self) -> NetworkOptions: ...
    @property
    def observation(self) -> ObservationOptions: ...
    @property
    def out(self) -> Path: ...
    @property
    def objective(self) -> ObjectiveOptions: ...
    @property
    def optimiser(self) -> OptimiserOptions: ...
    @property
    def schedule(self) -> ScheduleOptions: ...
    @property
    def evaluation(self) -> EvaluationOptions: ...
    @property
    def machine(self) -> MachineOptions: ...
    def plain(self) -> dict[str, Any]: ...


def check_together(config: Options) -> None:
    """Raises `UserError` for options that do not go together, as far as can be told without reading images."""
    setting = setting_of(config)
    if config.model == AUTO and setting.source != OWN:
        raise UserError(f"<model> {AUTO}: is for images of your own; {setting.name} is a setting, name a model")
    if config.model not in (AUTO, GIVEN):
        find_model(config.model, setting)
    if config.objective.objective != GIVEN:
        objective_of(config.objective)
    if (size := config.data.image_size) is not None and config.network.network != GIVEN:
        find_family(config.network.network).check(size)
    elif config.network.network != GIVEN:
        find_family(config.network.network)
    if setting.source == OWN:
        Mending.of(config.data.mend)
        if config.machine.data_root is not None:
            raise UserError("<data_root>: your own images are named by their path; leave it out")
        if same_place(config.out, Path(config.setting)):
            raise UserError(f"<out> {config.out}: is the folder of the images, which stays as it is; choose another")
    else:
        _check_setting(config, setting)
    schedule, decaying = config.schedule, config.optimiser.decay_iterations
    if decaying > schedule.iterations:
        raise UserError(f"<decay_iterations> {decaying}: more than the {schedule.iterations} iterations of the run")
    # a model that is yet to be chosen may be any
    in_pairs = config.model in (AUTO, GIVEN) or find_model(config.model, setting).compares_pairs
    check_accumulate(schedule, in_pairs and bool(config.observation.diversity_weight))
    if config.evaluation.every and "fid" not in config.evaluation.metrics:
        raise UserError("<evaluate_metrics>: must hold fid, by which the best snapshot is chosen")


def _check_setting(config: Options, setting: Setting) -> None:
    """Refuses what does not go with a named setting."""
    values = config.plain()
    for name in ("fit", "value_range", "skip_corrupt", "axes", "frames", "image_channels", "mend", "dark", "flat"):
        if values[name] not in (DEFAULTS[name], "crop" if name == "fit" else None):
            raise UserError(f"<{name}>: is for images of your own, and {setting.name} is a setting")
    size, source = config.data.image_size or DEFAULT_SIDE, SOURCES[setting.source]
    source.check(size, config.machine.data_root)
    setting.corruption.check_fits(size, size)
    check_data_seed(config.data.data_seed, source.default_count)
    check_count(config, source.default_count)


def check_count(config: Options, count: int) -> None:
    """Raises `UserError` where so many images do not make a batch."""
    if config.schedule.batch_size > count:
        raise UserError(
            f"<batch_size> {config.schedule.batch_size}: more than the {count:,} images of {config.setting}"
        )
