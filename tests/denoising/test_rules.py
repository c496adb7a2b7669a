"""Every rule ranks denoisers as clean images would, from noisy ones alone; which rule is right for which law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.methods import METHODS, Examples
from nrgan.denoising.pairs import Network, Pair, joined
from nrgan.denoising.rules import RULES, depends_on_signal, is_independent, rule_for, variance_line

COUNT, SIDE = 200, 32
CORRELATED = ((1.0, 0.6, 0.2), (0.6, 0.36, 0.12), (0.2, 0.12, 0.04))


def scenes(channels: int = 1) -> Tensor:
    """Smooth images between about 0.2 and 0.8."""
    white = np.random.default_rng(3).standard_normal((COUNT, channels, SIDE, SIDE))
    smooth = ndimage.gaussian_filter(white, (0, 0, 3, 3))
    return torch.from_numpy((0.5 + 0.15 * smooth / smooth.std()).clip(0.1, 0.9)).float()


def nothing(y: Tensor) -> Tensor:
    return y


def blurred(y: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(y, (1, 1, 1, 1), mode="reflect"), 3, 1)


def shrunk(y: Tensor) -> Tensor:
    """No linear one: what exceeds the blur by much is kept."""
    mean = blurred(y)
    return mean + F.softshrink(y - mean, 0.1)


@dataclass(frozen=True)
class Case:
    law: Fitted
    rule: str
    truth: Fitted | None = None
    """What the noise is really, where only its levels are told."""


CASES = {
    "white": Case(Fitted(level=(25.0,)), "recorrupted"),
    "correlated": Case(Fitted(level=(25.0,), correlation=CORRELATED), "recorrupted"),
    "stripes": Case(Fitted(level=(10.0,), rows=15.0, columns=5.0), "recorrupted"),
    "counts": Case(Fitted(signal=(0.0,), level=(0.0,), events=20.0), "thinned"),
    "counts and read noise": Case(Fitted(signal=(0.0,), level=(12.0,), events=20.0), "thinned"),
    "levels on a line": Case(
        Fitted(signal=(0.0, 0.5, 1.0), level=tuple(255 * (x / 30 + 0.001) ** 0.5 for x in (0.0, 0.5, 1.0))),
        "thinned",
        Fitted(signal=(0.0,), level=(255 * 0.001**0.5,), events=30.0),
    ),
    "proportional": Case(Fitted(signal=(0.0, 0.5, 1.0), level=(0.0, 20.0, 40.0)), "recorrupted-at-guess"),
    "correlated, of the signal": Case(
        Fitted(signal=(0.0, 1.0), level=(10.0, 40.0), correlation=CORRELATED), "recorrupted-at-guess"
    ),
    "uniform": Case(Fitted(level=(25.0,), quantiles=(-1.0, 0.0, 1.0)), "exchangeable"),
    "impulses": Case(Fitted(level=(15.0,), impulses=0.03), "exchangeable"),
    "levels of images": Case(Fitted(level=(25.0,), images=(0.5, 1.5)), "exchangeable"),
    "correlated counts": Case(Fitted(signal=(0.0,), level=(0.0,), events=20.0, correlation=CORRELATED), "exchangeable"),
}


def drawn(case: Case, x: Tensor) -> Pair:
    rng = torch.Generator().manual_seed(5)
    y = x + (case.truth or case.law).simulate_noise(x, rng)
    return RULES[case.rule].pair(lambda y: x[: len(y)], y, case.law, rng)  # the best guess there is


@pytest.mark.parametrize("name", CASES)
def test_a_rule_tells_how_much_better_one_denoiser_is_than_another(name: str) -> None:
    case, x = CASES[name], scenes()
    assert rule_for(case.law) == case.rule
    pair = drawn(case, x)
    if case.rule.startswith("recorrupted"):  # half of the images, twice
        x = torch.cat([x[: len(x) // 2]] * 2)

    def per_image(f: Network) -> tuple[Tensor, Tensor]:
        """The loss and the truth, of each image."""
        found = f(pair.input)
        told = torch.stack(
            [Pair(*(None if v is None else v[[k]] for v in pair)).loss(found[[k]]) for k in range(len(x))]
        )
        return told, ((found - x) ** 2).mean((1, 2, 3))

    for f, g in ((nothing, blurred), (blurred, shrunk)):
        (told_f, true_f), (told_g, true_g) = per_image(f), per_image(g)
        off = (told_f - told_g) - (true_f - true_g)
        error = float(off.std() / len(x) ** 0.5)
        assert abs(float(off.mean())) < 3.5 * error + 0.01 * abs(float((true_f - true_g).mean()))
        assert error < 0.5 * abs(float((true_f - true_g).mean()))  # else this would tell nothing


def test_what_is_told_of_a_law() -> None:
    counts = Fitted(signal=(0.1,), level=(0.0,), events=50.0, dark=0.1)
    line = variance_line(counts)
    assert line is not None
    assert (line.slope, line.dark) == pytest.approx((1 / 50, 0.1), rel=1e-6)
    y = torch.tensor([0.1, 0.5])
    torch.testing.assert_close(line.events(y), torch.tensor([0.0, 20.0]), atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(line.signal(line.events(y)), y)
    assert depends_on_signal(counts) and not depends_on_signal(Fitted())
    assert variance_line(Fitted(signal=(0.0, 0.5, 1.0), level=(0.0, 12.5, 25.0))) is None  # proportional: a parabola
    assert variance_line(Fitted(signal=(0.0, 1.0), level=(25.0, 5.0))) is None  # falls
    assert is_independent(counts) and not is_independent(Fitted(shared=0.5)) and not is_independent(Fitted(rows=1.0))


@pytest.mark.parametrize(("share", "made"), [(0.2, 16), (0.5, 10)])
def test_mixed_pairs_are_those_of_both(share: float, made: int) -> None:
    law, x = Fitted(level=(25.0,), quantiles=(-1.0, 0.0, 1.0)), scenes()[:20]
    rng = torch.Generator().manual_seed(0)
    y = x + law.simulate_noise(x, rng)
    drawn = Examples(y, law, "exchangeable", generated=lambda count, _: (x[:count], 2 * x[:count]), real_share=share)
    pair = METHODS["mix"].pair(nothing, drawn, rng)
    assert len(pair.input) == 20 and pair.probe is not None
    torch.testing.assert_close(pair.target[:made], x[:made])
    torch.testing.assert_close(pair.input[:made], 2 * x[:made])
    assert float(pair.probe[:made].abs().max()) == 0 and float(pair.probe[made:].std()) > 0.05
    assert joined([Pair(x, x), Pair(x, x)]).probe is None


def test_hidden_pixels_come_from_others_near_by_and_only_they_count() -> None:
    y = torch.arange(400.0).view(1, 1, 20, 20)
    pair = METHODS["n2v"].pair(nothing, Examples(y), torch.Generator().manual_seed(0))
    assert pair.weight is not None
    changed = pair.input != y
    assert bool((changed == pair.weight).all()) and 0 < int(changed.sum()) < 40
    rows, columns = (pair.input[changed] // 20, pair.input[changed] % 20)
    at = changed.nonzero()
    assert float((rows - at[:, 2]).abs().max()) <= 2 and float((columns - at[:, 3]).abs().max()) <= 2
    found = torch.where(changed, y + 3, 1e6)
    assert float(pair.loss(found)) == pytest.approx(9)
