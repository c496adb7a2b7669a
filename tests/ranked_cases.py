"""Runs that several ranks train together, and how: for the ranks of `test_ranks`, and for one rank beside them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from nrgan.ranks import ALONE, Ranks
from nrgan.training.batches import ResidentBatches
from nrgan.training.graph import single_iteration
from nrgan.training.plan import Plan
from nrgan.training.state import new_state
from plans import plan_of

CPU, DOUBLE = torch.device("cpu"), torch.float64
MOST = 4
CASES: dict[str, dict[str, object]] = {
    "one network, tangent": {"model": "gan"},
    "two networks": {"model": "sinrgan1"},
    "double backward": {"model": "sinrgan1", "penalty_gradient": "double-backward"},
    "noise of the image": {"model": "sdnrgan3", "setting": "shapes-p30"},
    "in parts": {"model": "sinrgan2", "accumulate": 2},
    "pairs that do not share out": {"model": "sinrgan1", "generator_batch_size": 10},
    "two updates of D": {"model": "sinrgan1", "critic_steps": 2},
}
COUNTS = (2, 3, MOST)


def plan(case: str) -> Plan:
    sizes = {"image_size": 24, "channels": 3, "latent_size": 4, "batch_size": 8, "iterations": 3, "log_interval": 3}
    return plan_of(**({"setting": "shapes-ag25"} | sizes | CASES[case]))


def trained(case: str, ranks: Ranks = ALONE) -> dict[str, Tensor]:
    """Losses, weights, averages, moments and random state after three iterations in float64."""
    of_case = plan(case)
    state = new_state(of_case, CPU, DOUBLE, ranks=ranks)
    images = np.random.default_rng(1).random((24, 3, 24, 24), np.float32)
    batches = ResidentBatches(images, of_case.config.schedule.batch_size, state.place, CPU, own=ranks.own)
    for _ in range(3):
        single_iteration(state, of_case, batches)
    return {name: value.clone() for name, value in state.tensors().items()}


def rank(number: int, folder: Path) -> None:
    """What one of `MOST` processes does: its share of every case, in groups of each count."""
    os.environ.update(MASTER_ADDR="127.0.0.1", GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'met'}", rank=number, world_size=MOST)
    for count in COUNTS:
        group = dist.new_group(list(range(count)))
        if number >= count:
            continue
        for case in CASES:
            found = trained(case, Ranks(number, count, group))
            torch.save(found, folder / f"{case}-{count}-{number}.pt")
    dist.barrier()
    dist.destroy_process_group()
