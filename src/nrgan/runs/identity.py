"""Whether a run is the same one that a folder or a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nrgan.errors import UserError

PRECISION, OBJECTS, DATA = "precision", "objects", "data"
_LONG = 100
"""Letters of a value that is not shown any more, as of the numbers of a noise."""


def check_same_run(saved: Any, now: Mapping[str, Any], defaults: Mapping[str, Any], where: Path) -> None:
    """Raises `UserError` where what `where` was saved with differs from this run's identity, or from more of it.

    defaults: what an option was that an older run did not save, for it had no choice of it.
    """
    if not isinstance(saved, dict):
        raise UserError(f"{where}: does not say what run it is of")
    there = {**defaults, **saved}
    differing = [name for name in now if there.get(name) != now[name]]
    if OBJECTS in saved and OBJECTS not in now:
        differing.append(OBJECTS)
    if not differing:
        return
    said = [_difference(name, there.get(name), now.get(name)) for name in differing]
    hint = f"; <precision> {there[PRECISION]} goes on" if differing == [PRECISION] else ""
    raise UserError(f"{where} is of another configuration: {'; '.join(said)}{hint}")


def _difference(name: str, there: Any, here: Any) -> str:
    if name == OBJECTS:
        objects = {**(there or {}), **(here or {})}
        return (
            f"it was trained with {there or 'no objects of your own'}: give the same {', '.join(sorted(objects))} again"
        )
    if name == DATA:
        return "its images are not those that it was begun with"
    said = [repr(value) if len(repr(value)) < _LONG else "another one" for value in (there, here)]
    return f"<{name}> is {said[0]} there and {said[1]} here"
