"""The options of a denoiser's training. Free of torch: the command line's help should not wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import tyro
from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from nrgan.errors import UserError, validation_sentence
from nrgan.training.config import (
    MAY_DIFFER,
    DataOptions,
    Group,
    MachineOptions,
    Positive,
    Rate,
    Width,
    defaults_of,
    flat_names,
    in_groups,
    may_differ,
)

AUTO = "auto"
MINUTES = 10.0
"""Of training, where nothing else is said."""
REAL_SHARE = 0.2
"""Of `mix`: repairs what a generator without fine detail loses, and hardly costs where the noise is a little wrong."""


class DenoiserOptions(Group):
    """How the denoiser is trained."""

    method: str = AUTO
    """renoise: your noisy images, with more of their noise; gn2gc: images of a run's generator; mix: both; n2v: for
    noise that is independent between pixels; nlm (of denoise alone): non-local means, which learn nothing; auto: mix of
    a run, else renoise."""
    rule: str = AUTO
    """How renoise makes its loss: recorrupted, thinned, recorrupted-at-guess or exchangeable; auto: the first that is
    right for the law."""
    real_share: Annotated[float, Field(gt=0, lt=1)] = REAL_SHARE
    """Share of your own images, re-noised, that mix has beside the generated ones: the more, the less the generator
    covers them."""
    minutes: Annotated[Rate | None, MAY_DIFFER] = MINUTES
    """Minutes that training may take, the diagnosis included: width and iterations are chosen for the time, but for
    those that are given."""
    uncertainty: bool = False
    """Learn the expected error of each value along, without a clean image."""
    iterations: Annotated[Positive | None, MAY_DIFFER] = None
    """Steps of training; as the minutes allow if not given."""
    width: Width | None = None
    """Channels of the network's first stage; as the minutes allow if not given."""
    batch_size: Positive | None = None
    """Squares in a step; about 16,000 pixels if not given."""
    learning_rate: Rate = 2e-3
    """Adam's first step size; it falls to a hundredth along a cosine."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the weights, the order of the images and all random draws."""
    log_interval: Annotated[int, Field(ge=1, le=10**6)] = 50
    """Steps between lines of losses."""
    checkpoint_minutes: Annotated[Annotated[float, Field(ge=0, allow_inf_nan=False)], MAY_DIFFER] = 2.0
    """Minutes between checkpoints, from which the same command goes on."""


class DenoiserConfig(BaseModel):
    """Which images a denoiser is for, and how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: Annotated[str, tyro.conf.arg(metavar="RUN_OR_IMAGES")]
    """Your own noisy images (a folder, an archive, a stack, a pattern), the name of a setting, or a run: then its
    images, and its generator."""
    out: Annotated[Path, tyro.conf.arg(metavar="OUT")]
    """The denoiser's folder."""
    data: DataOptions = DataOptions()
    training: DenoiserOptions = DenoiserOptions()
    machine: MachineOptions = MachineOptions()

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None: ...

    @model_validator(mode="wrap")
    @classmethod
    def _with_flat_names(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Sorts flat keywords into their groups; refuses what is no option, and values that an option cannot have."""
        try:
            return handler(in_groups(values, GROUPS) if isinstance(values, dict) else values)
        except ValidationError as error:
            (name, *_), value, message = validation_sentence(error)
            raise UserError(f"<{name}> {value}: {message}") from error

    def replaced(self, **changed: Any) -> DenoiserConfig:
        """The same with other values of some fields, by their flat names, checked like a new one."""
        flat = {name: getattr(getattr(self, group), field) for name, (group, field) in FLAT.items()}
        return DenoiserConfig(**{"images": self.images, "out": self.out, **flat, **changed})

    def plain(self) -> dict[str, Any]:
        """All values by their flat names, as JSON has them."""
        nested = self.model_dump(mode="json")
        flat = {name: nested[group][field] for name, (group, field) in FLAT.items()}
        return {"images": nested["images"], "out": nested["out"], **flat}

    def identity(self) -> dict[str, Any]:
        """The options that make a training the one it is: only with the same ones may it go on."""
        free = {"images", "out"} | may_differ(GROUPS)
        return {name: value for name, value in self.plain().items() if name not in free}


GROUPS: dict[str, type[Group]] = {"data": DataOptions, "training": DenoiserOptions, "machine": MachineOptions}
"""As the fields of `DenoiserConfig` are called."""
FLAT, DEFAULTS = flat_names(GROUPS), defaults_of(GROUPS)
