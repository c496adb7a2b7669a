"""Names in the place of paths: a page is made to be shared, and says nothing of the machine that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nrgan.data import name_of

_ABSOLUTE = re.compile(
    r"(?<![\w.:/\\<+-])(?:~|[A-Za-z]:(?=[\\/])|[a-z][a-z0-9+.-]*:/{1,2}(?=/))?(?:[\\/][^\s\\/'\"<>|,;:()]+)+[\\/]?"
)
"""A path from the root, the home folder or a drive, or an address; not a fraction, a date or a relative path."""


class Nameless:
    """Takes folders out of texts. known: paths that stand in them, also those with blanks."""

    def __init__(self, known: Iterable[str | Path]) -> None:
        paths = {str(path) for path in (*known, Path.home(), Path.cwd()) if len(Path(path).parts) > 1}
        self._known = sorted(paths, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with the last name of each path in its place."""
        for path in self._known:
            text = text.replace(path, name_of(path) if Path(path) != Path.home() else "~")
        return _ABSOLUTE.sub(lambda found: name_of(found[0]), text)


def shared_value(value: Any) -> Any:
    """An option's value with the name of a path in the place of the path."""
    if isinstance(value, list):
        return [shared_value(item) for item in value]
    if not isinstance(value, str) or value.lstrip().startswith("{"):
        return value
    return name_of(value) if "/" in value or "\\" in value else value


def paths_in(document: Any) -> list[str]:
    """The texts in a document that are paths from the root."""
    found, waiting = [], [document]
    while waiting:  # however deeply it is nested
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and Path(value).is_absolute():
            found.append(value)
    return found
