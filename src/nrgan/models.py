"""The seven models, as seven rows: a model is a choice of observation."""

from __future__ import annotations

from nrgan.errors import unknown
from nrgan.observation import (
    OF_THE_CORRUPTION,
    Clean,
    Known,
    Learned,
    Model,
    constant,
    invert_channels,
    permute_channels,
    rotate_quarter_turns,
)
from nrgan.settings import Setting

MODELS: dict[str, Model] = {
    "gan": Clean(),
    "ambientgan": Known(),
    "sinrgan1": Learned(prior=constant),
    "sinrgan2": Learned(invariances=(rotate_quarter_turns, permute_channels, invert_channels)),
    "sdnrgan1": Learned(prior=OF_THE_CORRUPTION),
    "sdnrgan2": Learned(prior=constant, implicit=True),
    "sdnrgan3": Learned(invariances=(invert_channels,), implicit=True),
}

KNOWLEDGE: dict[str, str] = {
    "gan": "nothing; the baseline, which learns to copy the noise",
    "ambientgan": "the noise: type, amount, relation to the signal",
    "sinrgan1": "it is Gaussian and does not depend on the signal",
    "sinrgan2": "turned, with channels swapped or inverted, it looks alike",
    "sdnrgan1": "its type, and how it depends on the signal",
    "sdnrgan2": "it is Gaussian; how it depends on the signal is learned",
    "sdnrgan3": "it is as often positive as negative",
}
"""What must be known of the noise to use a model."""


def find_model(name: str, setting: Setting) -> Model:
    """The model of a name, fit for the setting; raises `UserError` otherwise."""
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    MODELS[name].check(name, setting)
    return MODELS[name]
