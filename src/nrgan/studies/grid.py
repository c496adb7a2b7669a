"""A grid of runs, as a TOML file says it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nrgan.data import OWN
from nrgan.errors import UserError, unknown, validation_sentence
from nrgan.evaluation.measure import comparison_of
from nrgan.evaluation.metric_names import Against
from nrgan.evaluation.protocol import Protocol
from nrgan.layout import expanded, same_place
from nrgan.models import LEARNED, all_models, find_model
from nrgan.reading import read_text
from nrgan.settings import find_setting
from nrgan.studies.names import cell_name, check_apart, written
from nrgan.training.config import AUTO, FLAT, Count, DataOptions, Positive, TrainConfig
from nrgan.training.lookup import model_of, setting_of

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

    def protocol(self, config: TrainConfig) -> Protocol:
        """How the figure of a run is made: with clean images where there are some, else by observed samples."""
        return Protocol(("fid",), self.samples, comparison_of(setting_of(config)), self.features, self.seed)


class Grid(BaseModel):
    """Images x models x combinations x seeds, with the options of training and of measuring that all cells share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    settings: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of settings, or paths of the user's own images, from the folder where the command is run."""
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] = (0,)
    training: dict[str, Any] = {}
    """Options of `nrgan train`, by their names with underscores."""
    varied: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(alias="grid")] = {}
    """More of them, with the values that each has in turn: every combination is a run."""
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _check(self) -> Grid:
        """Refuses what is named twice, or is not known, and options that a grid does not decide."""
        lists: dict[str, Any] = {name: getattr(self, name) for name in ("settings", "models", "seeds")}
        for name, entries in (lists | self.varied).items():
            if len(set(map(written, entries))) < len(entries):
                raise UserError(f"{name}: one is named twice")
        for setting in self.settings:
            find_setting(setting)
        known = [*all_models(), LEARNED, AUTO]
        for model in self.models:
            if model not in known:
                raise unknown("model", model, known)
        for table, options in (("training", self.training), ("grid", self.varied)):
            if wrong := _OF_THE_CELL & options.keys():
                raise UserError(f"[{table}] {', '.join(sorted(wrong))}: every cell has its own; leave it out")
            for name, given in _OF_THE_COMMAND.items():
                if name in options:
                    raise UserError(f"[{table}] {name}: is set by the command's {given}; leave it out")
        for name in self.varied:
            if name not in FLAT:
                raise unknown("option in [grid]:", name, FLAT, listed=False)
            if name in self.training:
                raise UserError(f"[grid] {name}: is in [training] too; leave one of them out")
        return self

    def combinations(self) -> list[dict[str, Any]]:
        """Of the values that vary; a single, empty one where none do."""
        return [dict(zip(self.varied, values, strict=True)) for values in product(*self.varied.values())]

    def cells(self, out: Path, **options: Any) -> list[TrainConfig]:
        """The runs, one a setting, model, combination and seed, leaving out models that do not fit a setting.

        out: the folder of the table; options: more of `nrgan train`, over those of the grid. Raises `UserError`.
        """
        configs = [
            TrainConfig(
                setting=setting,
                model=model,
                seed=seed,
                out=out / cell_name(setting, model, varied, seed),
                **(self.training | varied | options),
            )
            for setting in self.settings
            for model in self.models
            for varied in self.combinations()
            for seed in self.seeds
            if self.fits(model, setting, varied)
        ]
        check_apart(configs, list(self.varied))
        for config in configs:
            self._check_cell(config, out)
        return configs

    def _check_cell(self, config: TrainConfig, out: Path) -> None:
        """Refuses a run that could not be trained or measured, as far as can be told without reading images."""
        setting = setting_of(config)
        if config.model == LEARNED:
            model_of(config, setting)
        if self.evaluation.select == "clean" and not setting.has_clean:
            raise UserError(
                f"[evaluation] select clean: of {config.setting} there are no clean images; take observed or last"
            )
        above = (out, *expanded(out).parents)
        if setting.source == OWN and any(same_place(Path(config.setting), place) for place in above):
            raise UserError(f"<out> {out}: lies in {config.setting}, whose images stay as they are; choose another")

    def fits(self, model: str, setting: str, varied: Mapping[str, Any] | None = None) -> bool:
        """Whether the model can be trained on the setting, with the values of a combination."""
        options = self.training | dict(varied or {})
        data = DataOptions(**{name: options[name] for name in ("corrupt", "noise") if name in options})
        found = find_setting(setting, data.corrupt, data.noise)
        if model in (AUTO, LEARNED):
            return model == LEARNED or found.source == OWN
        try:
            find_model(model, found)
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
