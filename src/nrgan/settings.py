"""The named settings: a data source, the corruption its images suffered, and the view through which D compares them.

A new corruption is one file in `corruptions/` and one row in `CORRUPTIONS`; every data source then has it.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    Uniform,
    Unknown,
)
from nrgan.errors import UserError, unknown

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

    @property
    def signal_dependent(self) -> bool:
        """Whether the relation between signal and noise level is known, which `sdnrgan1` needs."""
        return self.corruption.signal_gain is not None


def _settings_of(source: str, separator: str) -> dict[str, Setting]:
    rows = {source: Setting(source, source, NoCorruption())}
    for key, row in CORRUPTIONS.items():
        name = f"{source}{separator}{key}"
        rows[name] = Setting(name, source, row.corruption, row.view, row.paper if source == "cifar10" else "")
    return rows


SETTINGS: dict[str, Setting] = _settings_of("cifar10", "") | _settings_of("shapes", "-")


OWN = "own"
"""The source of settings that are the user's own images; their name is the path."""
_MARKS_OF_A_PATH = frozenset("/\\*?{[.~")


def find_setting(name: str, corrupt: str | None = None) -> Setting:
    """The setting of a name, or of the path of the user's own images.

    corrupt: the corruption that those suffer here; None: they are noisy already. Raises `UserError` with the nearest
    names, or for a corruption of a named setting, which has its own.
    """
    if name in SETTINGS:
        if corrupt is not None:
            raise UserError(f"--corrupt {corrupt}: {name} has a corruption already; this is for images of your own")
        return SETTINGS[name]
    if not (_MARKS_OF_A_PATH & set(name) or Path(name).exists()):
        near = unknown("setting", name, SETTINGS)
        raise UserError(f"{near}; nor is there a file or folder of that name")
    if corrupt is None:
        return Setting(name, OWN, Unknown())
    if corrupt not in CORRUPTIONS:
        raise unknown("corruption", corrupt, CORRUPTIONS)
    row = CORRUPTIONS[corrupt]
    return Setting(name, OWN, row.corruption, row.view)
