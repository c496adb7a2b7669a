"""Noise told by numbers: each number is what is drawn, by the law and by its simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from scipy.stats import poisson

from laws import ACROSS, FITTED, HEAVY, LAWS, LIGHT, P
from nrgan.corruptions import Fitted, Sensor, Told
from nrgan.corruptions.curves import shape_of
from nrgan.corruptions.fields import kernel_of
from nrgan.draws import FreshDraws, PartDraws, Share
from nrgan.errors import UserError
from nrgan.networks import NetworkSizes, ResNet
from nrgan.observation import Known, NoiseSampler
from nrgan.settings import SETTINGS

BANDS = np.array([0.15, 0.4, 0.6, 0.9])
GAUSSIAN_BLUR = tuple(tuple(float(np.exp(-(y * y + x * x) / 16)) for x in range(5)) for y in range(5))
"""That of noise blurred by a Gaussian of 2 pixels, cut off at lag 4, where it is 0.37 still."""


def by_law(law: Fitted, image: np.ndarray, count: int) -> np.ndarray:
    """(N, H, W, C), noisy."""
    return np.stack([law.corrupt(image, RandomState(k)) for k in range(count)])


def simulated(law: Fitted, image: np.ndarray, count: int) -> np.ndarray:
    x = torch.from_numpy(image).permute(2, 0, 1).expand(count, -1, -1, -1)
    return law.simulate(x, torch.Generator().manual_seed(0)).permute(0, 2, 3, 1).numpy()


BOTH = pytest.mark.parametrize("draw", [by_law, simulated])
Draw = Callable[[Fitted, np.ndarray, int], np.ndarray]


def flat(signal: float, size: int = 32, channels: int = 3) -> np.ndarray:
    return np.full((size, size, channels), signal)


@BOTH
@pytest.mark.parametrize("name", [name for name, law in FITTED.items() if not law.replaces])
def test_the_level_at_a_signal_is_the_stated_one(name: str, draw: Draw) -> None:
    law = FITTED[name]
    image = np.broadcast_to(np.repeat(BANDS, 8)[None, :, None], (32, 32, 3)).copy()
    squares = ((255 * (draw(law, image, 300) - image)) ** 2).reshape(300, 32, 4, 8, 3).mean(axis=(1, 3, 4))
    error = squares.std(axis=0) / 300**0.5
    assert np.all(np.abs(squares.mean(axis=0) - law.level_at(BANDS) ** 2) < 4.5 * error)


@pytest.mark.parametrize(
    ("law", "levels"),
    [
        (Fitted(signal=(0.4, 0.6), level=(10.0, 20.0)), [10, 10, 20, 20]),
        (Fitted(signal=(0.4, 0.9), level=(10.0, 20.0)), [10, 10, (100 + 300 * 0.4) ** 0.5, 20]),
        (Fitted(signal=(0.0,), level=(5.0,), events=30.0), (25 + 255**2 * BANDS / 30) ** 0.5),
        (Fitted(signal=(0.4,), level=(100.0,), events=30.0), (1e4 + 255**2 * (BANDS - 0.4) / 30) ** 0.5),
        (Fitted(signal=(0.5,), level=(0.0,), events=30.0, dark=0.5), 255 * (np.maximum(BANDS - 0.5, 0) / 30) ** 0.5),
        (Fitted(level=(3.0,), rows=4.0, columns=12.0), [13] * 4),
    ],
)
def test_the_level_over_the_signal(law: Fitted, levels: Any) -> None:
    """The variance is linear between knots, constant outside; events add their part, which grows on."""
    np.testing.assert_allclose(law.level_at(BANDS), levels, rtol=1e-12)


@BOTH
def test_correlated_noise_is_the_same_in_a_corner_as_in_the_middle(draw: Draw) -> None:
    law = FITTED["fitted correlated"]
    n = (draw(law, flat(0.5, 12), 3000) - 0.5) * 255 / 25
    whole = n.transpose(1, 2, 0, 3).reshape(12, 12, -1)
    np.testing.assert_allclose((whole**2).mean(-1), 1, atol=0.075)  # 4.5 standard errors and more, of 9,000 values
    measured = [[(whole[: 12 - dy, : 12 - dx] * whole[dy:, dx:]).mean() for dx in range(6)] for dy in range(6)]
    told = np.zeros((6, 6))
    told[:3, :3] = ACROSS
    np.testing.assert_allclose(measured, told, atol=0.02)
    np.testing.assert_allclose((whole[1:, :-1] * whole[:-1, 1:]).mean(), ACROSS[1][1], atol=0.02)


@pytest.mark.parametrize(
    ("told", "within", "size"),
    [((), 0, 1), (((1.0,),), 0, 1), (((1.0, 0.0), (0.0, 0.0)), 0, 1), (ACROSS, 0.006, 11), (GAUSSIAN_BLUR, 0.02, 25)],
)
def test_what_is_told_is_given(told: Any, within: float, size: int) -> None:
    """Also where the correlation is cut off at the last lag that was told, so that what is told is no spectrum."""
    given = Fitted(correlation=told).given_correlation
    np.testing.assert_allclose(given, np.array(told or [[1.0]]), rtol=0, atol=within + 1e-12)
    kernel = kernel_of(told)
    assert len(kernel) <= size and kernel.shape[0] == kernel.shape[1] and (kernel**2).sum() == pytest.approx(1)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)


@BOTH
@pytest.mark.parametrize("quantiles", [HEAVY, LIGHT])
@pytest.mark.parametrize("shared", [0.0, 0.4, 1.0])
def test_tails_are_told_by_quantiles_whatever_channels_share(
    quantiles: tuple[float, ...], shared: float, draw: Draw
) -> None:
    law = Fitted(level=(20.0,), quantiles=quantiles, shared=shared)
    n = (draw(law, flat(0.5, 64), 40) - 0.5) * 255 / 20
    assert n.mean() == pytest.approx(0, abs=0.02) and n.var() == pytest.approx(1, abs=0.02)
    told = np.array(quantiles) - np.mean(quantiles)  # both are symmetrical
    found = np.quantile(n, P)
    scale = (found * told).sum() / (told**2).sum()
    np.testing.assert_allclose(found[5:-5], scale * told[5:-5], atol=0.03)
    np.testing.assert_allclose(found, scale * told, atol=0.3)
    assert np.corrcoef(n.reshape(-1, 3).T)[0, 1] == pytest.approx(shared, abs=0.02)


def test_quantiles_of_a_normal_distribution_are_normal_noise() -> None:
    """Also beyond the last of them: the fourth moment is a normal one, which tails cut off at 0.999 would not have."""
    from scipy.special import ndtri

    w = np.linspace(-6, 6, 2001)
    t = np.array(shape_of(tuple(ndtri(P).tolist())))
    np.testing.assert_allclose(t[np.abs(w) < 3], w[np.abs(w) < 3], atol=0.01)
    weights = np.exp(-(w**2) / 2) / np.exp(-(w**2) / 2).sum()
    assert (t**4 * weights).sum() == pytest.approx(3, abs=0.05)


@BOTH
@pytest.mark.parametrize("mean", [0.0, 0.02, 0.7, 3.0, 7.9, 8.1, 15.0, 40.0])
@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_few_events_are_counts_one_by_one(mean: float, shared: float, draw: Draw) -> None:
    """χ² of the counts against Poisson's distribution: a Gaussian of the same mean and variance fails it."""
    events = 50.0
    law = Fitted(signal=(0.0,), level=(0.0,), events=events, shared=shared)
    y = draw(law, flat(mean / events, 64, 1), 30).ravel() * events
    n = np.rint(y).astype(int)
    np.testing.assert_allclose(y, n, atol=1e-9 * events + 1e-12 * mean)
    assert n.min() >= 0
    inside = np.arange(int(poisson.ppf(1e-4, mean)), int(poisson.ppf(1 - 1e-4, mean)) + 1)
    expected = np.array([*poisson.pmf(inside, mean), max(1 - poisson.pmf(inside, mean).sum(), 1e-300)]) * len(n)
    found = np.array([*((n == k).sum() for k in inside), len(n) - np.isin(n, inside).sum()])
    told = expected > 5
    chi2, freedom = float(((found - expected)[told] ** 2 / expected[told]).sum()), int(told.sum())
    assert chi2 < freedom + 5 * (2 * freedom) ** 0.5, f"χ² {chi2:.1f} of {freedom}"


