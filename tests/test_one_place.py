"""One fact, one place: choices of names, and tables by source, are written once and used from there."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import nrgan
from nrgan.data import SOURCES
from nrgan.objectives.logistic import PenaltyGradient
from nrgan.training.config import ObjectiveOptions

SOURCE = Path(nrgan.__file__).parent
TWICE = {frozenset(get_args(PenaltyGradient))}
"""Said where it is used, which needs torch, and again for the command line's help, which should not wait for it."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCE.rglob("*.py"):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text(encoding="utf-8"))


def words(nodes: list[ast.expr]) -> frozenset[str]:
    return frozenset(n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))


def choices(tree: ast.AST) -> Iterator[frozenset[str]]:
    """The words of each `Literal[…]` of several."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
            found = words(node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])
            if len(found) > 1:
                yield found


def tables(tree: ast.AST) -> Iterator[frozenset[str]]:
    """The words of each list, tuple and set, and the keys of each dictionary."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            yield words(node.elts)
        elif isinstance(node, ast.Dict):
            yield words([key for key in node.keys if key is not None])


def test_a_choice_of_names_is_written_once() -> None:
    places = defaultdict(list)
    for name, tree in modules():
        for choice in choices(tree):
            places[choice].append(name)
    assert len(places) > 5
    again = {tuple(sorted(choice)): where for choice, where in places.items() if len(where) > 1}
    assert again.keys() == {tuple(sorted(choice)) for choice in TWICE}, again


def test_what_is_written_twice_is_the_same() -> None:
    assert ObjectiveOptions.model_fields["penalty_gradient"].annotation == PenaltyGradient


def test_sources_are_listed_once() -> None:
    found = [name for name, tree in modules() for table in tables(tree) if len(table & SOURCES.keys()) > 1]
    assert found == ["data/sources/__init__.py"]


@pytest.mark.parametrize(
    ("text", "count"),
    [('x: Literal["a", "b"]', 1), ('x: Literal["a"]', 0), ('Literal["b", "a"] | None', 1), ('Literal[Other, "b"]', 0)],
)
def test_choices_are_seen(text: str, count: int) -> None:
    assert len(list(choices(ast.parse(text)))) == count
