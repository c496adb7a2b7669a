"""Every relation between signal and noise: fitted to itself, named, described."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from noisy_scenes import of_shapes
from nrgan.diagnosis import recommend
from nrgan.diagnosis.curve import BINS, Bins, Curve, fit_curve, fit_law
from nrgan.diagnosis.dependence import dependence_of
from nrgan.diagnosis.laws import LAWS, OTHER, UNKNOWN, Law, depends_on_signal

X = (np.arange(BINS) + 0.5) / BINS
C, B2 = 30.0**2, 10.0**2
rows = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)


def curve_of(variance: npt.NDArray[np.float64]) -> Curve:
    return Curve(X, variance, 0.02 * variance)


def floor_of(law: Law) -> float:
    """σ² at no signal: below 0, where there is an offset."""
    return -20.0 if law.above_an_offset else B2


def curve_by(law: Law) -> Curve:
    return curve_of(C * law.g(X) + floor_of(law))


@rows
def test_a_law_is_found_in_its_own_curve(law: Law) -> None:
    fitted = fit_law(law, curve_by(law))
    assert fitted.variance(X) == pytest.approx(curve_by(law).variance)
    assert fitted.b2 == pytest.approx(floor_of(law))
    assert fitted.floor == pytest.approx(max(floor_of(law), 0) ** 0.5)
    assert fitted.misfit < 1e-6 and fitted.chi2 < 1e-6
    found = dependence_of(curve_by(law))
    assert found.name == law.name
    assert depends_on_signal(found.name) is law.depends
    signal = np.full((2, 1, 1, 3), 128, np.float32)
    assert found.expected(signal) == pytest.approx(fitted.variance(np.array([128 / 255]))[0], rel=1e-6)


def test_the_numbers_that_laws_go_by() -> None:
    # the level at the brightest signal; events of the brightest signal
    assert fit_law(LAWS["proportional"], curve_by(LAWS["proportional"])).scale == pytest.approx(30)
    assert fit_law(LAWS["square-root"], curve_by(LAWS["square-root"])).scale == pytest.approx(255**2 / 900)
    assert fit_law(LAWS["square-root"], curve_of(np.full(BINS, B2) - X)).scale is None
    assert fit_law(LAWS["constant"], curve_by(LAWS["constant"])).scale == 0


@rows
def test_a_law_says_what_it_is(law: Law) -> None:
    fitted = fit_law(law, curve_by(law))
    shown = "(x - 0.022)" if law.above_an_offset else "10.0²"
    assert not law.depends or (law.words and shown in fitted.describe())
    assert "{" not in fitted.describe()
    assert set(json.loads(json.dumps(fitted.as_json(), allow_nan=False))) == {"scale", "floor", "misfit", "chi2"}
    assert pickle.loads(pickle.dumps(fitted)) == fitted


def test_curves_of_no_law_and_of_too_few_bins() -> None:
    bump = curve_of(100 + 3000 * np.exp(-((X - 0.5) ** 2) / 0.01))
    assert dependence_of(bump).name == OTHER
    few = curve_by(LAWS["proportional"])
    few.variance[3:] = np.nan
    assert dependence_of(few).name == UNKNOWN


def test_a_new_law_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    cube = Law("cubic", lambda x: x**3, lambda c: c, "cubic: {scale:.0f}", "its cube", "its level grows fast")
    monkeypatch.setitem(LAWS, cube.name, cube)
    dependence = dependence_of(curve_by(cube))
    assert dependence.name == "cubic"
    found = replace(of_shapes("mg25"), laws=dependence.laws, dependence=dependence.name)
    assert "its level grows fast" in recommend(found).reason
    assert found.relation is not None and found.relation.describe() == "cubic: 900"
    assert found.as_json()["laws"]["cubic"]["scale"] == pytest.approx(900)


def test_a_curve_of_one_image_among_many_is_one_of_which_little_is_known() -> None:
    """Images are drawn again, and most draws have none of the cells that can be used."""
    rng, shape = np.random.default_rng(0), (8, 16, 16)
    used = np.zeros(shape, bool)
    used[3] = True
    energy = (C * rng.chisquare(9, shape) / 9).astype(np.float32)
    signal = np.full((*shape, 1), 128, np.float32)
    found = fit_curve(energy, signal, used, np.zeros_like(energy), Bins(np.array([255.0 / 2]), np.ones(2, bool)))
    assert found.variance[1] == pytest.approx(C, rel=0.05) and np.isnan(found.variance[0])
    assert found.error[1] > 0.3 * C
