"""From the names in a configuration to the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from nrgan.corruptions import Corruption, Sensor
from nrgan.data import OWN
from nrgan.errors import UserError
from nrgan.objectives import Objective, find_objective
from nrgan.settings import Setting, find_setting
from nrgan.training.config.groups import DataOptions, ObjectiveOptions


class NamesSetting(Protocol):
    """What says which images: a configuration."""

    @property
    def setting(self) -> str:
        """A setting's name, or a path."""

    @property
    def data(self) -> DataOptions:
        """How the images are read."""


def setting_of(config: NamesSetting, corruption: Corruption | None = None) -> Setting:
    """The setting of a configuration, with its sensor; `corruption` in the place of its own. Raises `UserError`."""
    found = find_setting(config.setting, config.data.corrupt, config.data.noise)
    setting = replace(found, sensor=Sensor(config.data.clip))
    if corruption is None:
        return setting
    for name, given in (("corrupt", config.data.corrupt), ("noise", config.data.noise)):
        if setting.source == OWN and given is not None:
            raise UserError(f"{name}: give a name or an object, not both")
    return replace(setting, corruption=corruption)


def objective_of(options: ObjectiveOptions) -> Objective:
    """The objective of a name with its weights; raises `UserError`."""
    kind = find_objective(options.objective)
    takes = kind.__dataclass_fields__
    given: dict[str, Any] = {"r1_weight": options.r1_weight, "penalty_gradient": options.penalty_gradient}
    return kind(**{name: value for name, value in given.items() if name in takes})
