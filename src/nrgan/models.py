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


def find_model(name: str, setting: Setting) -> Model:
    """The model of a name, fit for the setting; raises `UserError` otherwise."""
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    MODELS[name].check(name, setting)
    return MODELS[name]
