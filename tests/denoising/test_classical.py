"""Methods that are not trained: better than their input, exact in tiles, right on average."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.data import Shapes
from nrgan.denoising.classical import CLASSICAL, Classical, classical, classical_without_law, level_without_law
from nrgan.denoising.classical.rows import WHOLE
from nrgan.denoising.classical.stabilised import Anscombe, Even, Numeric, Stabiliser, stabiliser
from nrgan.errors import UserError
from nrgan.ranges import unit_from_stored
from plans import noisy_images

HERE = [name for name in CLASSICAL if name != "bm3d"]
KNOTS = (0.0, 0.1, 0.3, 0.6, 1.0)
LAWS = {
    "even": Fitted(level=(25.0,)),
    "counts": Fitted(signal=(0.0, 1.0), level=(0.0, 255 / 30**0.5), events=30),
    "counts and read noise": Fitted(signal=(0.0, 1.0), level=(8.0, (64 + 255**2 / 20) ** 0.5), events=20),
    "line": Fitted(signal=KNOTS, level=tuple((100 + 900 * x) ** 0.5 for x in KNOTS)),
    "proportional": Fitted(signal=KNOTS, level=tuple(25 * x for x in KNOTS)),
    "proportional, uniform": Fitted(signal=KNOTS, level=tuple(25 * x for x in KNOTS), quantiles=(-1.0, 0.0, 1.0)),
    "falling": Fitted(signal=(0.0, 1.0), level=(30.0, 10.0)),
}


def drawn(law: Fitted, size: int = 48, count: int = 4) -> tuple[Tensor, Tensor]:
    """Clean scenes and the same with the law's noise, (B, 3, H, W)."""
    clean = unit_from_stored(Shapes(size).draw(range(count)))
    noisy = np.stack([law.corrupt(image, RandomState(k)) for k, image in enumerate(clean)])
    x, y = (torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) for images in (clean, noisy))
    return x, y


def decibels(found: Tensor, clean: Tensor) -> float:
    return float(-10 * ((found - clean) ** 2).mean().log10())


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("law", LAWS)
def test_each_is_nearer_to_the_truth_than_its_input(name: str, law: str) -> None:
    clean, noisy = drawn(LAWS[law])
    found = classical(name, LAWS[law])(noisy)
    assert found.dtype == torch.float32 and found.shape == noisy.shape
    assert decibels(found, clean) > decibels(noisy, clean) + 2.5


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_any_number_of_channels(name: str, channels: int) -> None:
    clean, noisy = (images[:, [0] * channels] for images in drawn(LAWS["even"]))
    noisy = clean + torch.randn(noisy.shape, generator=torch.Generator().manual_seed(0)) * 25 / 255
    found = classical(name, LAWS["even"])(noisy)
    assert found.shape == clean.shape and decibels(found, clean) > decibels(noisy, clean) + 2.5


@pytest.mark.parametrize(
    ("law", "kind"),
    [("even", Even), ("counts", Anscombe), ("line", Anscombe), ("proportional", Numeric), ("falling", Numeric)],
)
def test_which_stabiliser_a_law_has(law: str, kind: type) -> None:
    assert isinstance(stabiliser(LAWS[law]), kind)


def flat(law: Fitted, signal: float, count: int = 200_000) -> np.ndarray:
    """Values of one signal with the law's noise."""
    return law.corrupt(np.full((1, count, 1), signal), RandomState(0))


