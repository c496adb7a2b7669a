"""What is said of images that cannot tell everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from noisy_scenes import of_shapes
from nrgan.diagnosis.unknowns import unknowns


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": 299}, "299 images are few: the estimates are rough"),
        ({"little_noise": True, "level_below": 3.14}, "white noise of a level below 3.1 (of 255) may be there"),
        ({"level_at_signal": [None] * 7 + [25.0] * 2 + [None] * 7}, "only signals of 120 to 136 (of 255) are usable"),
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


def test_laws_that_fit_alike() -> None:
    found = of_shapes("mg25")
    chosen = found.relation
    assert chosen is not None and found.certain
    other = replace(found.laws["square-root"], chi2=chosen.chi2 + 1)
    (said,) = unknowns(replace(found, laws=found.laws | {"square-root": other}))
    assert said.endswith("whether the level is proportional to the signal or to its square root")
    assert unknowns(replace(found, laws=found.laws | {"square-root": other}, dependence="constant")) == []
