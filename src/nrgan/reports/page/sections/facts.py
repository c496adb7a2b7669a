"""Configuration, machine, versions, and the command that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from nrgan.data import name_of
from nrgan.denoising.config import DEFAULTS as DENOISER_DEFAULTS
from nrgan.denoising.config import FLAT as DENOISER_FLAT
from nrgan.reports.page.blocks import Block, Command, Table, Words
from nrgan.reports.page.names import shared_value
from nrgan.reports.page.subjects import DENOISER, Subject
from nrgan.training.config import DEFAULTS, FLAT, command_words

_OF_THE_MACHINE = ("device", "precision", "processor", "started", "commit")
_LONG = 80
"""Letters of a value that a table shows: the numbers of a noise are in the command."""
_NOT_REPEATED = ("data_root", "cache_dir", "device", "threads")
"""Options of the machine that it ran on."""


def facts(subject: Subject) -> Sequence[Block]:
    """Tables; and the command, with names in the place of paths."""
    document, config = subject.document, subject.config
    if not document:
        return []
    defaults, flat = (DENOISER_DEFAULTS, DENOISER_FLAT) if subject.kind == DENOISER else (DEFAULTS, FLAT)
    options = {name: shared_value(value) for name, value in config.items() if name in flat}
    machine = [[name, str(document.get(name) or "–")] for name in _OF_THE_MACHINE]
    versions = document.get("versions")
    machine += [[str(name), str(value)] for name, value in (versions if isinstance(versions, dict) else {}).items()]
    chosen = {name: value for name, value in options.items() if value not in (None, defaults.get(name))}
    notes = document.get("notes")
    return [
        Words("The command that repeats it, from a folder that holds the images, where they are files:"),
        Command(shlex.join([*_verb(subject), "OUT", *_repeated(chosen)])),
        Table("Options that were chosen", ["option", "value"], _rows(chosen)),
        Table("Machine and versions", ["", ""], machine),
        Table("All options", ["option", "value"], _rows(options), folded=True),
        *(Words(str(note), quiet=True) for note in (notes if isinstance(notes, list) else [])),
    ]


def _verb(subject: Subject) -> list[str]:
    config = subject.config
    if subject.kind == DENOISER:
        return ["nrgan", "train-denoiser", name_of(str(config.get("images")))]
    return ["nrgan", "train", name_of(str(config.get("setting"))), str(config.get("model"))]


def _repeated(chosen: dict[str, Any]) -> list[str]:
    return command_words({name: value for name, value in chosen.items() if name not in _NOT_REPEATED})


def _rows(options: dict[str, Any]) -> list[list[str]]:
    return [[name, _said(value)] for name, value in options.items()]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    said = "–" if value is None else str(value)
    return said if len(said) <= _LONG else f"{said[:_LONG]} …"
