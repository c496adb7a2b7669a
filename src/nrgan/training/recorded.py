"""What a run that goes on takes from its record: what its images decided when it began, and its minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nrgan.frames import ValueRange
from nrgan.models import LEARNED
from nrgan.noise_file import MeasuredNoise, in_range, read_noise
from nrgan.observation import Composition
from nrgan.settings import named_setting
from nrgan.training.budget import chosen_before
from nrgan.training.config import AUTO, TrainConfig
from nrgan.training.lookup import family_name
from nrgan.training.together import yet_to_be_composed


def as_recorded(config: TrainConfig, recorded: Mapping[str, Any]) -> TrainConfig:
    """The configuration, in which what is left to the images, or to the minutes, is what the run recorded of it.

    recorded: the options with which it began (`runs.read_config`). What is given now stays, also where it differs.
    """
    config = _composed(config, recorded)
    if config.schedule.minutes is not None:
        config = chosen_before(config, recorded)
    found: dict[str, Any] = {}
    if config.model == AUTO:
        found["model"] = recorded["model"]
    if config.network.network == AUTO:
        timed = config.schedule.minutes is not None
        found["network"] = recorded["network"] if timed else family_name(config.network)
    if named_setting(config.setting) is None:
        if config.data.fit == "auto":
            found["fit"] = recorded["fit"]
        if config.data.image_size is None:
            found["image_size"] = recorded["image_size"]
    return config.replaced(**found)


def _composed(config: TrainConfig, recorded: Mapping[str, Any]) -> TrainConfig:
    """With the noise, or the prior and the invariances, of the run that goes on, where they are left to it."""
    if config.model == AUTO and config.data.noise is None and recorded.get("noise") is not None:
        return config.replaced(model=recorded["model"], noise=recorded["noise"])
    if recorded["model"] != LEARNED or not (config.model == AUTO or yet_to_be_composed(config)):
        return config
    return config.replaced(model=LEARNED, **{name: recorded[name] for name in asdict(Composition())})


def told_in_range(noise: str, value_range: ValueRange, channels: int) -> str:
    """What is told of the noise, in the range of the images: as the run keeps it, for which no file is needed then."""
    return MeasuredNoise(in_range(read_noise(noise), value_range, channels), value_range).text()
