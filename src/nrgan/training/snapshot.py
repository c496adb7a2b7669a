"""Snapshots: the averaged networks of one moment, to generate with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from torch import nn

from nrgan.data.own import ValueRange
from nrgan.dataset import DataChoice, FitName
from nrgan.errors import UserError
from nrgan.images import STORED_LEVELS
from nrgan.networks.generator import SNAPSHOTS, Generator, newest_snapshot, save_weights
from nrgan.observation.base import Sizes
from nrgan.settings import OWN, Setting, find_setting
from nrgan.storage import writing_folder
from nrgan.training.config import TrainConfig
from nrgan.training.state import GeneratorPair, TrainState, untrained_pair

DISCRIMINATOR = "discriminator"


def snapshot_folder(run: Path, iteration: int) -> Path:
    """Where the snapshot of an iteration lies. The names sort by iteration."""
    return run / SNAPSHOTS / f"iteration-{iteration:07d}"


def save_snapshot(
    folder: Path,
    generator: Generator,
    others: Mapping[str, Generator],
    discriminator: nn.Module,
    about: dict[str, object],
) -> None:
    """Writes a snapshot folder, whole or not at all: the generator's files, and the other networks in folders below.

    `Generator.from_pretrained(folder)` reads the image generator; `others`, the observer's networks such as the noise
    generator, lie in folders of their names and are read likewise. `about` says what the snapshot is of. Raises
    `UserError` where it cannot be written.
    """
    with writing_folder(folder) as part:
        generator.save_pretrained(part)
        for name, network in others.items():
            network.save_pretrained(part / name)
        (part / DISCRIMINATOR).mkdir()
        save_weights(discriminator, part / DISCRIMINATOR)
        (part / "about.json").write_text(json.dumps(about, indent=1))


@dataclass(frozen=True)
class About:
    """What a snapshot is of: enough to observe its images again as training did, and to give them the data's type."""

    setting: str
    model: str
    iteration: int
    clip: bool = True
    data_seed: int = 0
    corrupt: str | None = None
    fit: FitName = "crop"
    skip_corrupt: bool = False
    low: float = 0.0
    high: float = float(STORED_LEVELS - 1)
    """The data's own values that are black and white."""
    dtype: str = "uint8"
    """The data's own type."""

    @classmethod
    def of(cls, config: TrainConfig, iteration: int, value_range: ValueRange) -> About:
        """Of a run, at an iteration."""
        names = ("setting", "model", "clip", "data_seed", "corrupt", "fit", "skip_corrupt")
        return cls(iteration=iteration, **asdict(value_range), **{name: getattr(config, name) for name in names})

    @property
    def value_range(self) -> ValueRange:
        """The sensor's range."""
        return ValueRange(self.low, self.high, self.dtype)

    @property
    def found_setting(self) -> Setting:
        """The setting; raises `UserError` where it is not known."""
        return find_setting(self.setting, self.corrupt)

    def data(self, image_size: int) -> DataChoice:
        """Which images it was trained on."""
        return DataChoice(
            setting=self.setting,
            image_size=image_size,
            data_seed=self.data_seed,
            clip=self.clip,
            corrupt=self.corrupt,
            fit=self.fit,
            value_range="auto" if self.found_setting.source != OWN else f"{self.low!r},{self.high!r}",
            skip_corrupt=self.skip_corrupt,
        )


def snapshot_of(state: TrainState, about: About, folder: Path, **more: object) -> None:
    """Saves the averaged networks of a state as a snapshot; `more` goes into its `about.json`."""
    others = state.averaged.observer.networks()
    save_snapshot(folder, state.averaged.generator, others, state.discriminator, {**asdict(about), **more})


def load_snapshot(path: Path, setting: str | None = None, model: str | None = None) -> tuple[GeneratorPair, About]:
    """The generator and the observer of a snapshot folder, or of the newest snapshot of a run folder.

    setting, model: instead of what the snapshot says of itself. Raises `UserError` where it is cut short, or does not
    say what it is of.
    """
    folder = newest_snapshot(path)
    about = _read_about(folder, setting, model)
    generator = Generator.from_pretrained(folder)
    options = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    sizes = Sizes(**{field.name: options[field.name] for field in fields(Sizes)})
    pair = untrained_pair(about.found_setting, about.model, sizes, about.clip)
    pair.generator = generator
    for name in pair.observer.networks():
        setattr(pair.observer, name, Generator.from_pretrained(folder / name))
    return pair.eval().requires_grad_(False), about


def _read_about(folder: Path, setting: str | None, model: str | None) -> About:
    try:
        found: dict[str, Any] = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = {}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / 'about.json'}: cannot be read ({error})") from error
    found |= {name: value for name, value in (("setting", setting), ("model", model)) if value is not None}
    if missing := [name for name in ("setting", "model") if name not in found]:
        raise UserError(f"{folder}: does not say its {' and '.join(missing)}; give --{' and --'.join(missing)}")
    known = {"iteration": 0, **found}
    return About(**{field.name: known[field.name] for field in fields(About) if field.name in known})
