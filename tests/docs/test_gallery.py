"""The programs of docs/gallery/ run, at small size, write their pictures, and are on the page with a full-size one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.documents import Block
from docs.running import run_blocks
from docs.test_documents import LIMITS, ROOT

GALLERY = ROOT / "docs" / "gallery"
SHARED = "scenes"
PROGRAMS = sorted(path for path in GALLERY.glob("*.py") if path.stem != SHARED)
TRAINING = re.compile(r"\b(denoise|train)\(")
"""What takes half a minute at small size too."""
SMALL = LIMITS | {"side": 512, "width": 8}
LARGER = {"uncertainty": SMALL | {"iterations": 400, "width": 16}}
"""Expected errors are told of a learned denoiser that non-local means do not outdo: one that has learned something."""


def test_eight_programs_are_shown() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert len(PROGRAMS) == 8
    for path in PROGRAMS:
        assert f"{{literalinclude}} gallery/{path.name}\n" in page
        assert f"](images/gallery/{path.stem}.png)" in page


def marked(path: Path) -> object:
    trains = TRAINING.search(path.read_text(encoding="utf-8"))
    return pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if trains else [])


@pytest.mark.parametrize("path", [marked(path) for path in PROGRAMS])
def test_a_program_writes_its_picture(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(GALLERY)
    program = Block(path.name, 1, "python", path.read_text(encoding="utf-8"))
    run_blocks([program], str(path), LARGER.get(path.stem, SMALL), monkeypatch)
    assert Path(f"{path.stem}.png").stat().st_size > 2000
