"""Traces of a machine and of its user, which nothing that is shared may hold: absolute paths, and their names."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nrgan.layout import WEIGHTS

_BEFORE = r"(?:^|(?<=[\s\"'`(=\[,>]))"
_PATH = re.compile(
    rf"{_BEFORE}(?:/(?:[\w.@+~-]+/)*[\w.@+~-]{{2,}}|[A-Za-z]:\\+\w|\\\\+[\w.-]+\\|~/\w)[^\s\"'`)\],<]*", re.MULTILINE
)
"""As POSIX and Windows write them; `1/2`, `and/or` and addresses with `://` are none."""
_SHORTEST = 3
"""Letters of a name that is looked for: shorter ones stand in any text by chance."""
_EVERYBODYS = frozenset("root user admin administrator guest ubuntu debian docker localhost".split())
"""Names that tell nothing of anybody."""


def traces(file: Path, allowed: Iterable[str] = ()) -> list[str]:
    """The absolute paths in a file, and the names of this machine and its user; of weights in what describes them.

    allowed: words that may be there all the same.
    """
    text = _text_of(file)
    names = _own_names() - {word.lower() for word in allowed}
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    found = [match[0] for match in _PATH.finditer(text)]
    if names:
        found += [match[0] for match in re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", text, re.IGNORECASE)]
    return list(dict.fromkeys(found))


def _own_names() -> set[str]:
    """Of the user and of the machine, in small letters."""
    found = [socket.gethostname(), socket.gethostname().partition(".")[0], Path.home().name]
    with suppress(Exception):  # no name, or no list of users: another error on every system
        found.append(getpass.getuser())
    return {name.lower() for name in found if len(name) >= _SHORTEST} - _EVERYBODYS


def _text_of(file: Path) -> str:
    """A file's text; of weights the header, for numbers look like anything."""
    with file.open("rb") as opened:
        if file.name == WEIGHTS:
            return opened.read(int.from_bytes(opened.read(8), "little")).decode("utf-8", "replace")
        return opened.read().decode("utf-8", "replace")
