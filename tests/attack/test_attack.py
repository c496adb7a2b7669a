"""The command line under attack, two minutes of it; `make attack MINUTES=40` goes on for as long as one likes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attack import arsenal
from attack.cases import file_case, option_case
from attack.harness import LONG_WORK, Case, Runner, judge

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="it forks")]

attacked = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runner, Path, dict[str, str]]]:
    root = tmp_path_factory.mktemp("attack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(root / "cache"))
        built = arsenal.build(root / "arsenal")
        runner = Runner(root / "scratch")
        yield runner, built, {verb: arsenal.help_of(verb) for verb in arsenal.verbs()}
        runner.close()


def attack(ready: tuple[Runner, Path, dict[str, str]], make: Callable[[random.Random, Path], Case], seed: int) -> None:
    runner, built, _ = ready
    folder = built.with_name("case")
    shutil.rmtree(folder, ignore_errors=True)
    assert judge(runner, make(random.Random(seed), folder)) == []


@attacked
@given(seed=st.integers(0, 2**32))
def test_options(ready: tuple[Runner, Path, dict[str, str]], seed: int) -> None:
    attack(ready, lambda rng, folder: option_case(rng, ready[1], folder, ready[2]), seed)


@attacked
@given(seed=st.integers(0, 2**32))
def test_files(ready: tuple[Runner, Path, dict[str, str]], seed: int) -> None:
    attack(ready, lambda rng, folder: file_case(rng, ready[1], folder), seed)


def test_what_is_attacked_works_unharmed(ready: tuple[Runner, Path, dict[str, str]], tmp_path: Path) -> None:
    """Else an attack would end in the same error, whatever it did."""
    runner, built, helps = ready
    failed = {}
    for verb in sorted(set(helps) - LONG_WORK - {"fetch"} | {"train"}):  # fetch asks the network
        folder = tmp_path / verb
        shutil.copytree(built, folder)
        outcome = runner.run(Case("unharmed", tuple(arsenal.command_of(verb, helps[verb])), folder))
        if outcome["code"]:
            failed[verb] = outcome["err"]
    assert not failed
