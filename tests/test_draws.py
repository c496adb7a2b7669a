"""Draws: fresh ones follow their law and their generator, recorded ones are what was recorded."""

from __future__ import annotations

import pytest
import torch

from nrgan.draws import FreshDraws, RecordedDraws


def test_fresh_draws_follow_their_generator() -> None:
    one, two = (FreshDraws(torch.Generator().manual_seed(7), dtype=torch.float64) for _ in range(2))
    for call in (
        lambda d: d.normal("a", (3, 4)),
        lambda d: d.uniform("b", (5,), -1, 1),
        lambda d: d.integers("c", (6,), 0, 4),
        lambda d: d.permutations("d", 4, 3),
    ):
        assert torch.equal(call(one), call(two))


def test_permutations_are_uniform() -> None:
    drawn = FreshDraws(torch.Generator().manual_seed(0)).permutations("p", 60_000, 3)
    codes = drawn[:, 0] * 9 + drawn[:, 1] * 3 + drawn[:, 2]
    counts = torch.unique(codes, return_counts=True)[1]
    assert len(counts) == 6
    assert float(((counts - 10_000) ** 2 / 10_000).sum()) < 20.5  # χ², 5 degrees of freedom, p = 0.001


def test_recorded_draws_are_scoped_and_checked() -> None:
    draws = RecordedDraws({"z": torch.zeros(2), "part/eps": torch.ones(3)})
    assert torch.equal(draws.within("part").normal("eps", (3,)), torch.ones(3))
    with pytest.raises(KeyError, match="no recorded draw 'eps'"):
        draws.normal("eps", (3,))
    with pytest.raises(ValueError, match=r"shape \(2,\), asked for \(4,\)"):
        draws.normal("z", (4,))
