"""Snapshots: the averaged networks of one moment, and what they are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from torch import nn

from nrgan.corruptions import Corruption, Sensor, from_plain
from nrgan.data import OWN, SOURCES, DataChoice, name_of
from nrgan.errors import UserError, first_line, validation_sentence
from nrgan.frames import Mending, ValueRange, Wanted
from nrgan.layout import ABOUT, DISCRIMINATOR, MANIFEST, SIZES
from nrgan.limits import MOST_CHANNELS, NO_ROW, FitChoice, ValueType
from nrgan.manifest import write_manifest
from nrgan.networks import NetworkSizes
from nrgan.observation import Composition
from nrgan.pretrained import load_weights, read_sizes, save_weights
from nrgan.ranges import STORED_LEVELS
from nrgan.reading import read_json
from nrgan.settings import Setting, ViewName, all_corruptions, find_setting, named_setting
from nrgan.storage import writing, writing_folder

FORMAT_VERSION = 2
"""Of `about.json`; snapshots of version 0.1 say none, and have no manifest."""
Count = Annotated[int, Field(ge=0, lt=2**53)]
Value = Annotated[float, Field(allow_inf_nan=False)]
Values = Annotated[list[Value], Field(min_length=1, max_length=MOST_CHANNELS)]
_SIZES = {f.name for f in fields(NetworkSizes)}
PLACES = ("setting", "dark", "flat")
"""Fields that are paths where images are the user's own: whole in the run's folder, names alone in what is shared."""


@dataclass(frozen=True, config=ConfigDict(strict=True))
class SnapshotMetadata:
    """What a snapshot is of: enough to observe its images again as training did, and to give them the data's type.

    Snapshots of version 0.1 lack what is None here: their corruption is looked up by the setting's name.
    """

    setting: str
    model: str
    iteration: Count
    clip: bool = True
    data_seed: Count = 0
    corrupt: str | None = None
    fit: FitChoice = "crop"
    skip_corrupt: bool = False
    axes: str | None = None
    frames: str | None = None
    image_channels: str | None = None
    mend: str | None = None
    dark: str | None = None
    flat: str | None = None
    low: Value | Values = 0.0
    high: Value | Values = float(STORED_LEVELS - 1)
    """The data's own values that are black and white: a number for all channels, or one for each."""
    dtype: ValueType = "uint8"
    """The data's own type."""
    step: Annotated[int, Field(ge=1, lt=2**16)] = 1
    """Between the values of an integer type that occur."""
    network: str = "resnet"
    """The family of the networks."""
    source: str | None = None
    corruption: dict[str, Any] | None = None
    """The law with its numbers (`nrgan.corruptions.to_plain`)."""
    view: ViewName | None = None
    prior: str = NO_ROW
    invariances: str = NO_ROW
    implicit: bool = False
    objects: dict[str, str] = field(default_factory=dict)
    """Objects of the user's own that it was trained with, as they call themselves."""

    @property
    def value_range(self) -> ValueRange:
        """The sensor's range."""
        return ValueRange.of(self.low, self.high, self.dtype, self.step)

    @property
    def composition(self) -> Composition:
        """What the model is composed of, where it is such a one."""
        return Composition(self.prior, self.invariances, self.implicit)

    @property
    def own(self) -> bool:
        """Whether the images are files of the user's own."""
        return self.source == OWN if self.source is not None else named_setting(self.setting) is None

    @property
    def images(self) -> str:
        """What the images are called: the setting, or the name of the user's own, without the folders above it."""
        return name_of(self.setting) if self.own else self.setting

    def plain(self) -> dict[str, Any]:
        """As JSON holds it, to be shared: of the user's own files the names alone."""
        files = {name: None if (path := getattr(self, name)) is None else name_of(path) for name in PLACES}
        return asdict(self) | (files if self.own else {})

    def found_setting(self, corruption: Corruption | None = None) -> Setting:
        """The setting, with `corruption` in the place of its own; raises `UserError` where it is not known."""
        return self._named(corruption).stored_in(self.value_range, self.mend is not None)

    def _named(self, corruption: Corruption | None = None) -> Setting:
        if self.corruption is None or self.source is None or self.view is None:
            setting = replace(find_setting(self.setting, self.corrupt), sensor=Sensor(self.clip))
            return setting if corruption is None else replace(setting, corruption=corruption)
        if self.source not in (OWN, *SOURCES):
            raise UserError(f"source {self.source!r}: there is no such one; there are {', '.join(SOURCES)}")
        law = corruption or _law(self.corruption)
        return Setting(self.setting, self.source, law, self.view, sensor=Sensor(self.clip))

    def data(self, image_size: int) -> DataChoice:
        """Which images it was trained on."""
        setting = self._named()
        return DataChoice(
            name=self.setting,
            source=setting.source,
            corruption=setting.corruption,
            sensor=setting.sensor,
            image_size=image_size,
            data_seed=self.data_seed,
            fit=self.fit,
            value_range="auto" if setting.source != OWN else self.value_range.spec,
            skip_corrupt=self.skip_corrupt,
            wanted=Wanted(self.axes, self.frames, self.image_channels),
            mending=Mending.of(self.mend, self.dark, self.flat),
        )


