"""The risk that noisy images tell is the true one, for the law that they have and for no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from torch import Tensor

from judged import CORRELATED, COUNTED, SIDE, WHITE, Blur, Median, Threshold, Unchanged, scenes, seeded
from laws import LIGHT
from nrgan.corruptions import Fitted, Poisson
from nrgan.denoising.choosing import LEARNED, NLM, NOTHING, rank_beside, surely_better
from nrgan.denoising.judging import Risk, gap, rank, risk, risk_of_pairs
from nrgan.denoising.judging.bands import BANDS, band_means, dct
from nrgan.denoising.judging.images import BATCH
from nrgan.denoising.judging.risk import EXCHANGEABLE, PROBE, Estimator
from nrgan.draws import fresh
from nrgan.errors import UserError

LAWS = {"white": WHITE, "correlated": CORRELATED, "counted": COUNTED, "another class": Poisson(30.0)}
DENOISERS = {"blur": Blur(), "threshold": Threshold(0.3), "median": Median()}


def noisy(law: Fitted, count: int = 300, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Clean and noisy images."""
    x = scenes(count)
    return x, law.simulate(x, seeded(seed))


def relative(estimate: Risk, truth: Risk) -> tuple[float, float]:
    """The difference over the truth, and over its own standard error, image by image."""
    d = np.array(estimate.per_image) - np.array(truth.per_image)
    return d.mean() / truth.mse, d.mean() / (d.std() / len(d) ** 0.5)


@pytest.mark.parametrize("f", DENOISERS)
@pytest.mark.parametrize("law", LAWS)
def test_the_risk_is_the_true_one(law: str, f: str) -> None:
    x, y = noisy(LAWS[law])
    found, truth = risk(DENOISERS[f], y, LAWS[law]), risk_of_pairs(DENOISERS[f], y, x)
    share, errors = relative(found, truth)
    assert found.estimator == PROBE and found.noises == 1
    assert abs(share) < 0.03 and abs(errors) < 3, (share, errors)
    assert found.psnr is not None and truth.psnr is not None and abs(found.psnr - truth.psnr) < 0.13


def test_noise_that_was_made_with_the_same_seed_is_judged_as_any_other() -> None:
    x, made = scenes(100), fresh(seeded(0), torch.zeros(1))
    y = torch.cat([part + WHITE.simulate_noise(part, made) for part in torch.split(x, BATCH)])
    twice = y + WHITE.simulate_noise(x, seeded(9))
    found = risk(DENOISERS["blur"], y, WHITE, estimator=EXCHANGEABLE, seed=0)
    truth = risk_of_pairs(DENOISERS["blur"], twice, x, noises=2)
    assert abs(relative(found, truth)[0]) < 0.05


@pytest.mark.parametrize("f", DENOISERS)
@pytest.mark.parametrize("law", [Fitted(quantiles=LIGHT), Fitted(images=(0.3, 1.5))], ids=["light tails", "images"])
def test_a_law_far_from_gaussian_is_judged_by_an_exchangeable_draw(law: Fitted, f: str) -> None:
    x, y = noisy(law)
    twice = y + law.simulate_noise(x, seeded(9))
    found, truth = risk(DENOISERS[f], y, law), risk_of_pairs(DENOISERS[f], twice, x, noises=2)
    assert found.estimator == EXCHANGEABLE and found.noises == 2
    assert abs(found.mse - truth.mse) < 3 * np.hypot(found.error, truth.error)
    if not law.images:  # levels that differ by image make the estimate a coarse one
        assert abs(relative(found, truth)[0]) < 0.03


def test_uniform_noise_would_mislead_the_probe() -> None:
    """Why traits choose: a median's risk, 30 % too low."""
    law = Fitted(quantiles=LIGHT)
    x, y = noisy(law)
    share, errors = relative(risk(Median(), y, law, estimator=PROBE), risk_of_pairs(Median(), y, x))
    assert share < -0.2 and errors < -10


def test_the_sampler_matters() -> None:
    """Stein's estimate that takes correlated noise for white is worth nothing."""
    x, y = noisy(CORRELATED, 100)
    assert risk(Blur(), y, WHITE).mse < 0.2 * risk_of_pairs(Blur(), y, x).mse


@pytest.mark.parametrize("estimator", [PROBE, EXCHANGEABLE])
def test_a_wrong_level_lies_in_the_range_that_it_is_given(estimator: Estimator) -> None:
    x, y = noisy(WHITE, 150)
    f = Threshold(0.3)
    twice = y + WHITE.simulate_noise(x, seeded(9))
    truth = risk_of_pairs(f, y if estimator == PROBE else twice, x).mse
    high = replace(WHITE, level=(1.05 * 25,))
    sure, unsure = (risk(f, y, high, level_error=e, estimator=estimator) for e in (0.005, 0.05))
    assert not sure.low < truth < sure.high
    assert unsure.low < truth < unsure.high
    assert sure.mse == unsure.mse and sure.error is not None and sure.high - sure.low > 4 * sure.error


