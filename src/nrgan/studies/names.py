"""What images, values and runs of a grid are called: in the table, and as names of folders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from nrgan.data import name_of
from nrgan.errors import UserError
from nrgan.settings import named_setting
from nrgan.training.config import TrainConfig, typed

_UNSAFE = re.compile(r"[^\w.+=-]+")
_OF_A_PATTERN = frozenset("*?[{")
_LONGEST_VALUE, _LONGEST_NAME = 40, 200
"""Letters of a value, and bytes of a folder's name; file systems allow 255, of which `.log` and `.old-N` take some."""


def safe_name(text: str) -> str:
    """A part of a file's name: letters, digits and a few signs stay; all else, in a row, becomes one underline."""
    return _UNSAFE.sub("_", text)


def images_name(setting: str) -> str:
    """A setting's own name; of the user's own images the path's last part, with the one above it where it is a pattern.

    Not the folders above: tables are shared.
    """
    if named_setting(setting) is not None:
        return setting
    parts = PurePosixPath(setting.replace("\\", "/")).parts
    whole = [i for i, part in enumerate(parts) if not _OF_A_PATTERN & set(part)]
    return safe_name("/".join(parts[max(whole, default=0) :])).strip("._-") or name_of("")


def written(value: Any) -> str:
    """A value of a grid as people write it: 20, 0.5, true; a list with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(written, value)) if isinstance(value, list) else typed(value)


def cell_name(setting: str, model: str, varied: Mapping[str, Any], seed: int) -> str:
    """The folder of a run: images, model, what varies and how, seed."""
    options = [f"{name}={safe_name(written(value))[:_LONGEST_VALUE]}" for name, value in varied.items()]
    return "-".join([images_name(setting), model, *options, f"seed{seed}"])


def check_apart(configs: Sequence[TrainConfig], varied: Sequence[str]) -> None:
    """Raises `UserError` where two runs would lie in one folder, also where small letters are as large ones.

    varied: the options that differ between runs, to say which they are.
    """
    there: dict[str, TrainConfig] = {}
    for config in configs:
        name = config.out.name
        if len(name.encode()) > _LONGEST_NAME:
            raise UserError(f"{name}: is too long as the name of a folder; vary fewer options, or rename the images")
        other = there.setdefault(unicodedata.normalize("NFC", name).casefold(), config)
        if other is not config:
            both = " and ".join(_described(one, varied) for one in (other, config))
            raise UserError(f"{both}: would both be in the folder {name}; take one, or rename its images or files")


def _described(config: TrainConfig, varied: Sequence[str]) -> str:
    values = config.plain()
    options = [f"{name} {written(values[name])}" for name in varied]
    return f"({', '.join([config.setting, config.model, *options, f'seed {config.schedule.seed}'])})"
