"""The named settings: a source × the corruption its images suffered × the sensor that stored them × D's view of them.

A new corruption is one file in `corruptions/` and one row in `CORRUPTIONS`; every data source then has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from nrgan.corruptions import (
    AdditiveBrownGaussian,
    AdditiveGaussian,
    Between,
    BrownGaussian,
    Corruption,
    LocalGaussian,
    Mixture,
    MultiplicativeAdditiveGaussian,
    MultiplicativeGaussian,
    NoCorruption,
    Poisson,
    PoissonGaussian,
    Sensor,
    Told,
    Uniform,
    Unknown,
)
from nrgan.data import OWN, SOURCES, DataChoice, ImageSource
from nrgan.errors import UserError, unknown
from nrgan.frames import EVERYTHING, NO_MENDING, Mending, ValueRange, Wanted
from nrgan.limits import DEFAULT_SIDE, FitChoice
from nrgan.noise_file import read_noise
from nrgan.plugins import with_plugins

ViewName = Literal["plain", "blurred"]


@dataclass(frozen=True)
class Row:
    """A corruption, the letter it has in the paper's table, and the view that D compares images through."""

    paper: str
    corruption: Corruption
    view: ViewName = "plain"


def _poisson(paper: str, corruption: Corruption) -> Row:
    # the Gaussian stand-in for counts is wrong pixel by pixel; blurred, the difference vanishes (NR-GAN, appendix)
    return Row(paper, corruption, view="blurred")


CORRUPTIONS: dict[str, Row] = {
    "ag25": Row("A", AdditiveGaussian(25)),
    "ag5-50": Row("B", AdditiveGaussian(Between(5, 50))),
    "lg25p16": Row("C", LocalGaussian(25, patch=16)),
    "lg25p8-24": Row("D", LocalGaussian(25, patch=Between(8, 24))),
    "u50": Row("E", Uniform(50)),
    "mix": Row("F", Mixture(levels=(15, 25, 50), rates=(0.7, 0.2, 0.1))),
    "bg25k5": Row("G", BrownGaussian(25, kernel_size=5)),
    "abg25k5": Row("H", AdditiveBrownGaussian(25, kernel_size=5)),
    "mg25": Row("I", MultiplicativeGaussian(25)),
    "mg5-50": Row("J", MultiplicativeGaussian(Between(5, 50))),
    "amg5_25": Row("K", MultiplicativeAdditiveGaussian(MultiplicativeGaussian(25), AdditiveGaussian(5))),
    "amg25_25": Row("L", MultiplicativeAdditiveGaussian(MultiplicativeGaussian(25), AdditiveGaussian(25))),
    "p30": _poisson("M", Poisson(30)),
    "p10-50": _poisson("N", Poisson(Between(10, 50))),
    "pg30_5": _poisson("O", PoissonGaussian(Poisson(30), AdditiveGaussian(5))),
    "pg30_25": _poisson("P", PoissonGaussian(Poisson(30), AdditiveGaussian(25))),
}


@dataclass(frozen=True)
class Setting:
    """One row of the experiments: where images come from (`source`), what befell them, how D looks at them."""

    name: str
    source: str
    corruption: Corruption
    view: ViewName = "plain"
    paper: str = ""
    sensor: Sensor = field(default_factory=Sensor)

    @property
    def signal_dependent(self) -> bool:
        """Whether the relation between signal and noise level is known, which `sdnrgan1` needs."""
        return self.corruption.signal_gain is not None

    @property
    def has_clean(self) -> bool:
        """Whether there are clean images: noise is added to them here."""
        return not self.corruption.already

    @property
    def told(self) -> bool:
        """Whether images come with a noise whose law is told."""
        return self.corruption.already and self.corruption.known

    def stored_in(self, values: ValueRange, mended: bool) -> Setting:
        """With the sensor of images that have these values, where they are few.

        Not where noise is added here, or what is wrong is `mended`: those images have values between.
        """
        levels = values.few_levels if self.corruption.already and not mended else None
        return replace(self, sensor=replace(self.sensor, levels=levels))


