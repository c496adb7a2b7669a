"""The moving average of the generators: parameters follow slowly, persistent buffers at once, scratch not at all."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from nrgan.training.average import MovingAverage


class WithBuffers(nn.Module):
    """A layer, what it counts (kept with the weights), and scratch space (not kept)."""

    count: Tensor
    scratch: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)


def test_parameters_follow_by_the_decay() -> None:
    network = nn.Sequential(WithBuffers(), nn.Linear(2, 1))
    averaged = copy.deepcopy(network).requires_grad_(False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape))
    expected = [0.9 * a + 0.1 * n.detach() for a, n in zip(averaged.parameters(), network.parameters(), strict=True)]
    MovingAverage(averaged, network, 0.9).update()
    for value, wanted in zip(averaged.parameters(), expected, strict=True):
        torch.testing.assert_close(value, wanted)


def test_persistent_buffers_are_copied_and_others_left_alone() -> None:
    network = WithBuffers()
    averaged = copy.deepcopy(network).requires_grad_(False)
    average = MovingAverage(averaged, network, 0.9)
    network.count += 7
    network.scratch += 5
    average.update()
    assert int(averaged.count) == 7 and torch.equal(averaged.scratch, torch.zeros(3))
    network.count += 1
    assert int(averaged.count) == 7, "a copy, not the same memory"
    average.update()
    assert int(averaged.count) == 8 and averaged.state_dict().keys() == network.state_dict().keys()


def test_the_network_itself_is_only_read() -> None:
    network = WithBuffers()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    MovingAverage(copy.deepcopy(network).requires_grad_(False), network, 0.5).update()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
