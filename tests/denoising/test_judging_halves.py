"""Judged by two takes, and everything together."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from judged import CORRELATED, COUNTED, SIDE, WHITE, Blur, Median, Threshold, scenes, seeded
from nrgan.corruptions import Fitted
from nrgan.denoising.judging import Effort, crops, judge, judge_halves, ring_correlation
from nrgan.denoising.judging.halves import WARNING
from nrgan.errors import UserError

LAWS = {"white": WHITE, "correlated": CORRELATED, "counted": COUNTED, "heavy": Fitted(level=(5.0,), images=(0.2, 2.0))}


@pytest.mark.parametrize("takes", [2, 3])
@pytest.mark.parametrize("law", LAWS)
def test_two_takes_tell_the_risk_of_any_noise(law: str, takes: int) -> None:
    x = scenes(200)
    taken = [LAWS[law].simulate(x, seeded(k)) for k in range(takes)]
    for f in (Blur(), Threshold(0.3), Median()):
        found = judge_halves(f, *taken).risk
        truth = float(np.mean([float(((f(y) - x) ** 2).mean()) for y in taken[:2]]))
        assert found.error is not None and abs(found.mse - truth) < 3 * found.error
        assert found.mse == pytest.approx(truth, rel=0.04)


def test_takes_of_unlike_levels_need_no_assumption() -> None:
    x = scenes(200)
    a, b = WHITE.simulate(x, seeded(1)), Fitted(level=(50.0,)).simulate(x, seeded(2))
    found = judge_halves(Blur(), a, b)
    truth = float(((Blur()(a) - x) ** 2).mean() + ((Blur()(b) - x) ** 2).mean()) / 2
    assert found.risk.mse == pytest.approx(truth, rel=0.03)
    assert found.input_risk.mse == pytest.approx((25**2 + 50**2) / 2 / 255**2, rel=0.02)


def test_brightness_that_differs_is_told() -> None:
    x = scenes(20)
    found = judge_halves(Blur(), WHITE.simulate(x, seeded(1)) + 0.02, WHITE.simulate(x, seeded(2)))
    assert found.offset_error is not None
    assert found.offset == pytest.approx(5.1, abs=4 * found.offset_error) and found.offset_error < 0.5
    assert "trained on both halves" in found.as_json()["warning"]


def test_rings_agree_where_images_do() -> None:
    a, b = (torch.randn(8, 1, SIDE, 48, generator=seeded(k)) for k in (1, 2))
    same, other = ring_correlation(a, a), ring_correlation(a, b)
    assert np.allclose(same.correlation, 1) and same.resolution() is None
    assert len(other.frequency) == 24 and other.frequency[-1] == 0.5
    assert np.abs(other.correlation[4:]).max() < 0.25 and abs(np.mean(other.correlation[4:])) < 0.03
    assert other.resolution() is not None and other.resolution("half bit") is not None


def test_the_ring_correlation_is_that_of_signal_and_noise() -> None:
    """Of equal spectra, FRC = S/(S + N)."""
    x = torch.randn(64, 1, SIDE, SIDE, generator=seeded(0))
    a, b = (x + torch.randn(x.shape, generator=seeded(k)) for k in (1, 2))
    found = ring_correlation(a, b)
    assert np.allclose(found.correlation[9:], 0.5, atol=0.03)
    assert found.half_bit[-1] == pytest.approx(0.2071 / 1.2071, abs=0.02)


def test_a_blur_leaves_the_ring_correlation_as_it_is() -> None:
    """What filters both takes alike makes them agree no more."""
    x = scenes(16)
    found = judge_halves(Blur(), WHITE.simulate(x, seeded(1)), WHITE.simulate(x, seeded(2)))
    assert np.allclose(found.takes.correlation[:8], found.answers.correlation[:8], atol=0.1)
    assert found.takes.correlation[1] > 0.9 and found.takes.resolution() is not None


def test_halves_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="same scenes"):
        judge_halves(Blur(), scenes(2), scenes(3))


EFFORT = Effort(images=6, side=SIDE)


def test_a_judgement_has_everything_that_can_be_told() -> None:
    x = scenes(8)
    y = WHITE.simulate(x, seeded(1))
    takes = WHITE.simulate(x, seeded(2)), WHITE.simulate(x, seeded(3))
    found = judge(Blur(), y, WHITE, certain=True, level_error=0.002, halves=takes, effort=EFFORT)
    assert found.images == 6 and not found.withheld and found.notes == (WARNING,)
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert document["risk"]["psnr_range"][0] < document["risk"]["psnr"] < document["risk"]["psnr_range"][1]
    assert len(document["risk"]["bands"]) == 4 and document["risk"]["bands"][0]["above"] == 0
    assert (
        set(document["injection"]) == {"flat", "renoised"} and document["injection"]["flat"]["line"]["limits"]["half"]
    )
    assert document["null_test"]["spots"]["per_megapixel"] >= 0
    low, high = document["risk"]["psnr_range"]
    assert low < document["halves"]["psnr"] < high, "takes and law are two ways to the same risk"
    again = judge(Blur(), y, WHITE, certain=True, level_error=0.002, halves=takes, effort=EFFORT)
    assert again.as_json() == found.as_json()


def test_where_the_law_is_not_certain_no_risk_is_given() -> None:
    y = WHITE.simulate(scenes(6), seeded(1))
    found = judge(Blur(), y, WHITE, certain=False, doubts=["how far the noise is correlated"], effort=EFFORT)
    assert found.risk is None and "how far the noise is correlated" in found.withheld["risk"]
    assert found.residual is not None and found.null_test is not None and found.injection
    assert any("noise of this law only" in note for note in found.notes)


def test_without_a_law_two_takes_are_what_is_left() -> None:
    takes = tuple(WHITE.simulate(scenes(6), seeded(k)) for k in (1, 2))
    found = judge(Blur(), takes[0], None, certain=False, halves=(takes[0], takes[1]), effort=EFFORT)
    assert set(found.withheld) == {"risk", "residual", "null_test", "injection"} and not found.injection
    assert found.halves is not None and found.halves.risk.mse > 0


def test_what_makes_figures_worse_is_said() -> None:
    law = Fitted(level=(5.0,), impulses=0.05)
    y = law.simulate(scenes(6), seeded(1)).clamp(0, 1)
    notes = judge(Median(), y, law, certain=True, effort=EFFORT).notes
    assert any("twice its variance" in note for note in notes) and any("ends of the range" in note for note in notes)
    assert "no noise" in judge(Blur(), y, Fitted(level=(0.0,)), certain=True, effort=EFFORT).withheld["injection"]


def test_crops_do_not_overlap_and_are_spread_over_the_images() -> None:
    x = torch.arange(3 * 40 * 50.0).view(3, 1, 40, 50)
    found = crops(x, 100, 16)
    assert found.shape == (3 * 2 * 3, 1, 16, 16) and len(found.unique()) == found.numel()
    assert torch.equal(crops(x, 3, 64), x)
    assert {int(part[0, 0, 0] // 2000) for part in crops(x, 3, 16)} == {0, 1, 2}
