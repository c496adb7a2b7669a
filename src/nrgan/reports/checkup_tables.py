"""What a checkup found, as tables for the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from nrgan.checkup import Cache, Checkup
from nrgan.memory import LIMIT, gigabytes


def checkup_tables(found: Checkup) -> list[Table]:
    """The machine, the libraries that are needed, the kinds of file, the extras."""
    return [_machine(found), _libraries(found), _kinds(found), _extras(found)]


def cache_words(cache: Cache) -> str:
    """How much the cache holds, and how it is cleared."""
    if cache.clear is None:
        return f"cache: {cache.folder} (NRGAN_CACHE sets another), empty"
    held = ", ".join(f"{name} {gigabytes(size)}" for name, size in cache.sizes.items())
    return f"cache: {cache.folder} (NRGAN_CACHE sets another): {held}\nto clear it: {cache.clear}"


def _machine(found: Checkup) -> Table:
    machine = found.machine
    table = Table("", "this machine", title="Machine")
    for name, words in {
        "system": f"{machine.system}, Python {machine.python}",
        "device": f"{machine.device}: {machine.units}",
        "precision": machine.precision,
        "free memory": gigabytes(machine.free_bytes),
        "for one image": f"{gigabytes(machine.decode_bytes)} at most ({LIMIT} sets that)",
    }.items():
        table.add_row(name, escape(words))
    return table


def _libraries(found: Checkup) -> Table:
    table = Table("library", "installed", "needed", title="What it needs")
    for library in found.libraries:
        state = library.installed or "missing"
        table.add_row(library.name, state if library.fits else f"{state}: does not fit", library.wanted)
    return table


def _kinds(found: Checkup) -> Table:
    table = Table("format", "names", "here", title="Files of images")
    for kind in found.kinds:
        state = escape(kind.command) if kind.command else "read and written" if kind.writes else "read"
        table.add_row(kind.name, " ".join(kind.suffixes), state)
    return table


def _extras(found: Checkup) -> Table:
    table = Table("extra", "libraries", "here", title="Extras")
    for extra in found.extras:
        state = "installed" if extra.command is None else escape(extra.command)
        table.add_row(extra.name, ", ".join(library.name for library in extra.libraries), state)
    return table
