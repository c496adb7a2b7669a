"""Mistakes that the person at the keyboard can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something asked for cannot be done; the message says what, and what would do.

    The command line prints the message as one line and exits with `exit_code`; no traceback.
    """

    exit_code = 2


class TrainingDiverged(UserError):
    """The losses stopped being finite; the message names the iteration and the last good checkpoint."""

    exit_code = 1


def unknown(kind: str, name: str, known: Iterable[str], listed: bool = True) -> UserError:
    """The error for a name that is not in a table, with the nearest names that are; `listed` by `nrgan list`."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
    where = " (all: nrgan list)" if listed else ""
    return UserError(f"unknown {kind} {name!r}; the nearest are {', '.join(near)}{where}")
