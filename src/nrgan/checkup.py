"""What this machine and this installation offer, and what mends what is missing."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec
from pathlib import Path

import torch
from packaging.requirements import Requirement

from nrgan.fetching import downloads
from nrgan.frames import FORMATS
from nrgan.memory import decode_limit, free_memory
from nrgan.storage import NOISY_SETS, REFERENCES, default_cache
from nrgan.training.device import choose_device, choose_dtype, dtype_name, free_memory_of
from nrgan.training.processor import processor

PACKAGE = "nrgan"
_NOT_FOR_USERS = ("dev",)
"""Extras for working on the package itself."""


@dataclass(frozen=True)
class Library:
    """A package that ours needs, or that an extra of ours brings."""

    name: str
    wanted: str
    """Versions that will do, as pip writes them."""
    installed: str | None
    fits: bool
    """Whether it is installed, in a version that will do."""


@dataclass(frozen=True)
class Extra:
    """What can be installed besides."""

    name: str
    libraries: tuple[Library, ...]

    @property
    def command(self) -> str | None:
        """What installs what is missing; None where nothing is."""
        return None if all(library.fits for library in self.libraries) else install_command(self.name)


@dataclass(frozen=True)
class Kind:
    """A kind of file with images."""

    name: str
    suffixes: tuple[str, ...]
    reads: bool
    """Whether it can be read here and now."""
    writes: bool
    """Whether `nrgan denoise` writes such files, where it can be read."""
    command: str | None
    """What makes it readable; None where it is."""


@dataclass(frozen=True)
class Machine:
    """Where training computes, unless told otherwise."""

    system: str
    python: str
    device: str
    units: str
    """The device's name, and those of its units that are used."""
    precision: str
    """Of convolutions."""
    free_bytes: int
    """Free memory of the device."""
    decode_bytes: int
    """Memory that one image of a file may take."""


@dataclass(frozen=True)
class Cache:
    """The folder of downloads and of data that were prepared."""

    folder: str
    sizes: dict[str, int]
    """Bytes of what we keep there, by name; all of it is fetched or made again when it is needed."""
    clear: str | None
    """The command that clears it; None where nothing is there."""
    problem: str | None
    """Why it cannot be written, and what would do; None where it can."""


@dataclass(frozen=True)
class Checkup:
    """All of it."""

    machine: Machine
    cache: Cache
    libraries: tuple[Library, ...]
    kinds: tuple[Kind, ...]
    extras: tuple[Extra, ...]

    @property
    def problems(self) -> list[str]:
        """What keeps the program from its work, each with what mends it."""
        broken = [library for library in self.libraries if not library.fits]
        mend = f"pip install --upgrade {PACKAGE}"
        found = [f"{part.name} {part.installed or 'is missing'}: {part.wanted} is needed; {mend}" for part in broken]
        return found + ([self.cache.problem] if self.cache.problem is not None else [])


def checkup() -> Checkup:
    """Looks at everything; changes nothing, and asks nobody on the network."""
    return Checkup(_machine(), _cache(default_cache()), _libraries(), _kinds(), _extras())


def install_command(extra: str) -> str:
    """What a person types to install an extra of ours."""
    return f"pip install '{PACKAGE}[{extra}]'"


def _machine() -> Machine:
    device = choose_device("auto")
    units = torch.cuda.get_device_name(device) if device.type == "cuda" else processor().describe()
    return Machine(
        system=platform.platform(),
        python=sys.version.split()[0],
        device=str(device),
        units=units,
        precision=dtype_name(choose_dtype("auto", device)),
        free_bytes=free_memory_of(device) if device.type == "cuda" else free_memory(),
        decode_bytes=decode_limit(),
    )


def _cache(folder: Path) -> Cache:
    ours = [NOISY_SETS, REFERENCES, *(download.name for download in downloads().values())]
    sizes = {name: _size(folder / name) for name in ours if (folder / name).exists()}
    clear = shlex.join(["rm", "-r", *(str(folder / name) for name in sizes)]) if sizes else None
    return Cache(str(folder), sizes, clear, _unwritable(folder))


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else (Path(at, name) for at, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_size for file in files)


def _unwritable(folder: Path) -> str | None:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None
    return f"the cache {folder} cannot be written ({there}); set NRGAN_CACHE to a folder that can"


def _kinds() -> tuple[Kind, ...]:
    return tuple(
        Kind(name, row.suffixes, there, row.write is not None, None if there else install_command(row.extra))
        for name, row in FORMATS.items()
        for there in [not row.library or find_spec(row.library) is not None]
    )


def _extras() -> tuple[Extra, ...]:
    """What the package's own metadata say of its extras; not of those that only join others."""
    names = metadata(PACKAGE).get_all("Provides-Extra") or []
    brought = {name: _libraries(name) for name in names if name not in _NOT_FOR_USERS}
    return tuple(Extra(name, libraries) for name, libraries in brought.items() if libraries)


def _libraries(extra: str = "") -> tuple[Library, ...]:
    """What the package itself needs here, or what one of its extras brings."""
    parsed = [Requirement(line) for line in requires(PACKAGE) or []]
    always = [part for part in parsed if part.marker is None or part.marker.evaluate({"extra": ""})]
    with_extra = [part for part in parsed if part.marker is None or part.marker.evaluate({"extra": extra})]
    wanted = [part for part in with_extra if part not in always] if extra else always
    return tuple(_library(part) for part in wanted if part.name != PACKAGE)


def _library(requirement: Requirement) -> Library:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return Library(requirement.name, str(requirement.specifier), None, False)
    fits = requirement.specifier.contains(installed, prereleases=True)
    return Library(requirement.name, str(requirement.specifier), installed, fits)
