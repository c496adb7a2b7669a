"""A grid of runs, as a TOML file says it."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nrgan.errors import UserError, unknown, validation_sentence
from nrgan.evaluation.metric_names import Against
from nrgan.models import all_models, find_model
from nrgan.reading import read_text
from nrgan.settings import all_settings, find_setting
from nrgan.training.config import Count, Positive, TrainConfig

_OF_THE_CELL = {"setting", "model", "out", "seed"}
_OF_THE_COMMAND = {
    "device": "<device>",
    "data_root": "<data_root>",
    "cache_dir": "<cache_dir>",
    "threads": "<jobs>, which share the cores",
}
"""Options that the command sets, and by what."""


class Evaluation(BaseModel):
    """How the cells are measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: str = "auto"
    """inception, random_convolutions or a TorchScript file; auto: what the data source names."""
    samples: Positive = 50_000
    """Generated images of the figure in the table."""
    select: Literal[Against, "last"] = "observed"
    """Which snapshot counts: lowest observed FID (no clean image used), lowest clean FID, or the last."""
    select_samples: Positive = 10_000
    """Generated images a snapshot, to choose with."""
    seed: Count = 0


class Grid(BaseModel):
    """Settings x models x seeds, with the options of training and of measuring that all cells share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    settings: Annotated[tuple[str, ...], Field(min_length=1)]
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] = (0,)
    training: dict[str, Any] = {}
    """Options of `nrgan train`, by their names with underscores."""
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _check(self) -> Grid:
        """Refuses cells that would meet in one folder, and images that the table knows nothing of."""
        for name in ("settings", "models", "seeds"):
            if len(set(entries := getattr(self, name))) < len(entries):
                raise UserError(f"{name}: one is named twice")
        for setting in self.settings:
            if setting not in all_settings():
                raise unknown("setting", setting, all_settings())
        for model in self.models:
            if model not in all_models():
                raise unknown("model", model, all_models())
        if wrong := _OF_THE_CELL & self.training.keys():
            raise UserError(f"[training] {', '.join(sorted(wrong))}: every cell has its own; leave it out")
        for name, given in _OF_THE_COMMAND.items():
            if name in self.training:
                raise UserError(f"[training] {name}: is set by the command's {given}; leave it out")
        return self

    def cells(self, out: Path, **options: Any) -> list[TrainConfig]:
        """The runs, one a setting, model and seed, leaving out models that do not fit a setting.

        out: the folder of the table; options: more of `nrgan train`, over those of the grid. Raises `UserError`.
        """
        return [
            TrainConfig(
                setting=setting,
                model=model,
                seed=seed,
                out=out / f"{setting}-{model}-seed{seed}",
                **(self.training | options),
            )
            for setting in self.settings
            for model in self.models
            for seed in self.seeds
            if self.fits(model, setting)
        ]

    @staticmethod
    def fits(model: str, setting: str) -> bool:
        """Whether the model can be trained on the setting."""
        try:
            find_model(model, find_setting(setting))
        except UserError:
            return False
        return True


def ready_made() -> dict[str, str]:
    """The grids that come with the package: text by name."""
    folder = resources.files("nrgan.studies") / "grids"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def load_grid(choice: str) -> Grid:
    """The ready-made grid of a name, or that of a TOML file. Raises `UserError` where it is not what it should be."""
    grids, path = ready_made(), Path(choice)
    if choice in grids:
        text = grids[choice]
    elif path.suffix == ".toml" or path.exists():
        try:
            text = read_text(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{path}: cannot be read ({error})") from error
    else:
        raise unknown("grid", choice, grids, listed=False)
    try:
        return Grid(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{choice}: no TOML ({error})") from error
    except ValidationError as error:
        refused = validation_sentence(error)
        raise UserError(f"{choice}: {'.'.join(refused.location)}: {refused.message}") from error
    except (TypeError, RecursionError) as error:
        raise UserError(f"{choice}: {error}") from error
