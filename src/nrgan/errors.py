"""Mistakes that the person at the keyboard can mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError


class NrganError(Exception):
    """Something went as it should not; the message says what, and what would do.

    Options are named in angle brackets, <batch_size>: Python's users see `batch_size`, those of the command line
    `--batch-size`. The command line prints the message as one line and exits with `exit_code`; no traceback.
    """

    exit_code = 1

    def __str__(self) -> str:
        return _OPTION.sub(lambda found: found[1], super().__str__())

    def for_command_line(self, option: Callable[[str], str]) -> str:
        """The message with the options as the command line has them; `option`: what it calls a field, with dashes."""
        return _OPTION.sub(lambda found: option(found[1]), super().__str__())


class UserError(NrganError):
    """Something asked for cannot be done.

    Where a single value is to blame, the message begins with it: "<field> value: why, and what would do".
    """

    exit_code = 2

    @property
    def field(self) -> str | None:
        """The option that is to blame, where one is."""
        found = _BLAMED.match(self.args[0])
        return found[1] if found else None

    @property
    def value(self) -> str | None:
        """Its value, as text."""
        found = _BLAMED.match(self.args[0])
        return found[2] if found else None

    @property
    def reason(self) -> str:
        """The message without the value that is to blame."""
        message = str(self)
        return message.partition(": ")[2] if self.field else message


class Damaged(UserError):
    """A file is not as it was written."""


class TrainingDiverged(NrganError):
    """The losses stopped being finite; the message names the iteration and the last good checkpoint."""


class RankLost(NrganError):
    """Another process of the same run has ended, or cannot be reached."""

    exit_code = 75
    """As sysexits.h has it for what may be tried again."""


_OPTION = re.compile(r"(?<![\w/\\.-])<([a-z][a-z0-9_]*)>(?!\.?[\w/\\-])")
"""An option's name, and not a part of a path such as /data/<scan>.png."""
_BLAMED = re.compile(r"<([a-z][a-z0-9_]*)> (.*?): ", re.DOTALL)


def unknown(kind: str, name: str, known: Iterable[str], listed: bool = True) -> UserError:
    """The error for a name that is not in a table, with the nearest names that are; `listed` by `nrgan list`."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
    where = " (all: nrgan list)" if listed else ""
    return UserError(f"unknown {kind} {name!r}; the nearest are {', '.join(near)}{where}")


def first_line(error: Exception) -> str:
    """The first line of what an error says; its type's name where it says nothing."""
    return _lines(error)[0]


def last_line(error: Exception) -> str:
    """The last line of what an error says, where a traceback has come before it; its type's name for no words."""
    return _lines(error)[-1]


def _lines(error: Exception) -> list[str]:
    return str(error).strip().splitlines() or [type(error).__name__]


class Refused(NamedTuple):
    """A value that a pydantic model refused."""

    location: tuple[str, ...]
    """The field's name, after those of the models that it lies in."""
    input: Any
    message: str
    """Why, without a capital: to go on after the field's name."""


def validation_sentence(error: ValidationError) -> Refused:
    """The first of the values that a pydantic model refused, in words to be said after the field's name."""
    first = error.errors()[0]
    said: str = first["msg"]
    words = _WORDS.get(first["type"], said[0].lower() + said[1:])
    context = {name: str(value).replace("'", "") for name, value in first.get("ctx", {}).items()}
    message = words.format(**context) if first["type"] in _WORDS else words
    return Refused(tuple(str(part) for part in first["loc"]), first["input"], message)


_WORDS = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "give a whole number"),
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), "give a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "give true or false"),
    **dict.fromkeys(("tuple_type", "list_type"), "give a list"),
    **dict.fromkeys(("path_type", "string_type"), "give a text"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "give names with values"),
    "greater_than_equal": "must be {ge} at least",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} at most",
    "less_than": "must be less than {lt}",
    "literal_error": "choose {expected}",
    "extra_forbidden": "there is no such option",
    "missing": "is missing",
    "too_short": "give {min_length} at least",
}
"""Our words for pydantic's kinds of error."""