@pytest.mark.parametrize("signal", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("law", LAWS)
def test_stabilised_noise_has_the_level_1(law: str, signal: float) -> None:
    z = stabiliser(LAWS[law]).forward(flat(LAWS[law], signal))
    assert z.std() == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("signal", [0.1, 0.2, 0.35, 0.5, 0.9])
@pytest.mark.parametrize("law", LAWS)
def test_the_mean_of_flat_patches_comes_back(law: str, signal: float) -> None:
    """Of perfect denoising, which tells the mean of what is stabilised; the way back alone is off by much more."""
    values = flat(LAWS[law], signal)
    to: Stabiliser = stabiliser(LAWS[law])
    level = float(LAWS[law].level_at(np.array(signal))) / 255
    assert to.inverse(to.forward(values).mean()) == pytest.approx(signal, abs=0.02 * level + 1e-3)


@pytest.mark.parametrize("law", LAWS)
def test_flat_images_are_unbiased(law: str) -> None:
    patch = torch.from_numpy(flat(LAWS[law], 0.4, 128 * 128).reshape(1, 1, 128, 128)).float()
    found = classical("nlm", LAWS[law])(patch)
    assert float(found.mean()) == pytest.approx(0.4, abs=0.004)
    assert float(found.std()) < 0.35 * float(patch.std())


def test_the_plain_inverse_would_be_biased() -> None:
    """What the test above would see: of 2√(n + ⅜), the algebraic inverse loses a quarter of an event."""
    law, signal = LAWS["counts"], 0.1
    to = stabiliser(law)
    assert isinstance(to, Anscombe)
    plain = to.line.signal(torch.tensor(to.forward(flat(law, signal)).mean() ** 2 / 4 - 3 / 8))
    assert signal - float(plain) == pytest.approx(0.25 / 30, rel=0.15)


@pytest.mark.parametrize("values", [-0.8, 0.0, 1.7, 30.0])
@pytest.mark.parametrize("law", ["even", "proportional", "falling"])
def test_far_values_stay_in_order(law: str, values: float) -> None:
    to = stabiliser(LAWS[law])
    near = to.inverse(to.forward(np.array([values - 0.1, values, values + 0.1])))
    assert np.isfinite(near).all() and (np.diff(near) > 0).all()


@pytest.mark.parametrize("law", ["even", "counts", "proportional"])
def test_nlm_is_exact_in_tiles(law: str) -> None:
    mapping = classical("nlm", LAWS[law])
    _, noisy = drawn(LAWS[law], size=96, count=1)
    whole, r = mapping(noisy), mapping.radius
    for top, left in ((0, 0), (24, 40), (64, 64)):
        rows, columns = (slice(max(start - r, 0), start + 32 + r) for start in (top, left))
        tile = mapping(noisy[..., rows, columns])
        core = tile[..., top - rows.start :, left - columns.start :][..., :32, :32]
        assert float((core - whole[..., top : top + 32, left : left + 32]).abs().max()) < 1e-5


def test_the_radius_is_no_larger_than_said_to_be() -> None:
    mapping = classical("nlm", LAWS["even"])
    image = torch.zeros(1, 1, 41, 41)
    other = image.clone()
    other[..., 20, 20] = 0.02
    changed = (mapping(other) - mapping(image)).abs()[0, 0] > 0
    reached = int((changed.nonzero() - 20).abs().max())
    assert 0 < reached <= mapping.radius


@pytest.mark.parametrize("name", [name for name in CLASSICAL if name != "nlm"])
def test_the_others_need_whole_images(name: str) -> None:
    assert CLASSICAL[name].radius == WHOLE


def test_without_a_law_one_level_serves_all() -> None:
    clean, noisy = drawn(LAWS["even"])
    found = classical_without_law("nlm", 25)(noisy)
    assert torch.equal(found, classical("nlm", LAWS["even"])(noisy))
    assert decibels(found, clean) > decibels(noisy, clean) + 2.5


def test_the_level_of_a_training_set() -> None:
    images = np.full((20, 3, 32, 32), 0.5) + RandomState(0).standard_normal((20, 3, 32, 32)) * 20 / 255
    data = SimpleNamespace(evenly=lambda count: np.arange(20), noisy=lambda rows: images[rows])
    assert level_without_law(data) == pytest.approx(20, rel=0.05)  # type: ignore[arg-type]


def test_no_noise_at_all_changes_nothing() -> None:
    noisy = torch.from_numpy(noisy_images(1))
    assert torch.allclose(classical("nlm", Fitted(level=(0.0,)))(noisy), noisy, atol=1e-6)


def test_bm3d_that_is_not_installed_is_said_with_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(UserError, match=r"method bm3d: .*non-commercial only\), pip install bm3d"):
        classical("bm3d", LAWS["even"])


@pytest.mark.parametrize(("channels", "called"), [(3, "bm3d_rgb"), (1, "bm3d")])
def test_bm3d_is_told_the_level_on_its_range(monkeypatch: pytest.MonkeyPatch, channels: int, called: str) -> None:
    seen = {}

    def answer(name: str) -> object:
        def denoised(z: np.ndarray, sigma: float) -> np.ndarray:
            seen.update({name: (z, sigma)})
            return z.squeeze()

        return denoised

    package = SimpleNamespace(bm3d=answer("bm3d"), bm3d_rgb=answer("bm3d_rgb"))
    monkeypatch.setitem(sys.modules, "bm3d", package)
    noisy = torch.from_numpy(noisy_images(1)[:, :channels])
    found: Classical = classical("bm3d", Fitted(level=(51.0,)))
    assert torch.allclose(found(noisy), noisy, atol=1e-6)
    z, sigma = seen[called]
    assert z / sigma == pytest.approx(noisy[0].permute(1, 2, 0).numpy() / 0.2, rel=1e-5)


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(UserError, match=r"nlm"):
        classical("nlmeans", LAWS["even"])
