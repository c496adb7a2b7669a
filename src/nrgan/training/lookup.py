"""From the names in a configuration to the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from nrgan.corruptions import Corruption, Sensor
from nrgan.data import OWN
from nrgan.errors import UserError
from nrgan.models import find_model
from nrgan.networks import PUBLISHED
from nrgan.objectives import Objective, find_objective
from nrgan.observation import Composition, Model
from nrgan.settings import Setting, find_setting
from nrgan.training.config.groups import AUTO, DataOptions, NetworkOptions, ObjectiveOptions, ObservationOptions


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


class NamesModel(Protocol):
    """What says which model, and what it is composed of: a configuration."""

    @property
    def model(self) -> str:
        """A model's name."""

    @property
    def observation(self) -> ObservationOptions:
        """How generated images are observed."""


def composition_of(options: ObservationOptions) -> Composition:
    """What the options compose."""
    return Composition(options.prior, options.invariances, options.implicit)


def model_of(config: NamesModel, setting: Setting) -> Model:
    """The model of a configuration that names one, fit for the setting; raises `UserError`."""
    return find_model(config.model, setting, composition_of(config.observation))


def objective_of(options: ObjectiveOptions) -> Objective:
    """The objective of a name with its weights; raises `UserError`."""
    kind = find_objective(options.objective)
    takes = kind.__dataclass_fields__
    given: dict[str, Any] = {"r1_weight": options.r1_weight, "penalty_gradient": options.penalty_gradient}
    return kind(**{name: value for name, value in given.items() if name in takes})


def family_name(options: NetworkOptions) -> str:
    """The family that is named; the published one where none is."""
    return PUBLISHED if options.network == AUTO else options.network
