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
from importlib.metadata import entry_points
from typing import Any, TypeVar

from nrgan.errors import UserError, first_line

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
