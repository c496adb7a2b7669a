"""Corruptions as plain values, which files can hold: {"law": "AdditiveGaussian", "level": 25}."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from nrgan.corruptions.base import Corruption
from nrgan.corruptions.levels import Between
from nrgan.errors import UserError

_LAW = "law"
_BETWEEN = "between"


def to_plain(corruption: Corruption) -> dict[str, Any]:
    """The name of the law and its numbers; raises `UserError` for one that is no dataclass of plain numbers."""
    names = [name for name, known in Corruption.classes.items() if known is type(corruption)]
    if not names or not is_dataclass(corruption):
        raise UserError(
            f"{type(corruption).__name__}: a corruption is to be a dataclass of numbers, so that files hold it"
        )
    return {_LAW: names[0]} | {f.name: _plain(getattr(corruption, f.name)) for f in fields(corruption)}


def _plain(value: Any) -> Any:
    if isinstance(value, Corruption):
        return to_plain(value)
    if isinstance(value, Between):
        return {_BETWEEN: [value.low, value.high]}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UserError(f"{value!r}: a corruption holds numbers, texts and other corruptions only")


def from_plain(document: Any) -> Corruption:
    """What `to_plain` gave. Only classes that have been defined are known: nothing is imported because a file says so.

    Raises `UserError` for an unknown law, or numbers that it does not take.
    """
    if not isinstance(document, dict) or not isinstance(document.get(_LAW), str):
        raise UserError("a corruption is to be a law with its numbers")
    name = document[_LAW]
    if name not in Corruption.classes:
        raise UserError(f"the corruption {name} is not known here; import the module that defines it first")
    try:
        return Corruption.classes[name](**{key: _value(v) for key, v in document.items() if key != _LAW})
    except TypeError as error:
        raise UserError(f"the corruption {name} does not take these numbers ({error})") from error


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        return Between(*plain[_BETWEEN]) if _BETWEEN in plain else from_plain(plain)
    return tuple(_value(entry) for entry in plain) if isinstance(plain, list) else plain
