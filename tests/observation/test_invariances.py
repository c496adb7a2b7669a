"""The invariances by their law: each is a uniform draw from a group of rearrangements and signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor

from nrgan import UserError
from nrgan.draws import FreshDraws, PartDraws, Share
from nrgan.observation import INVARIANCES
from nrgan.observation.invariances import find_invariance

Change = Callable[[Tensor], Tensor]


def _each(function: Callable[..., Tensor], *choices: object) -> Iterator[Change]:
    """n ↦ function(n, c) for every choice c."""
    return (lambda n, c=c: function(n, c) for c in choices)


def _all_orders(axis: int, length: int) -> Iterator[Change]:
    return _each(lambda n, order: n.index_select(axis, torch.tensor(order)), *permutations(range(length)))


SIGNS = [torch.tensor(signs).view(2, 1, 1) for signs in product((1, -1), repeat=2)]
# name → (height, width, every element of the group on an image (2, height, width))
GROUPS: dict[str, tuple[int, int, list[Change]]] = {
    "quarter-turns": (3, 3, [*_each(lambda n, k: n.rot90(k, (1, 2)), 0, 1, 2, 3)]),
    "half-turns": (2, 3, [*_each(lambda n, axes: n.flip(axes), (), (1, 2))]),
    "flips": (2, 3, [*_each(lambda n, axes: n.flip(axes), (), (1,), (2,), (1, 2))]),
    "flip-across": (2, 3, [*_each(lambda n, axes: n.flip(axes), (), (2,))]),
    "flip-down": (2, 3, [*_each(lambda n, axes: n.flip(axes), (), (1,))]),
    "shifts": (2, 3, [*_each(lambda n, by: n.roll(by, (1, 2)), *product(range(2), range(3)))]),
    "shift-across": (2, 3, [*_each(lambda n, by: n.roll(by, 2), 0, 1, 2)]),
    "shift-down": (3, 2, [*_each(lambda n, by: n.roll(by, 1), 0, 1, 2)]),
    "shuffle-rows": (3, 2, [*_all_orders(1, 3)]),
    "shuffle-columns": (2, 3, [*_all_orders(2, 3)]),
    "shuffle-pixels": (2, 2, [lambda n, f=f: f(n.flatten(1)).view_as(n) for f in _all_orders(1, 4)]),
    "permute-channels": (2, 3, [*_all_orders(0, 2)]),
    "invert": (2, 3, [*_each(lambda n, sign: n * sign, 1, -1)]),
    "invert-channels": (2, 3, [*_each(lambda n, signs: n * signs, *SIGNS)]),
}


def image(height: int, width: int) -> Tensor:
    """Values that all differ, in size too."""
    return torch.arange(1.0, 1 + 2 * height * width).view(2, height, width)


def draws(seed: int = 0) -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(seed))


def test_every_row_has_its_group() -> None:
    assert GROUPS.keys() == INVARIANCES.keys()


@pytest.mark.parametrize("name", GROUPS)
def test_each_element_of_the_group_is_as_likely(name: str) -> None:
    height, width, group = GROUPS[name]
    n, each = image(height, width), 400
    made = INVARIANCES[name].transform(n.expand(each * len(group), -1, -1, -1), draws())
    counts = Counter(tuple(sample.flatten().tolist()) for sample in made)
    expected = {tuple(change(n).flatten().tolist()) for change in group}
    assert len(expected) == len(group) and counts.keys() == expected
    chi_squared = sum((count - each) ** 2 / each for count in counts.values())
    freedom = len(group) - 1
    assert chi_squared < freedom + 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("name", INVARIANCES)
@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 16, 16), (5, 8, 8)])
def test_gradients_go_where_the_values_come_from(name: str, shape: tuple[int, int, int]) -> None:
    """T is linear and orthogonal: ⟨T n, w⟩ = ⟨n, ∇⟩ and ∇ has the sizes of w, sample by sample."""
    n = torch.randn(32, *shape, dtype=torch.float64).requires_grad_()
    w = torch.randn(32, *shape, dtype=torch.float64)
    made = INVARIANCES[name].transform(n, draws())
    assert made.shape == n.shape and made.dtype == n.dtype
    (gradient,) = torch.autograd.grad((made * w).sum(), n)
    torch.testing.assert_close((gradient * n).sum((1, 2, 3)), (made * w).sum((1, 2, 3)))
    assert torch.equal(gradient.abs().flatten(1).sort(1).values, w.abs().flatten(1).sort(1).values)
    assert not torch.equal(made, n) or (name == "permute-channels" and shape[0] == 1)


def test_a_batch_in_parts_is_the_batch_for_all_of_them_at_once() -> None:
    """No name is drawn twice either, or the parts would refuse it."""
    n = torch.randn(8, 3, 8, 8)
    whole, parts, shared = n, [n[p::2] for p in range(2)], {}
    source, part_draws = draws(), [PartDraws(draws(), Share(8, p, 2), shared) for p in range(2)]
    for row in INVARIANCES.values():
        whole = row.transform(whole, source)
        parts = [row.transform(part, of_part) for part, of_part in zip(parts, part_draws, strict=True)]
    assert torch.equal(torch.stack(parts, dim=1).flatten(0, 1), whole)


def covariance(noise: str, height: int, width: int) -> Tensor:
    """E n·nᵀ of noise on two channels; its values in the order of a flattened (2, height, width)."""
    one, channels = torch.eye, torch.ones(2, 2)
    lags = (torch.arange(width)[:, None] - torch.arange(width)).abs()
    white = torch.eye(2 * height * width)
    return {
        "white": white,
        "row stripes": white + torch.kron(channels, torch.kron(one(height), torch.ones(width, width))),
        "along rows": torch.kron(one(2 * height), 0.6**lags),
        "shared by channels": white + torch.kron(channels, one(height * width)),
        "in the middle": torch.diag(image(height, width).flatten()),
    }[noise]


KEEPS = {
    "white": INVARIANCES.keys(),
    "row stripes": INVARIANCES.keys() - {"quarter-turns", "shuffle-pixels", "invert-channels"},
    "along rows": INVARIANCES.keys() - {"quarter-turns", "shifts", "shift-across", "shuffle-columns", "shuffle-pixels"},
    "shared by channels": INVARIANCES.keys() - {"invert-channels"},
    "in the middle": {"invert", "invert-channels"},
}


@pytest.mark.parametrize("noise", KEEPS)
def test_what_noise_keeps(noise: str) -> None:
    """Gaussian noise keeps T where its covariance does: g·Σ·gᵀ = Σ for every g of the group."""
    kept = set()
    for name, (height, width, group) in GROUPS.items():
        sigma = covariance(noise, height, width)
        unit = torch.eye(len(sigma)).view(-1, 2, height, width)
        matrices = [torch.stack([change(n).flatten() for n in unit], dim=1) for change in group]
        if all(torch.allclose(g @ sigma @ g.T, sigma) for g in matrices):
            kept.add(name)
    assert kept == set(KEEPS[noise])


def test_noise_of_one_axis_is_still_that_after_it() -> None:
    """The invariances of stripes leave rows with an offset, by the functions themselves and not by their group."""
    n = torch.randn(2000, 2, 6, 5) + torch.randn(2000, 1, 6, 1)
    for name in sorted(KEEPS["row stripes"]):
        n = INVARIANCES[name].transform(n, draws())
    across, down = (n[..., 1:] * n[..., :-1]).mean(), (n[:, :, 1:] * n[:, :, :-1]).mean()
    channels = (n[:, 0] * n[:, 1]).mean()
    np.testing.assert_allclose([float(across), float(down), float(channels)], [1, 0, 1], atol=0.06)


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown invariance 'flip'; the nearest are flips"):
        find_invariance("flip")
    assert all(row.holds for row in INVARIANCES.values())