def _settings_of(name: str, source: type[ImageSource], rows: Mapping[str, Row]) -> dict[str, Setting]:
    found = {name: Setting(name, name, NoCorruption())}
    for key, row in rows.items():
        full = f"{name}{source.separator}{key}"
        found[full] = Setting(full, name, row.corruption, row.view, row.paper if source.published else "")
    return found


def _settings(rows: Mapping[str, Row]) -> dict[str, Setting]:
    return {key: value for name, source in SOURCES.items() for key, value in _settings_of(name, source, rows).items()}


SETTINGS: dict[str, Setting] = _settings(CORRUPTIONS)
"""Every source with every corruption of ours."""


@cache
def all_corruptions() -> Mapping[str, Row]:
    """Our corruptions and those of installed packages, which may offer a `Row` or a `Corruption`."""
    offered = with_plugins("nrgan.corruptions", CORRUPTIONS, lambda row: isinstance(row, (Row, Corruption)))
    return {name: row if isinstance(row, Row) else Row("", row) for name, row in offered.items()}


@cache
def all_settings() -> Mapping[str, Setting]:
    """Every source with every corruption, also of installed packages."""
    return SETTINGS if all_corruptions().keys() == CORRUPTIONS.keys() else _settings(all_corruptions())


def named_setting(name: str) -> Setting | None:
    """The setting of a name; None where there is none. Other packages are imported only for a name that is not ours."""
    return SETTINGS[name] if name in SETTINGS else all_settings().get(name)


_MARKS_OF_A_PATH = frozenset("/\\*?{[.~")


def find_setting(name: str, corrupt: str | None = None, noise: str | None = None) -> Setting:
    """The setting of a name, or of the path of the user's own images.

    corrupt: the corruption that those suffer here; None: they are noisy already. noise: what is told of the noise that
    they have (`read_noise`), in the range that it was measured in. Raises `UserError` with the nearest names, or for a
    corruption or a noise of a named setting, which has its own.
    """
    if (named := named_setting(name)) is not None:
        if corrupt is not None:
            raise UserError(f"<corrupt> {corrupt}: {name} has a corruption already; this is for images of your own")
        if noise is not None:
            raise UserError(f"<noise>: that of {name} is known already; this is for images of your own")
        return named
    if not (_MARKS_OF_A_PATH & set(name) or Path(name).exists()):
        near = unknown("setting", name, all_settings())
        raise UserError(f"{near}; nor is there a file or folder of that name")
    if noise is not None and corrupt is not None:
        raise UserError("<corrupt> adds a noise to images, and <noise> tells the one that they have; give one of both")
    if corrupt is None:
        return Setting(name, OWN, Unknown() if noise is None else Told(read_noise(noise).law))
    rows = CORRUPTIONS if corrupt in CORRUPTIONS else all_corruptions()
    if corrupt not in rows:
        raise UserError(f"<corrupt> {corrupt}: is no corruption; choose one of {', '.join(rows)}")
    row = rows[corrupt]
    return Setting(name, OWN, row.corruption, row.view)


def choose_data(
    name: str,
    image_size: int | None = None,
    *,
    corrupt: str | None = None,
    corruption: Corruption | None = None,
    clip: bool = True,
    data_seed: int = 0,
    fit: FitChoice = "auto",
    value_range: str = "auto",
    skip_corrupt: bool = False,
    wanted: Wanted = EVERYTHING,
    mending: Mending = NO_MENDING,
) -> DataChoice:
    """The images of a setting, or of the path of the user's own, as `nrgan.data.open_data` takes them.

    corruption: in the place of the setting's own. Raises `UserError` for names that are not known.
    """
    setting = find_setting(name, corrupt)
    if image_size is None and setting.source != OWN:
        image_size = DEFAULT_SIDE
    choice = DataChoice(
        name, setting.source, corruption or setting.corruption, Sensor(clip), image_size, data_seed, fit, value_range
    )
    return replace(choice, skip_corrupt=skip_corrupt, wanted=wanted, mending=mending)
