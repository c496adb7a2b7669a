"""What is installed for users is the program alone: nothing that hooks imports or patches code."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

import nrgan

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "nrgan"


def test_the_wheel_holds_the_package_and_nothing_else() -> None:
    options = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wheel = options.partition("[tool.hatch.build.targets.wheel]")[2].partition("\n[")[0]
    assert wheel.strip() == 'packages = ["src/nrgan"]'


def test_the_package_says_its_version() -> None:
    assert nrgan.__version__ == version("nrgan")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", nrgan.__version__)


@pytest.mark.parametrize("word", ["unittest", "meta_path", "MetaPathFinder", "path_hooks"])
def test_no_module_of_the_package_patches_or_hooks(word: str) -> None:
    modules = list(PACKAGE.rglob("*.py"))
    assert len(modules) > 50
    assert [str(path.relative_to(PACKAGE)) for path in modules if word in path.read_text(encoding="utf-8")] == []
