"""The seven published models, as seven rows, and those that are composed: a model is a choice of observation."""

from __future__ import annotations

from collections.abc import Mapping

from nrgan.errors import UserError, unknown
from nrgan.observation import (
    OF_THE_CORRUPTION,
    Clean,
    Composition,
    Known,
    Learned,
    Model,
    constant,
    invert_channels,
    permute_channels,
    rotate_quarter_turns,
)
from nrgan.plugins import find_row, with_plugins
from nrgan.settings import Setting

MODELS: dict[str, Model] = {
    "gan": Clean(knowledge="nothing; the baseline, which learns to copy the noise"),
    "ambientgan": Known(knowledge="the noise: type, amount, relation to the signal"),
    "sinrgan1": Learned(prior=constant, knowledge="it is Gaussian and does not depend on the signal"),
    "sinrgan2": Learned(
        invariances=(rotate_quarter_turns, permute_channels, invert_channels),
        knowledge="turned, with channels swapped or inverted, it looks alike",
    ),
    "sdnrgan1": Learned(prior=OF_THE_CORRUPTION, knowledge="its type, and how it depends on the signal"),
    "sdnrgan2": Learned(
        prior=constant, implicit=True, knowledge="it is Gaussian; how it depends on the signal is learned"
    ),
    "sdnrgan3": Learned(invariances=(invert_channels,), implicit=True, knowledge="it is as often positive as negative"),
}
LEARNED = "learned"
"""The name of what is composed of a prior and invariances."""
FOR_TOLD_NOISE = "ambientgan"
"""The row that uses what is told of the noise."""
_GROUP = "nrgan.models"


def find_model(name: str, setting: Setting, composition: Composition | None = None) -> Model:
    """The model of a name, fit for the setting; `composition` is what `LEARNED` is. Raises `UserError` otherwise."""
    if name == LEARNED:
        return (composition or Composition()).model()
    model = find_row(_GROUP, MODELS, name, _is_model)
    if model is None:
        raise unknown("model", name, [*all_models(), LEARNED])
    check_fits(name, model, setting)
    return model


def check_fits(name: str, model: Model, setting: Setting) -> None:
    """Raises `UserError`, with the models that do, where a model (called `name`) cannot be trained on a setting."""
    if (reason := model.unfit(setting)) is not None:
        fitting = [other for other, row in all_models().items() if row.unfit(setting) is None]
        raise UserError(f"{name} {reason}; use {name} with another, or {setting.name} with {', '.join(fitting)}")


def all_models() -> Mapping[str, Model]:
    """Our rows, and those of installed packages."""
    return with_plugins(_GROUP, MODELS, _is_model)


def _is_model(row: object) -> bool:
    return isinstance(row, Model)
