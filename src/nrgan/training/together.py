"""Options that each are fine, but not with each other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from nrgan.data import OWN, SOURCES
from nrgan.data.frozen import check_data_seed
from nrgan.errors import UserError
from nrgan.frames import Mending
from nrgan.layout import same_place
from nrgan.limits import DEFAULT_SIDE
from nrgan.models import LEARNED
from nrgan.networks import find_family
from nrgan.observation import Composition
from nrgan.settings import Setting
from nrgan.training.accumulate import check_accumulate
from nrgan.training.config.groups import (
    AUTO,
    GIVEN,
    EvaluationOptions,
    MachineOptions,
    NetworkOptions,
    ObjectiveOptions,
    OptimiserOptions,
    ScheduleOptions,
)
from nrgan.training.config.table import DEFAULTS
from nrgan.training.lookup import (
    NamesModel,
    NamesSetting,
    composition_of,
    family_name,
    model_of,
    objective_of,
    setting_of,
)


class Options(NamesSetting, NamesModel, Protocol):
    """A configuration; said by what it holds, for it asks this module as it is made."""

    @property
    def model(self) -> str:
        """Of the models' names, `AUTO` or `GIVEN`."""

    @property
    def network(self) -> NetworkOptions: ...
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
    _check_composition(config)
    if (named := config.model not in (AUTO, GIVEN)) and not yet_to_be_composed(config):
        model_of(config, setting)
    if config.objective.objective != GIVEN:
        objective_of(config.objective)
    if (name := family_name(config.network)) != GIVEN:
        family = find_family(name)
        if config.data.image_size is not None:
            family.check(config.data.image_size)
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
    in_pairs = not named or config.model == LEARNED or model_of(config, setting).compares_pairs
    check_accumulate(schedule, in_pairs and bool(config.observation.diversity_weight))
    if config.evaluation.every and "fid" not in config.evaluation.metrics:
        raise UserError("<evaluate_metrics>: must hold fid, by which the best snapshot is chosen")


def yet_to_be_composed(config: NamesModel) -> bool:
    """Whether it says nothing of what `learned` is composed of: the run that goes on does."""
    return config.model == LEARNED and not composition_of(config.observation).said


def _check_composition(config: NamesModel) -> None:
    """Refuses to compose what has a name of its own."""
    values = config.observation.model_dump()
    for name in asdict(Composition()):
        if config.model != LEARNED and values[name] != DEFAULTS[name]:
            raise UserError(
                f"<{name}> {values[name]}: is for the model {LEARNED}, and {config.model} is what its name says; "
                f"leave it out, or train {LEARNED}"
            )


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
