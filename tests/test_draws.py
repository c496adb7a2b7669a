"""Draws: fresh ones follow their law and their generator, recorded ones are what was recorded."""

from __future__ import annotations

import pytest
import torch

from nrgan.draws import Draws, FreshDraws, PartDraws, RecordedDraws, Share


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


def all_kinds(draws: Draws, images: int) -> list[torch.Tensor]:
    """One draw of each kind, also in scopes, for so many images."""
    scoped = draws.within("corruption").within("first")
    return [
        draws.normal("eps", (images, 3, 2, 2)),
        scoped.normal("eps", (images, 1, 1, 1)),
        draws.permutations("order", images, 4),
        scoped.uniform("level", (images,), 5, 50),
        draws.integers("patch_width", (images,), 0, 100),
    ]


@pytest.mark.parametrize(("images", "parts"), [(6, 2), (4, 2), (8, 4), (3, 3)])
def test_parts_together_are_the_batch(images: int, parts: int) -> None:
    """Also where a part has as many images as there are numbers an image (two, in parts of two)."""
    one, two = (torch.Generator().manual_seed(7) for _ in range(2))
    expected = all_kinds(FreshDraws(one), images)
    whole: dict[str, torch.Tensor] = {}
    of_parts = [PartDraws(FreshDraws(two), Share(images, p, parts), whole) for p in range(parts)]
    for p, draws in enumerate(of_parts):
        for ours, all_images in zip(all_kinds(draws, images // parts), expected, strict=True):
            assert torch.equal(ours, all_images[p::parts])
    assert torch.equal(one.get_state(), two.get_state())


def test_draws_that_cannot_be_told_apart_are_refused() -> None:
    whole: dict[str, torch.Tensor] = {}
    first, second = (PartDraws(FreshDraws(), Share(6, p, 2), whole) for p in range(2))
    first.normal("eps", (3, 4))
    with pytest.raises(ValueError, match="'eps' is asked for twice"):
        first.normal("eps", (3, 4))
    with pytest.raises(ValueError, match=r"'eps' was \(6, 4\) for an earlier part, not \(6, 5\)"):
        second.normal("eps", (3, 5))
    with pytest.raises(ValueError, match=r"'place' of shape \(2, 3\): it should begin with the 3 images"):
        second.normal("place", (2, 3))
