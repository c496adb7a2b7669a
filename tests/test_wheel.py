"""What is installed for users is the program alone: nothing that hooks imports or patches code."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

import nrgan

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "nrgan"


LARGEST_WHEEL = 2 << 20
"""Bytes: a program, and no weights, pictures or data."""
TO_BUILD_AND_TEST = ("pyproject.toml", "Makefile", "constraints.txt", "tests/conftest.py", "benchmarks/data.py")
TO_READ = ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "SECURITY.md", "docs/index.md")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `python -m build` makes: the source archive, and the wheel that is made of it."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("built")
    # without isolation: a build of its own environment would need the network
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < LARGEST_WHEEL
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.startswith(f"nrgan-{nrgan.__version__}.dist-info/")}
        metadata = archive.read(f"nrgan-{nrgan.__version__}.dist-info/METADATA").decode()
    sources = (path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert names == {f"nrgan/{path.relative_to(PACKAGE).as_posix()}" for path in sources}
    assert "nrgan/py.typed" in names and any(name.endswith(".j2") for name in names)
    assert "License-Expression: MIT" in metadata and "# NR-GAN" in metadata


def test_the_source_archive_builds_tests_and_explains_and_is_small(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert names >= {*TO_BUILD_AND_TEST, *TO_READ}
    assert not [name for name in names if name.endswith((".pyc", ".whl"))]
    weights = {name for name in names if name.endswith(".safetensors")}
    assert all(name.startswith(("tests/", "src/nrgan/page/")) for name in weights), (
        "those of tests and of the page alone"
    )
    assert not [name for name in names if name.startswith(("results/runs", "outputs", "site"))]


def test_the_package_says_its_version() -> None:
    assert nrgan.__version__ == version("nrgan")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", nrgan.__version__)


@pytest.mark.parametrize("word", ["unittest", "meta_path", "MetaPathFinder", "path_hooks"])
def test_no_module_of_the_package_patches_or_hooks(word: str) -> None:
    modules = list(PACKAGE.rglob("*.py"))
    assert len(modules) > 50
    assert [str(path.relative_to(PACKAGE)) for path in modules if word in path.read_text(encoding="utf-8")] == []
