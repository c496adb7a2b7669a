"""Latents, and the ways between them."""

from __future__ import annotations

import torch

from nrgan.networks.sampling import great_circle


def test_the_way_between_latents_is_as_long_as_they_are() -> None:
    a, b = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0))
    a, b = (z / z.norm(dim=1, keepdim=True) for z in (a, b))
    for share, end in ((0.0, a), (1.0, b)):
        assert torch.equal(great_circle(a, b, torch.tensor(share)), end)
    torch.testing.assert_close(great_circle(a, b, torch.tensor(0.3)).norm(dim=1), torch.ones(3))
    way = great_circle(a[:1], b[:1], torch.linspace(0, 1, 11)[:, None])
    steps = torch.nn.functional.cosine_similarity(way[1:], way[:-1])
    torch.testing.assert_close(steps, steps.mean().expand(10))


def test_latents_that_point_the_same_way_have_a_straight_way() -> None:
    a = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(great_circle(a, a, torch.tensor([[0.5]])), a)
    torch.testing.assert_close(great_circle(a, 3 * a, torch.tensor([[0.5]])), 2 * a)
