"""Corruptions as files hold them: the law's name and its plain numbers, and back."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.random import RandomState
from torch import Tensor

from laws import LAWS
from nrgan.corruptions import (
    AdditiveGaussian,
    AdditiveNoise,
    Between,
    Corruption,
    LocalGaussian,
    Mixture,
    Poisson,
    from_plain,
    to_plain,
)
from nrgan.draws import Draws
from nrgan.errors import UserError

OWN_CLASSES = [name for name, kind in Corruption.classes.items() if ":" not in name and not inspect.isabstract(kind)]


class _Unchanged(Corruption):
    def _corrupt(self, u: np.ndarray, rng: RandomState) -> np.ndarray:
        return u

    def _simulate(self, x: Tensor, draws: Draws) -> Tensor:
        return x


@dataclass(frozen=True)
class Rain(_Unchanged):
    """A user's own, with every kind of number that files hold."""

    drops: int = 3
    length: float | Between = 2.5
    slanted: bool = True
    colour: str = "grey"
    wind: float | None = None
    sizes: tuple[float, ...] = (1, 2.5)
    behind: Corruption = field(default_factory=AdditiveGaussian)
    layers: tuple[Corruption, ...] = ()


@dataclass(frozen=True)
class Snow(AdditiveNoise):
    """Another one, whose field no file holds."""

    flakes: object = None

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        return 0 * x


class NoDataclass(_Unchanged):
    """It does not say which numbers it is made of."""

    def __init__(self, drops: int = 3) -> None:
        self.drops = drops


def through_a_file(corruption: Corruption) -> Corruption:
    return from_plain(json.loads(json.dumps(to_plain(corruption))))


@pytest.mark.parametrize("row", LAWS)
def test_every_row_comes_back_as_it_was(row: str) -> None:
    """Also in its text, which names the cached noisy sets: 25 does not become 25.0."""
    corruption = LAWS[row]
    again = through_a_file(corruption)
    assert type(again) is type(corruption) and again == corruption and repr(again) == repr(corruption)


@pytest.mark.parametrize("name", OWN_CLASSES)
def test_every_class_of_ours_comes_back_under_its_bare_name(name: str) -> None:
    corruption = Corruption.classes[name]()
    assert to_plain(corruption)["law"] == name == type(corruption).__name__
    assert through_a_file(corruption) == corruption


@pytest.mark.parametrize(
    "rain",
    [
        Rain(),
        Rain(length=Between(1, 2.5), slanted=False, wind=0.5, sizes=()),
        Rain(behind=LocalGaussian(Between(5, 50), Between(8, 16)), layers=(Rain(drops=1), Poisson(Between(10, 50)))),
    ],
)
def test_a_users_dataclass_comes_back_whatever_it_holds(rain: Rain) -> None:
    plain = to_plain(rain)
    assert plain["law"] == f"{__name__}:Rain", "a class of somebody else's is known with its module"
    assert repr(through_a_file(rain)) == repr(rain) and through_a_file(rain) == rain


def test_plain_is_readable() -> None:
    assert to_plain(AdditiveGaussian(Between(5, 50))) == {"law": "AdditiveGaussian", "level": {"between": [5, 50]}}
    mixture = {"law": "Mixture", "levels": [15, 25, 50], "rates": [0.7, 0.2, 0.1]}
    assert to_plain(Mixture()) == mixture and from_plain(mixture) == Mixture()


@pytest.mark.parametrize(
    ("corruption", "words"),
    [
        (NoDataclass(), "NoDataclass: a corruption is to be a dataclass"),
        (Snow(flakes=[1, 2]), r"\[1, 2\]: a corruption holds numbers, texts and other corruptions only"),
        (Snow(flakes=np.float64), "holds numbers, texts"),
        (Rain(behind=NoDataclass()), "NoDataclass: a corruption is to be a dataclass"),
    ],
)
def test_what_no_file_holds_is_refused(corruption: Corruption, words: str) -> None:
    with pytest.raises(UserError, match=words):
        to_plain(corruption)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"law": "Hail"}, "the corruption Hail is not known here; import the module"),
        ({"law": "somewhere.else:Rain"}, "somewhere.else:Rain is not known here"),
        ({"law": "os:system"}, "os:system is not known here"),
        ({"law": "AdditiveNoise"}, "AdditiveNoise does not take these numbers"),
        ({"law": "AdditiveGaussian", "events": 3}, "AdditiveGaussian does not take these numbers"),
        ({"law": "AdditiveGaussian", "level": "much"}, "AdditiveGaussian does not take these numbers"),
        ({"law": "AdditiveGaussian", "level": None}, "AdditiveGaussian does not take these numbers"),
        ({"law": "AdditiveGaussian", "level": {"between": [1]}}, "AdditiveGaussian does not take these numbers"),
        ({"law": "AdditiveGaussian", "level": {"between": 5}}, "AdditiveGaussian does not take these numbers"),
        ({"law": "AdditiveGaussian", "level": -1}, "level=-1 must be >= 0"),
        ({"law": "AdditiveGaussian", "level": {"between": [5, 2]}}, "low <= high"),
        ({"law": "AdditiveGaussian", "level": {"law": "Hail"}}, "Hail is not known here"),
        ({"law": "AdditiveGaussian", "level": {}}, "a law with its numbers"),
        ({"level": 25}, "a law with its numbers"),
        ({"law": ["AdditiveGaussian"]}, "a law with its numbers"),
        ("AdditiveGaussian", "a law with its numbers"),
        (None, "a law with its numbers"),
    ],
)
def test_what_names_no_corruption_is_refused(document: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        from_plain(document)


def test_a_file_cannot_ask_for_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only classes that have been defined are known: nothing is imported because a file says so."""
    (tmp_path / "hostile_law.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match="hostile_law:Law is not known here"):
        from_plain({"law": "hostile_law:Law"})
    assert not (tmp_path / "ran").exists()
