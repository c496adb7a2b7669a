"""Every choice of a training run, checked at birth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from nrgan.errors import UserError, validation_sentence
from nrgan.limits import DEFAULT_SIDE
from nrgan.training.config.groups import (
    DataOptions,
    EvaluationOptions,
    MachineOptions,
    NetworkOptions,
    ObjectiveOptions,
    ObservationOptions,
    OptimiserOptions,
    ScheduleOptions,
    option_name,
)
from nrgan.training.config.table import DEFAULTS, FLAT, GROUPS, MAY_DIFFER_ON_RESUME, in_groups


class TrainConfig(BaseModel):
    """What to train, on what, and how. The defaults are the published ones (Kaneko & Harada 2020)."""

    # takes flat keywords, TrainConfig(setting=…, batch_size=…), or whole groups, TrainConfig(setting=…, schedule=…);
    # raises UserError for a value that an option cannot have, and for values that do not go together

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: Annotated[str, tyro.conf.arg(metavar="SETTING")]
    """The data set and its noise, such as cifar10ag25 or shapes-ag25 (`nrgan list` shows all); or the path of your own
    noisy images: a folder, a zip, an .npy or .npz stack, a TIFF stack, a pattern, or shards-{000..099}.tar."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")]
    """How generated images are observed: gan, ambientgan, sinrgan1, sinrgan2, sdnrgan1, sdnrgan2 or sdnrgan3; learned:
    as --prior and --invariances say; auto: what `nrgan diagnose` recommends for your own images."""
    out: Annotated[Path, tyro.conf.arg(metavar="OUT")]
    """The run folder: configuration, curves, sample pictures, snapshots, checkpoint."""

    data: DataOptions = DataOptions()
    network: NetworkOptions = NetworkOptions()
    observation: ObservationOptions = ObservationOptions()
    objective: ObjectiveOptions = ObjectiveOptions()
    optimiser: OptimiserOptions = OptimiserOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    machine: MachineOptions = MachineOptions()

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None: ...

    @model_validator(mode="wrap")
    @classmethod
    def _take_flat_keywords(cls, values: Any, handler: ModelWrapValidatorHandler[TrainConfig]) -> TrainConfig:
        """Sorts flat keywords into their groups; what is no option at all is refused by its name."""
        try:
            return handler(in_groups(values, GROUPS) if isinstance(values, dict) else values)
        except ValidationError as error:
            (name, *_), value, message = validation_sentence(error)
            raise UserError(f"<{name}> {value}: {message}") from error

    @model_validator(mode="after")
    def _check_together(self) -> TrainConfig:
        """Refuses options that each are fine, but not with each other."""
        from nrgan.training.together import check_together  # late, for it needs torch

        check_together(self)
        return self

    def replaced(self, **changed: Any) -> TrainConfig:
        """The same with other values of some fields, by their flat names, checked like a new one."""
        return TrainConfig(**(self.flat() | changed))

    def flat(self) -> dict[str, Any]:
        """All values by their flat names."""
        own = {name: getattr(self, name) for name in ("setting", "model", "out")}
        return own | {flat: getattr(getattr(self, group), field) for flat, (group, field) in FLAT.items()}

    def plain(self) -> dict[str, Any]:
        """The same as values that JSON has."""
        nested = self.model_dump(mode="json")
        own = {name: nested[name] for name in ("setting", "model", "out")}
        return own | {flat: nested[group][field] for flat, (group, field) in FLAT.items()}

    @property
    def resolved_size(self) -> int:
        """The images' side; raises `ValueError` for images of the user's own that have not been looked at."""
        from nrgan.settings import named_setting

        if self.data.image_size is not None:
            return self.data.image_size
        if named_setting(self.setting) is not None:
            return DEFAULT_SIDE
        raise ValueError("the size of these images is not known before they are opened")

    def command_line(self) -> list[str]:
        """The arguments of `nrgan train` that make this configuration."""
        from nrgan.settings import named_setting

        changed = {
            name: value
            for name, value in self.plain().items()
            if name in FLAT and value != DEFAULTS[name] and not (name == "fit" and named_setting(self.setting))
        }
        return [_no_option(self.setting), self.model, _no_option(str(self.out)), *command_words(changed)]

    def identity(self) -> dict[str, Any]:
        """The options that make a run the run it is: only with the same ones may it go on."""
        from nrgan.settings import named_setting

        free = MAY_DIFFER_ON_RESUME - ({"iterations"} if self.optimiser.decay_iterations else set())
        if named_setting(self.setting) is None:  # one's own images may move; what is in them is in the checkpoint
            free |= {"setting"}
        # a setting's images have its own size, whichever way they would come to it
        fit = {"fit": "crop"} if named_setting(self.setting) else {}
        return {name: value for name, value in (self.plain() | fit).items() if name not in free}


def command_words(options: Mapping[str, Any]) -> list[str]:
    """Options by their flat names, with values that JSON has, as they are typed."""
    words: list[str] = []
    for name, value in options.items():
        option = option_name(name)
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", *map(typed, value if isinstance(value, list) else [value])]
    return words


def typed(value: object) -> str:
    """A value as people type it: 20, not 20.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _no_option(path: str) -> str:
    """A path that is not taken for an option."""
    return f"./{path}" if path.startswith("-") else path
