"""Rows of installed packages, found by their entry points; nothing is imported because a file names it.

A package that offers rows says so in its own pyproject.toml, a name and an object each:

    [project.entry-points."nrgan.corruptions"]
    rain = "their_package.rain:RAIN"            # a settings.Row, or a Corruption
    [project.entry-points."nrgan.models"]       # a Model
    [project.entry-points."nrgan.invariances"]  # an InvarianceRow
    [project.entry-points."nrgan.families"]     # a Family
    [project.entry-points."nrgan.objectives"]   # a class of Objective
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import distributions, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from nrgan.errors import UserError, first_line

_GROUPS = "nrgan."
Row = TypeVar("Row")
Fits = Callable[[Any], bool]
"""Whether an object can be a row of a table."""


def with_plugins(group: str, rows: Mapping[str, Row], fits: Fits) -> Mapping[str, Row]:
    """Our rows and those that installed packages offer for the group; ours win where names meet.

    Raises `UserError` where a package's row cannot be imported, or is none.
    """
    return {**rows, **_offered(group, fits), **rows}  # ours come first, and are not replaced


def find_row(group: str, rows: Mapping[str, Row], name: str, fits: Fits) -> Row | None:
    """The row of a name, or None; other packages are imported only for a name that is not ours. Raises `UserError`."""
    return rows[name] if name in rows else with_plugins(group, rows, fits).get(name)


def carried(folder: Path) -> list[Path]:
    """What makes the rows of the packages here known to another machine, where it is on the path of Python's modules.

    The packages' modules, and for each package a folder in `folder` that says what it offers.
    """
    found = dict[Path, None]()
    for distribution in distributions():
        offers = [entry for entry in distribution.entry_points if entry.group.startswith(_GROUPS)]
        if not offers:
            continue
        about = folder / f"{distribution.name}-{distribution.version}.dist-info"
        about.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: {distribution.name}\nVersion: {distribution.version}\n"
        (about / "METADATA").write_text(metadata, encoding="utf-8")
        said = "".join(f"[{entry.group}]\n{entry.name} = {entry.value}\n" for entry in offers)
        (about / "entry_points.txt").write_text(said, encoding="utf-8")
        found[about] = None
        for entry in offers:
            module = find_spec(entry.module.partition(".")[0])
            if module is not None and module.origin is not None:
                origin = Path(module.origin)
                found[origin.parent if module.submodule_search_locations else origin] = None
    return list(found)


@cache
def _offered(group: str, fits: Fits) -> dict[str, Any]:
    found = {}
    for entry in entry_points(group=group):
        offer = f"{entry.value}, which {entry.dist.name if entry.dist else 'a package'} offers as {entry.name!r}"
        try:
            row = entry.load()
        except Exception as error:  # whatever their code may do
            raise UserError(f"{group}: {offer}, cannot be imported ({first_line(error)}); mend or remove it") from error
        if not fits(row):
            raise UserError(f"{group}: {offer}, is no row of this table but {row!r}; mend or remove it")
        found[entry.name] = row
    return found
