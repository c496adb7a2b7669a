"""What is said of images that cannot tell everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from noisy_scenes import of_shapes
from nrgan.diagnosis.findings import Finding
from nrgan.diagnosis.laws import LAWS, FittedLaw
from nrgan.diagnosis.prediction import Quiet
from nrgan.diagnosis.unknowns import level_doubts, likely_laws, unknowns

SLIGHT = FittedLaw(LAWS["square-root"], c=100.0, b2=600.0, misfit=0.0, chi2=0.0, c_error=300.0)
"""That the level grows by 6% is seen, and that it grows by 45% is not excluded."""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"error": 1.2}, "300 images are few: the level is known to 1.2 only"),
        ({"little_noise": True, "level_below": 3.14}, "white noise of a level below 3.1 (of 255) may be there"),
        ({"laws": {"square-root": SLIGHT}, "level_at_signal": [None] * 7 + [25.0] * 2 + [None] * 7}, "only signals of"),
        ({"level_at_signal": [None] * 16, "dependence": "unknown"}, "only signals of 0 to 0 (of 255)"),
        ({"level_inside": 11.0}, "noise in a part of each image may be fine detail of the images"),
        ({"dependence": "other"}, "no relation of noise to signal that is known here fits"),
        ({"size": (32, 32, 1), "white": False}, "with one channel, fine detail"),
        ({"independent_channels": False}, "the channels' noise may be correlated"),
        ({"tails": "unknown"}, "too few smooth places to tell whether the values are Gaussian"),
    ],
)
def test_each_doubt_alone(changed: dict[str, Any], words: str) -> None:
    found = of_shapes("ag25")
    assert unknowns(found) == [] and found.certain
    (said,) = unknowns(replace(found, **changed))
    assert words in said


def test_what_was_seen_beside_the_noise_of_pixels() -> None:
    found = of_shapes("ag25")
    (said,) = unknowns(replace(found, findings=(Finding("hot pixels", True, words="9 pixels stand out"),)))
    assert "9 pixels stand out" in said
    assert unknowns(replace(found, findings=(Finding("row offsets", True, 2.0),))) == [], "a law has them"


@pytest.mark.parametrize(
    ("quiet", "words"),
    [(Quiet(0.7, 0.7), "have 70% of the level"), (Quiet(1.0, 1.5), "are 1.5 times"), (None, "too few usable places")],
)
def test_quiet_places_that_are_not_as_the_noise_would_make_them(quiet: Quiet | None, words: str) -> None:
    (said,) = unknowns(replace(of_shapes("ag25"), quiet=quiet))
    assert words in said


@pytest.mark.parametrize(
    ("changed", "doubted"),
    [
        ({"error": 1.2}, True),
        ({"quiet": Quiet(0.7, 0.7)}, True),
        ({"quiet": None}, True),
        ({"independent_channels": False}, True),
        ({"quiet": Quiet(1.0, 1.5)}, False),
        ({"tails": "unknown"}, False),
        ({}, False),
    ],
)
def test_doubts_of_the_level_are_told_from_others(changed: dict[str, Any], doubted: bool) -> None:
    found = replace(of_shapes("ag25"), **changed)
    assert level_doubts(found) == (unknowns(found) if doubted else [])


def test_laws_that_fit_alike() -> None:
    found = of_shapes("mg25")
    chosen = found.relation
    assert chosen is not None and likely_laws(found) == ["the signal"]
    other = replace(found.laws["square-root"], chi2=chosen.chi2 + 1)
    both = replace(found, laws=found.laws | {"square-root": other})
    assert likely_laws(both) == ["the signal", "its square root"]
    assert likely_laws(replace(both, dependence="constant")) == []