def test_the_range_is_what_levels_that_far_off_would_tell() -> None:
    """R shifts by (s² − 1)(2 tr Σ∇f − tr Σ)."""
    _, y = noisy(WHITE, 40)
    found = risk(Blur(), y, WHITE, level_error=0.03)
    off = [risk(Blur(), y, replace(WHITE, level=(25 * s,))).mse for s in (0.94, 1.06)]
    assert found.error is not None
    assert found.low == pytest.approx(found.mse - np.hypot(found.mse - min(off), 2 * found.error), rel=1e-3)
    assert found.high == pytest.approx(found.mse + np.hypot(max(off) - found.mse, 2 * found.error), rel=1e-3)


def test_bands_add_up_and_are_true_each() -> None:
    x, y = noisy(CORRELATED, 100)
    found, truth = risk(Threshold(0.3), y, CORRELATED), risk_of_pairs(Threshold(0.3), y, x)
    direct = float(((Threshold(0.3)(y) - x) ** 2).mean())
    assert truth.mse == pytest.approx(direct, rel=1e-4)
    assert sum(band.mse for band in found.bands) == pytest.approx(found.mse, rel=1e-6)
    for band, true in zip(found.bands, truth.bands, strict=True):
        assert band.error is not None and abs(band.mse - true.mse) < 4 * band.error


def test_a_band_holds_its_frequencies() -> None:
    x = torch.cos(torch.pi * (torch.arange(32) + 0.5) * 12 / 32).expand(1, 1, 24, 32)  # 12/64 cycles a pixel
    assert np.allclose(dct(x)[0, 0].numpy(), dctn(x[0, 0].numpy(), norm="ortho"), atol=1e-5)
    means = band_means(dct(x) ** 2)[0]
    inside = [band.above <= 12 / 64 < band.below for band in BANDS]
    assert means == pytest.approx(np.where(inside, float((x**2).mean()), 0), abs=1e-5)


def test_candidates_are_ordered_as_the_truth_orders_them_by_a_wrong_level() -> None:
    x, y = noisy(WHITE, 100)
    candidates = {"none": Unchanged(), **{f"t{t}": Threshold(t) for t in (0.1, 0.2, 0.4)}, **DENOISERS}
    truth = sorted(candidates, key=lambda name: risk_of_pairs(candidates[name], y, x).mse)
    found = rank(candidates, y, replace(WHITE, level=(1.03 * 25,)))
    assert list(found.risks) == truth and found.best == "blur" and found.clear
    assert found.as_json()["candidates"]["blur"]["behind"] == 0


def test_the_best_is_surely_better_where_no_likely_level_says_otherwise() -> None:
    """The blur takes the noise, and detail with it; a level that may be half of it leaves open which is worse."""
    _, y = noisy(WHITE, 100)
    assert surely_better(rank_beside(Blur(), y, WHITE, 0.01)) in (LEARNED, NLM)
    assert surely_better(rank_beside(Blur(), y, WHITE, 0.45)) == NOTHING
    found = rank_beside(None, y, WHITE, None)
    assert set(found.risks) == {NLM, NOTHING} and surely_better(found) == NLM


def test_two_of_a_kind_are_not_told_apart() -> None:
    _, y = noisy(WHITE, 20)
    assert not rank({"one": Blur(), "other": Blur()}, y, WHITE).clear


def test_the_gap_is_in_the_band_that_generated_images_lack() -> None:
    x, y = noisy(WHITE, 200)
    detail = 0.03 * torch.cos(torch.pi * torch.arange(SIDE) * 0.9).expand(1, 1, SIDE, SIDE)
    real = WHITE.simulate(x + detail, seeded(4))
    found = gap(risk(Blur(), real, WHITE, level_error=0.001), risk_of_pairs(Blur(), y, x))
    expected = 10 * np.log10(risk_of_pairs(Blur(), real, x + detail).mse / risk_of_pairs(Blur(), y, x).mse)
    assert found.decibels == pytest.approx(expected, abs=0.25) and found.range[0] < found.decibels < found.range[1]
    assert found.bands[-1] == max(found.bands) > 1 and abs(found.bands[0]) < 0.5


def test_a_gap_of_unlike_risks_is_refused() -> None:
    x, y = noisy(WHITE, 4)
    with pytest.raises(UserError, match="2 times the noise's variance"):
        gap(risk(Blur(), y, WHITE, estimator=EXCHANGEABLE), risk_of_pairs(Blur(), y, x))


def test_one_image_has_no_standard_error_and_a_seed_gives_the_same() -> None:
    _, y = noisy(WHITE, 1)
    assert risk(Blur(), y, WHITE).error is None
    assert risk(Blur(), y, WHITE, seed=3) == risk(Blur(), y, WHITE, seed=3) != risk(Blur(), y, WHITE, seed=4)


@pytest.mark.parametrize("bad", [torch.zeros(3, 8, 8), torch.zeros(0, 1, 8, 8), torch.full((1, 1, 8, 8), torch.nan)])
def test_images_that_cannot_be_judged_are_refused(bad: Tensor) -> None:
    with pytest.raises(UserError, match="images to judge"):
        risk(Blur(), bad, WHITE)
