"""What pages of docs/ are made from: the command line's help is read whole, every model has its page and picture."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest

from docs.test_documents import ROOT
from nrgan.models import LEARNED, MODELS

FITTED = "fitted"
PAGES = ROOT / "docs" / "models"


@pytest.fixture(scope="module")
def options() -> ModuleType:
    """The extension that makes the page of options."""
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(ROOT / "docs" / "extensions"))
    try:
        import options
    finally:
        sys.path.pop(0)
    return options


def test_every_option_is_read(options: ModuleType) -> None:
    helps = options.all_helps()
    assert {"train", "diagnose", "denoise"} <= helps.keys()
    for verb, found in helps.items():
        read = [name for group in found.groups for option in group.options for name in option.name.split(", ")]
        named = re.findall(r"^ {2}(--?[a-z][\w-]*)", options.help_of(verb), re.MULTILINE)
        assert named and {name.split()[0] for name in read} >= set(named)
        assert all(option.explained for group in found.groups for option in group.options), verb


def test_an_option_has_its_sentence_and_its_default(options: ModuleType) -> None:
    groups = {group.title: group for group in options.all_helps()["train"].groups}
    assert [option.name for option in groups["positional arguments"].options] == ["SETTING", "MODEL", "OUT"]
    (scale,) = (o for o in groups["network options"].options if o.name.startswith("--residual-scale"))
    assert (scale.sentence, scale.default) == ("Factor of every residual branch.", "0.1")
    assert groups["network options"].about == "Which networks, and how large."


def test_a_line_that_is_not_understood_is_an_error(options: ModuleType) -> None:
    with pytest.raises(ValueError, match="not understood"):
        options.read_help("usage: nrgan x\n\nAbout.\n\n options\n ----\n          explains nothing\n")


@pytest.mark.parametrize("name", [*MODELS, LEARNED, FITTED])
def test_a_model_has_its_page(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert f"](../images/models/{name}.png)" in page and "$$" in page
    assert all(heading in page for heading in ("**It assumes**", "**It fails**", "**Use it**"))
    assert (ROOT / "docs" / "images" / "models" / f"{name}.png").stat().st_size < 150_000