@BOTH
def test_images_have_levels_of_their_own(draw: Draw) -> None:
    """Two quantiles: uniform between them; the scale is left out, so that the level stays the root mean square."""
    law = Fitted(level=(20.0,), images=(5.0, 50.0))
    levels = 255 * (draw(law, flat(0.5, 32), 600) - 0.5).std(axis=(1, 2, 3))
    scale = 20 / ((50**3 - 5**3) / (3 * 45)) ** 0.5
    assert levels.min() > 4.7 * scale and levels.max() < 53 * scale
    np.testing.assert_allclose(np.quantile(levels, [0.25, 0.5, 0.75]), np.array([16.25, 27.5, 38.75]) * scale, rtol=0.1)
    assert (levels**2).mean() == pytest.approx(400, rel=0.1)


@BOTH
def test_the_events_of_a_faint_image_are_more(draw: Draw) -> None:
    """An image's factor holds for counts too: their steps are f²/events, and the variance is f² of it."""
    law = Fitted(signal=(0.0,), level=(0.0,), events=20.0, images=(0.3, 0.3, 2.0, 2.0))
    y = draw(law, flat(0.5, 32), 200)
    steps = [np.diff(np.unique(image.round(7))) for image in y]
    step = np.array([of_image[of_image > 1e-4].min() for of_image in steps])
    np.testing.assert_allclose((y - 0.5).var(axis=(1, 2, 3)) / (step * 0.5), 1, atol=0.15)
    assert step.max() / step.min() == pytest.approx((2 / 0.3) ** 2, rel=1e-3)