def _law(plain: dict[str, Any]) -> Corruption:
    """The corruption that a snapshot names: of a class that is known, or of an installed package that offers some."""
    with suppress(UserError):
        return from_plain(plain)
    all_corruptions()  # imports what installed packages offer, whatever the file says
    return from_plain(plain)


def save_snapshot(
    folder: Path,
    generator: nn.Module,
    others: Mapping[str, nn.Module],
    discriminator: nn.Module | None,
    about: Mapping[str, object],
) -> None:
    """Writes a snapshot folder, whole or not at all: the generator's files, and the other networks in folders below.

    others: the observer's networks, such as the noise generator, by name. discriminator: None in what is shared. about:
    what the snapshot is of. Raises `UserError` where it cannot be written.
    """
    with writing_folder(folder) as part:
        _save_network(generator, part)
        for name, network in others.items():
            (part / name).mkdir()
            _save_network(network, part / name)
        if discriminator is not None:
            (part / DISCRIMINATOR).mkdir()
            save_weights(discriminator, part / DISCRIMINATOR)
        (part / ABOUT).write_text(json.dumps({"format": FORMAT_VERSION, **about}, indent=1), encoding="utf-8")
        write_manifest(part)


def _save_network(network: nn.Module, folder: Path) -> None:
    if isinstance(sizes := getattr(network, "sizes", None), NetworkSizes):
        (folder / SIZES).write_text(json.dumps(asdict(sizes), indent=1), encoding="utf-8")
    save_weights(network, folder)


def generator_sizes(folder: Path) -> NetworkSizes:
    """The sizes of the generator in a snapshot; raises `UserError` where they are not to be had."""
    return NetworkSizes(**read_sizes(folder, _SIZES))


def load_network(network: nn.Module, folder: Path) -> nn.Module:
    """Fills a network with the weights in a folder of a snapshot; raises `UserError` where they are of another."""
    if isinstance(sizes := getattr(network, "sizes", None), NetworkSizes) and sizes != generator_sizes(folder):
        raise UserError(f"{folder / SIZES}: is of another network than the model's")
    return load_weights(network, folder)


def read_metadata(folder: Path, setting: str | None = None, model: str | None = None) -> SnapshotMetadata:
    """What a snapshot says of itself, or `setting` and `model` instead. Raises `UserError` where neither says it."""
    found = read_about(folder)
    found |= {name: value for name, value in (("setting", setting), ("model", model)) if value is not None}
    if missing := [name for name in ("setting", "model") if name not in found]:
        raise UserError(
            f"{folder}: does not say its {' and '.join(missing)}; give {' and '.join(f'<{m}>' for m in missing)}"
        )
    known = {"iteration": 0, **found}
    try:
        return SnapshotMetadata(**{f.name: known[f.name] for f in fields(SnapshotMetadata) if f.name in known})
    except ValidationError as error:
        refused = validation_sentence(error)
        raise UserError(f"{folder / ABOUT}: {refused.location[0]} {refused.input!r}: {refused.message}") from error


def read_about(folder: Path) -> dict[str, Any]:
    """All that a snapshot says of itself; empty where it says nothing. Raises `UserError` where that cannot be read."""
    path = folder / ABOUT
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({first_line(error)})") from error


def add_to_about(folder: Path, **more: object) -> None:
    """Adds to what a snapshot says of itself."""
    with writing(folder / ABOUT) as part:
        part.write_text(json.dumps({**read_about(folder), **more}, indent=1), encoding="utf-8")
    if (folder / MANIFEST).exists():
        write_manifest(folder)
