"""How to cite: the file that programs read holds what it must, and papers are cited in the same words everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import nrgan

ROOT = Path(__file__).resolve().parents[1]
CITING = ROOT / "docs" / "citing.md"
OTHERS = (ROOT / "README.md", ROOT / "src" / "nrgan" / "publishing" / "model_card.md.j2")


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return found


def entries(path: Path) -> dict[str, str]:
    """The BibTeX entries of papers in a document, by their keys."""
    found = re.findall(r"@inproceedings\{(\w+),\n.*?\n\}", text := path.read_text(encoding="utf-8"), re.DOTALL)
    return {key: text[text.index(f"@inproceedings{{{key},") :].partition("\n}")[0] for key in found}


def test_the_file_is_of_the_format(citation: dict[str, Any]) -> None:
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation.keys() >= {"message", "title", "authors", "version", "license", "references"}
    assert citation["version"] == nrgan.__version__ and citation["license"] == "MIT"
    assert citation["authors"] == [{"name": "The NR-GAN project"}], "as the licence says"
    for reference in citation["references"]:
        assert reference.keys() >= {"type", "title", "authors", "year"}
        assert all(author.keys() == {"family-names", "given-names"} for author in reference["authors"])


def test_papers_are_cited_in_the_same_words_everywhere(citation: dict[str, Any]) -> None:
    told = entries(CITING)
    assert len(told) == len(citation["references"]) == 2
    for path in OTHERS:
        assert entries(path) == told, path
    for entry, reference in zip(told.values(), citation["references"], strict=True):
        names = " and ".join(f"{author['family-names']}, {author['given-names']}" for author in reference["authors"])
        plain = entry.replace("{{", "{").replace("AmbientGAN}", "AmbientGAN")
        assert f"title     = {{{reference['title']}}}" in plain and f"{{{names}}}" in plain
        assert f"year      = {{{reference['year']}}}" in plain and reference["collection-title"] in plain