@BOTH
@pytest.mark.parametrize("shared", [True, False])
def test_stripes_shift_whole_rows_and_columns(shared: bool, draw: Draw) -> None:
    law = Fitted(level=(0.0,), rows=8.0, columns=3.0, stripes_shared=shared)
    n = 255 * (draw(law, flat(0.5, 32), 200) - 0.5)
    own = n - n.mean((1, 2), keepdims=True)
    rows, columns = own.mean(2, keepdims=True), own.mean(1, keepdims=True)
    np.testing.assert_allclose(own, rows + columns, atol=1e-9)
    found = rows.var() * 32 / 31, columns.var() * 32 / 31
    assert found == (pytest.approx(64, rel=0.1), pytest.approx(9, rel=0.1))
    of_channels = np.corrcoef(rows.transpose(3, 0, 1, 2).reshape(3, -1))[0, 1]
    assert of_channels == pytest.approx(1.0 if shared else 0.0, abs=0.06)


@BOTH
@pytest.mark.parametrize("per_channel", [True, False])
def test_impulses_take_pixels_away(per_channel: bool, draw: Draw) -> None:
    law = Fitted(level=(1.0,), impulses=0.2, salt=0.3, impulses_per_channel=per_channel)
    y = draw(law, flat(0.5, 64), 30)
    black, white = y == 0, y == 1
    kept = y[~black & ~white]
    assert (white.mean(), black.mean()) == (pytest.approx(0.06, abs=0.005), pytest.approx(0.14, abs=0.005))
    assert abs(kept - 0.5).max() < 0.05
    assert (black | white).all(axis=3).mean() == pytest.approx(0.2**3 if per_channel else 0.2, abs=0.007)


