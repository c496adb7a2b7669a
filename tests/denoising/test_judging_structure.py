"""What a denoiser leaves, invents and loses: residual, null test, injected signals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from judged import CORRELATED, COUNTED, SIDE, WHITE, Blur, Median, Threshold, Unchanged, scenes, seeded
from nrgan.corruptions import Fitted
from nrgan.denoising.judging import check_residual, empty_regions, inject, null_test
from nrgan.denoising.judging.injection import TILE, shapes
from nrgan.errors import UserError


def test_a_residual_is_as_expected_by_the_true_law() -> None:
    y = CORRELATED.simulate(scenes(60), seeded(1))
    found = check_residual(Blur(), y, CORRELATED)
    direct = 255 * float(((y - Blur()(y)) ** 2).mean(dtype=torch.float64)) ** 0.5
    assert found.seen.level == pytest.approx(direct, rel=0.01)
    assert abs(found.difference.level) < 0.1 * found.seen.level
    assert found.seen.autocorrelation[0][0] == pytest.approx(1)
    assert found.seen.autocorrelation[0][1] > 0.4, "a good residual need not be white"
    assert abs(found.difference.autocorrelation[0][1]) < 0.05
    assert found.seen.answer_correlation > 0.2, "nor independent of the answer"
    assert abs(found.difference.answer_correlation) < 0.05


def test_a_wrong_law_is_seen_in_the_residual() -> None:
    y = CORRELATED.simulate(scenes(60), seeded(1))
    found = check_residual(Blur(), y, WHITE)
    assert found.error is not None
    assert found.difference.autocorrelation[0][1] > 10 * found.error.autocorrelation[0][1] > 0
    assert found.difference.autocorrelation[0][1] > 0.4
    louder = check_residual(Blur(), y, replace(CORRELATED, level=(35.0,)))
    assert louder.difference.level < -0.2 * louder.seen.level


def test_a_residual_tells_the_dependence_on_the_signal_and_the_tails() -> None:
    y = COUNTED.simulate(scenes(60), seeded(1))
    found = check_residual(Blur(), y, COUNTED).expected
    told = [level for level in found.level_at_signal if level is not None]
    assert told[-1] > 1.3 * told[0]
    constant = check_residual(Blur(), y, WHITE).difference
    assert constant.level_at_signal[0] < 0 < constant.level_at_signal[-1]
    heavy = Fitted(level=(5.0,), impulses=0.05)
    seen = check_residual(Median(), heavy.simulate(scenes(20), seeded(1)), heavy)
    assert seen.seen.excess_kurtosis > 5 and abs(seen.difference.excess_kurtosis) < 0.2 * seen.seen.excess_kurtosis


def test_one_image_and_no_residual_at_all() -> None:
    found = check_residual(Unchanged(), scenes(1), WHITE)
    assert found.error is None and found.seen.level == 0 and found.seen.excess_kurtosis == 0


def test_a_blur_of_noise_has_no_more_spots_than_its_own_smoother() -> None:
    found = null_test(Blur(), scenes(4), WHITE)
    assert len(found.signals) == 5 and found.spots.megapixels == pytest.approx(10 * 248**2 / 1e6)
    assert found.spots.per_megapixel < 60
    assert abs(found.spots.count - found.smoother_spots.count) <= 5
    for row in found.signals:
        assert row.smoother_width == pytest.approx(1, abs=0.05)
        assert row.noise == pytest.approx(25, rel=0.01) and row.left == pytest.approx(25 * 0.282, rel=0.03)
        assert abs(row.shift) < 0.5


def test_a_denoiser_that_takes_noise_for_detail_has_many() -> None:
    found = null_test(Threshold(0.3, hard=True), scenes(4), WHITE)
    assert found.spots.per_megapixel > 1000 > 20 * found.smoother_spots.per_megapixel


def test_the_null_test_sees_a_shift_and_an_f_that_leaves_nothing() -> None:
    few = Fitted(signal=(0.5,), level=(255 * (0.5 / 8) ** 0.5,), events=8.0)
    assert null_test(Median(), scenes(4), few, each=1).signals[2].shift < -2
    nothing = null_test(Flat(), scenes(4), WHITE, each=1)
    assert nothing.spots.count == 0 and nothing.signals[0].left == pytest.approx(0, abs=1e-4)


class Flat:
    """The mean of the image."""

    radius, multiple = SIDE, 1

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return y.mean((2, 3), keepdim=True).expand_as(y).clone()


def test_empty_regions_of_real_images_are_as_empty_as_pure_noise() -> None:
    x = scenes(6, side=128)
    x[:, :, 32:, 32:] = 0.4
    empty = torch.zeros(6, 1, 128, 128, dtype=torch.bool)
    empty[:, :, 40:-8, 40:-8] = True
    null = null_test(Blur(), x, WHITE)
    found = empty_regions(Blur(), WHITE.simulate(x, seeded(2)), empty, null)
    assert found.spots.megapixels == pytest.approx(6 * 80**2 / 1e6) and found.spots.count <= 6
    x[:, :, 60:62, 60:62] += 0.5  # not empty
    assert empty_regions(Blur(), WHITE.simulate(x, seeded(2)), empty, null).spots.count >= 6
    with pytest.raises(UserError, match="empty regions"):
        empty_regions(Blur(), x, empty[:1], null)


@pytest.mark.parametrize("renoised", [False, True])
def test_a_blur_gives_back_what_its_kernel_keeps(renoised: bool) -> None:
    background = scenes(4) if renoised else torch.full((4, 1, SIDE, SIDE), 0.5)
    found = inject(Blur(), background, WHITE)
    for name, shape in shapes(TILE).items():
        blurred = Blur()(torch.tensor(shape.signal, dtype=torch.float32)[None, None])[0, 0].numpy()
        kept = (blurred * shape.template).sum() / (shape.signal * shape.template).sum()
        for row in found[name].contrasts:
            # a smooth background is blurred too, blank tiles with it
            assert row.amplitude / row.contrast == pytest.approx(kept, abs=0.01), name
            assert row.bias == pytest.approx(kept - 1, abs=0.01)
    assert found["point"].contrasts[0].bias == pytest.approx(float(Blur().kernel[4] ** 2) - 1, abs=0.02)


def test_limits_of_detection_are_those_of_the_matched_filter() -> None:
    """Of f(y) = y, white noise: a line of 14 pixels is read with an error of σ/√14, a point with one of σ."""
    found = inject(Unchanged(), torch.full((16, 1, 128, 128), 0.5), WHITE)
    assert found["line"].trials == 256
    for name, error in (("line", 14**-0.5), ("point", 1.0)):
        row = found[name]
        assert row.limits == row.input_limits
        assert row.limits.half == pytest.approx(3 * error, rel=0.15)
        assert row.limits.most == pytest.approx((3 + 1.64) * error, rel=0.15)
        assert all(r.bias == pytest.approx(0, abs=1e-3) for r in row.contrasts)
    filtered = inject(Median(), torch.full((4, 1, 64, 64), 0.5), WHITE)["point"]
    assert filtered.limits == (None, None) and filtered.input_limits.half is not None, "a median has no points"


def test_contrast_is_in_units_of_the_local_level() -> None:
    dark, bright = (inject(Unchanged(), torch.full((4, 1, 64, 64), v), COUNTED)["step"].limits.half for v in (0.1, 0.9))
    assert dark is not None and bright is not None and 0.5 < dark / bright < 2
    with pytest.raises(UserError, match="no noise"):
        inject(Blur(), scenes(1), Fitted(level=(0.0,)))
    with pytest.raises(UserError, match="12 pixels"):
        inject(Blur(), scenes(1)[:, :, :8, :8], WHITE)


def test_all_colours_count() -> None:
    one, three = (null_test(Blur(), scenes(2, channels=c), WHITE, each=1).spots.megapixels for c in (1, 3))
    assert three == pytest.approx(3 * one)
    found = inject(Blur(), torch.full((1, 3, 64, 96), 0.5), WHITE)["line"]
    assert found.trials == 6 and np.isfinite(found.contrasts[0].amplitude)
