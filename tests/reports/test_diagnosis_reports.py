"""The table, the figure and the files of a diagnosis."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from noisy_scenes import noisy, of_shapes, scenes
from nrgan.diagnosis import Diagnosed, recommend
from nrgan.frames import ValueRange
from nrgan.reports.diagnosis_files import write_diagnosis
from nrgan.reports.diagnosis_table import diagnosis_table
from nrgan.settings import choose_data

EIGHT_BITS = ValueRange.of(0, 255, "uint8")


@pytest.mark.parametrize("key", ["mg25", "p30", "lg25p16", ""])
def test_files(tmp_path: Path, key: str) -> None:
    found = of_shapes(key)
    advice = recommend(found)
    figure = write_diagnosis(
        Diagnosed(found, advice, noisy(scenes()[:60], key), (), choose_data("shapes-ag25"), EIGHT_BITS),
        tmp_path / "told",
    )
    document = json.loads((tmp_path / "told" / "diagnosis.json").read_text())
    assert document["recommendation"]["model"] == advice.model
    assert document["diagnosis"]["level"] == found.level
    assert figure == tmp_path / "told" / "diagnosis.png" and figure.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ag25", "relation to the signal │ none"),
        ("mg25", "proportional: σ² = ("),
        ("p30", "square root: σ² = 255²·x/"),
        ("lg25p16", "in a part of each image only"),
        ("ag5-50", "±"),
        ("", "little noise, or none"),
    ],
)
def test_table(key: str, words: str) -> None:
    found = of_shapes(key)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(diagnosis_table(found, recommend(found)))
    assert words in console.export_text()
