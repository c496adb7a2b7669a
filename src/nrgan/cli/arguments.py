"""Reading the arguments; a mistake in them is one line, where the library that reads them draws a box."""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

import tyro

from nrgan.errors import UserError

_HOW: dict[str, Any] = {
    "prog": "nrgan",
    "description": "Learn a clean image generator when only noisy images exist. (--version: which one this is.)",
    "config": (tyro.conf.PositionalRequiredArgs, tyro.conf.CascadeSubcommandArgs),
}
_WIDE = "10000"
_RULE = re.compile(r"[─-]{4,}")
_HELP_OF = re.compile(r"nrgan[ \w-]* --help")
_HELP = 8
"""Spaces before what explains an option, in a box that names it."""


def read(verbs: Any, given: Sequence[str]) -> Any:
    """The verb that the arguments ask for; raises `UserError` for arguments that ask for none."""
    errors = io.StringIO()
    try:
        with redirect_stderr(errors):
            return _cli(verbs, given)
    except SystemExit as end:
        if end.code != 2:
            raise
    errors = io.StringIO()
    # once more, with every sentence on one line
    with _columns(_WIDE), redirect_stderr(errors), suppress(SystemExit):
        _cli(verbs, given)
    raise UserError(_sentence(errors.getvalue()))


def parser(verbs: Any) -> Any:
    """The same arguments as a parser like argparse's, for what reads such: completion."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it has no successor yet
        return tyro.extras.get_parser(verbs, **_HOW)


def _cli(verbs: Any, given: Sequence[str]) -> Any:
    plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb"
    tyro._experimental_options["ansi_codes"] = not (plain or os.environ.get("NO_COLOR"))
    tyro._experimental_options["utf8_boxes"] = not plain
    return tyro.cli(verbs, args=list(given), **_HOW)


@contextmanager
def _columns(width: str) -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = width
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _sentence(box: str) -> str:
    """What a box says: its first part without explanations of options, then which they may have been, and the help."""
    first, *others = _parts(box)
    lines = [line.strip() for line in first if not line.startswith((" " * _HELP, "Arguments are applied"))]
    said = (
        " ".join(lines)
        .replace("Error parsing ", "")
        .replace("invalid literal for int() with base 10:", "no whole number:")
        .rstrip(".")
    )
    said = said[:1].lower() + said[1:]
    for part in others:
        if part and part[0].startswith("Perhaps you meant"):
            of_verbs = _meant(part[1:])
            elsewhere = [f"{name} is of {', '.join(verbs)}" for name, verbs in of_verbs.items() if name in said.split()]
            said = "; ".join([said, f"perhaps {', '.join(of_verbs)}", *elsewhere])
        elif part and part[0].startswith("Available"):
            said += f"; {part[0][:1].lower()}{part[0][1:]}"
    (*_, help_of) = ("nrgan --help", *_HELP_OF.findall(box))
    return f"{said}; see {help_of}"


def _meant(lines: list[str]) -> dict[str, list[str]]:
    """The options that a box suggests, and the verbs that have each."""
    found: dict[str, list[str]] = {}
    verbs: list[str] = []
    for line in lines:
        if line.startswith("    -"):
            verbs = found.setdefault(line.split()[0], [])
        elif line.strip().startswith("in nrgan "):
            verbs.append(line.strip().removeprefix("in ").removesuffix(" --help"))
    return {name: sorted(set(of)) for name, of in found.items()}


def _parts(box: str) -> list[list[str]]:
    """The lines of a box between its rules, without title and frame, which is of blanks where it cannot be drawn."""
    parts: list[list[str]] = [[]]
    for line in box.strip("\n").splitlines()[1:]:
        text = line[2:].rstrip(" │╯")
        if _RULE.fullmatch(text.strip()):
            parts.append([])
        elif text.strip() and not line.startswith("╰"):
            parts[-1].append(text)
    return [part for part in parts if part] or [[]]
