"""The law that is made of what was found: drawn from, it is found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import RandomState

from noisy_scenes import Images, noisy, of_shapes, scenes
from nrgan.corruptions import Fitted, from_plain, to_plain
from nrgan.diagnosis import estimate_noise, law_of, recommend
from nrgan.diagnosis.findings import Finding
from nrgan.diagnosis.law import generalised_normal
from nrgan.ranges import unit_from_stored


def drawn(law: Fitted) -> Images:
    """Scenes with noise of the law, clipped."""
    clean = unit_from_stored(scenes())
    made = np.stack([law.corrupt(image, RandomState(k)) for k, image in enumerate(clean)])
    return np.clip(made, 0, 1).astype(np.float32)


@pytest.mark.parametrize("key", ["ag25", "ag5-50", "u50", "mix", "p30"])
def test_drawn_from_it_is_found_again(key: str) -> None:
    found = of_shapes(key)
    law = law_of(found)
    assert law is not None and from_plain(to_plain(law)) == law
    again = estimate_noise(drawn(law))
    # of noise that was cut at white, scenes tell less
    assert again.level == pytest.approx(found.level, rel=0.06 if key != "p30" else 0.12)
    r, r_again = (np.array(told.autocorrelation)[:3, :3] for told in (found, again))
    assert np.abs(r - r_again).max() < 0.12
    assert again.tails == found.tails and again.varies_by_image == found.varies_by_image
    assert again.spread_over_images == pytest.approx(found.spread_over_images, rel=0.2, abs=0.1)


def test_correlation_is_drawn_as_it_was_told_or_as_near_as_noise_can_be() -> None:
    axis = np.array([1, 0.8, 0.4, 0.11, 0.01])
    found = replace(of_shapes("ag25"), white=False, autocorrelation=np.outer(axis, axis).tolist())
    law = law_of(found)
    assert law is not None and np.abs(law.given_correlation - np.outer(axis, axis)).max() < 0.05
    # no noise has this: its neighbours are alike, and theirs unlike
    torn = np.outer([1, 0.9, 0.0, 0, 0], [1, 0.9, 0.0, 0, 0]).tolist()
    near = law_of(replace(found, autocorrelation=torn))
    assert near is not None and near.given_correlation[0, 1] == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize("kurtosis", [-1.1, -0.5, 0.0, 1.0, 3.0])
def test_tails_have_the_kurtosis_that_was_found(kurtosis: float) -> None:
    law = Fitted(signal=(0.5,), level=(10.0,), quantiles=generalised_normal(kurtosis))
    noise = law.noise(np.full((300, 300, 1), 0.5), RandomState(0)).ravel()
    told = float(np.mean(noise**4) / np.mean(noise**2) ** 2 - 3)
    assert told == pytest.approx(kurtosis, abs=0.15 + 0.1 * abs(kurtosis))


@pytest.mark.parametrize("key", ["lg25p16", ""])
def test_what_has_no_law(key: str) -> None:
    assert law_of(of_shapes(key)) is None


def test_what_was_found_beside_is_in_it() -> None:
    found = of_shapes("ag25")
    rows, shared = Finding("row offsets", True, 3.0), Finding("shared channels", True, 0.5)
    salt = Finding("impulses", True, 0.02, numbers={"white": 0.25, "at ends": 1.0})
    law = law_of(replace(found, findings=(rows, shared, salt)))
    assert law is not None
    assert (law.rows, law.columns, law.shared, law.impulses, law.salt) == (3.0, 0.0, 0.5, 0.02, 0.25)
    rays = Finding("impulses", True, 0.02, numbers={"white": 1.0, "at ends": 0.1})
    assert law_of(replace(found, findings=(rays,))) is None, "no law has heights like theirs"


def test_counts_stored_with_gaps_are_counts() -> None:
    """Up to thirty events in a pixel, in 8 bits 8 or 9 apart: to a Gaussian of their level a discriminator says no."""
    found = of_shapes("p30")
    law = law_of(found)
    assert found.finding("few photons") is not None and found.finding("few levels") is None
    assert law is not None and law.events == pytest.approx(30, rel=1e-3) and law.dark == 0
    values = np.unique(np.round(30 * law.corrupt(np.full((64, 64, 1), 0.4), RandomState(0)), 6))
    assert (values == np.rint(values)).all()
    assert recommend(found).chosen == "fitted"


def test_certain_noise_is_held_and_other_is_learned() -> None:
    found = of_shapes("ag25")
    certain, doubted = recommend(found), recommend(replace(found, certain=False))
    assert (certain.chosen, certain.model, certain.published) == ("fitted", "ambientgan", "sinrgan1")
    assert (doubted.chosen, doubted.model) == ("published", "sinrgan1")


@pytest.mark.parametrize(
    ("name", "prior", "kept"),
    [
        ("row offsets", "row-stripes", "shuffle-rows"),
        ("column offsets", "column-stripes", "shuffle-columns"),
        ("shared channels", "shared", "shuffle-pixels"),
    ],
)
def test_what_no_published_model_has_is_composed(name: str, prior: str, kept: str) -> None:
    found = replace(of_shapes("ag25"), certain=False, findings=(Finding(name, True, 3.0, words="it is there"),))
    advice = recommend(found)
    assert advice.chosen == "composed" and advice.model == "learned" and "it is there" in advice.reason
    assert advice.composed is not None and kept in advice.composed.invariances.split(",")
    advice.composed.model()
    following = recommend(replace(found, dependence="unknown")).composed
    assert following is not None and (following.prior, following.implicit) == (prior, True)
    following.model()


def test_several_structures_are_learned_by_what_separates_them() -> None:
    both = (Finding("row offsets", True, 3.0), Finding("column offsets", True, 3.0))
    found = replace(of_shapes("ag25"), certain=False, findings=both)
    told = recommend(found, separates=("flip-down", "invert")).composed
    assert told is not None and (told.prior, told.invariances) == ("none", "flip-down,invert")
    nothing = recommend(found).composed
    assert nothing is not None and nothing.invariances == "invert"
    nothing.model()


def test_compressed_files_have_no_model() -> None:
    blocks = Finding("compression blocks", True, 0.3, words="jumps between blocks")
    advice = recommend(replace(of_shapes("ag25"), findings=(blocks,)))
    assert advice.chosen == "none" and "jumps between blocks" in advice.reason


def test_little_noise_has_no_law_and_plain_gan() -> None:
    advice = recommend(of_shapes(""))
    assert (advice.chosen, advice.model, advice.law) == ("published", "gan", None)
    assert noisy(scenes(), "").shape == (300, 32, 32, 3)