def test_no_gradient_comes_from_a_pixel_that_was_replaced() -> None:
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64).mul(0.8).add(0.1).requires_grad_()
    y = Fitted(impulses=0.3).simulate(x, torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    replaced = (y == 0) | (y == 1)
    assert 0.2 < float(replaced.double().mean()) < 0.4
    assert torch.equal(gradient, (~replaced).double())


def test_the_known_model_learns_nothing_from_a_pixel_that_was_replaced() -> None:
    """And still samples the noise by itself: what it says was added is the whole difference."""
    setting = replace(SETTINGS["shapes"], corruption=Told(Fitted(impulses=0.3)), sensor=Sensor(clip=False))
    observer = Known().observer(setting, ResNet(), NetworkSizes(4, 16))
    assert isinstance(observer, NoiseSampler)
    x = torch.rand(6, 3, 16, 16, dtype=torch.float64).sub(0.5).requires_grad_()
    seen = observer(x, torch.zeros(6, 4, dtype=torch.float64), FreshDraws(dtype=torch.float64))
    replaced = (seen.parts["noisy"].abs() == 1).all(1, keepdim=True).expand_as(x)
    assert 0.2 < float(replaced.double().mean()) < 0.4
    weight = torch.randn(x.shape, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((seen.y * weight).sum(), x)
    torch.testing.assert_close(gradient, weight * ~replaced)
    assert not seen.parts["noise"].requires_grad
    torch.testing.assert_close(seen.parts["clean"] + seen.parts["noise"], seen.parts["noisy"])


@pytest.mark.parametrize("name", FITTED)
def test_a_batch_in_parts_has_the_noise_of_the_batch(name: str) -> None:
    """Each name is drawn once, and what is drawn begins with the images; in single precision nothing becomes NaN."""
    law, x = LAWS[name], torch.rand(6, 3, 16, 16)
    x[0, 0] = 0
    expected = law.simulate(x, FreshDraws(torch.Generator().manual_seed(5)))
    assert expected.dtype == torch.float32 and bool(expected.isfinite().all())
    whole: dict[str, torch.Tensor] = {}
    source = FreshDraws(torch.Generator().manual_seed(5))
    for part in range(3):
        draws = PartDraws(source, Share(6, part, 3), whole)
        torch.testing.assert_close(law.simulate(x[part::3], draws), expected[part::3], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"level": (-1.0,)}, r"level=\(-1.0,\) must be from 0"),
        ({"level": (float("nan"),)}, "level="),
        ({"level": (1e308,)}, "level="),
        ({"signal": (0.1, 0.1), "level": (1.0, 2.0)}, "signal must be finite and rising"),
        ({"signal": (0.1, 0.2)}, "level has 1 numbers, signal 2; give as many"),
        ({"signal": (), "level": ()}, "level has 0 numbers"),
        ({"signal": (float("inf"),)}, "signal must be finite"),
        ({"rows": -1.0}, "rows=-1.0 must be finite and >= 0"),
        ({"columns": float("nan")}, "columns=nan"),
        ({"dark": float("inf")}, "dark=inf must be finite"),
        ({"shared": 1.1}, "shared=1.1 must be finite and from 0 to 1"),
        ({"impulses": -0.1}, "impulses=-0.1"),
        ({"salt": 2.0}, "salt=2.0"),
        ({"quantiles": (0.0,)}, "quantiles must be two at least"),
        ({"quantiles": (1.0, 1.0)}, "not all the same"),
        ({"quantiles": (1.0, 0.0)}, "quantiles must be finite and rising"),
        ({"images": (-1.0, 1.0)}, "none below 0"),
        ({"images": (0.0, 0.0)}, "not all 0"),
        ({"quantiles": LIGHT, "correlation": ACROSS}, "leave out either them or the correlation"),
        ({"correlation": ((1.0,), (0.5, 0.2))}, "rows of equal length, 9 lags"),
        ({"correlation": ((1.0, *[0.0] * 9),)}, "9 lags of 9 at most"),
        ({"correlation": ((0.9,),)}, "1 at lag 0"),
        ({"correlation": ((1.0, 1.5),)}, "within -1..1"),
        ({"correlation": ((1.0, float("nan")),)}, "within -1..1"),
        ({"correlation": ((1.0, 0.9), (0.9, -0.9))}, "is that of no noise: the nearest that there is differs by 0.6"),
        ({"events": -1.0}, "events=-1.0 must be finite and >= 0"),
        ({"events": 10.0}, "events=10 alone are more noise than the level 25 at the signal 0.5; give more than 52.02"),
    ],
)
def test_numbers_that_tell_no_noise_are_refused(numbers: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"^Fitted: .*{words}"):
        Fitted(**numbers)
