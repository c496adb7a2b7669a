"""What only a GPU can show: the captured launch trains as single iterations do, and a run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import TINY
from nrgan import TrainConfig, train
from nrgan.training.batches import ResidentBatches
from nrgan.training.block import Block, single_iteration
from nrgan.training.state import new_state

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")

MODELS = ["gan", "ambientgan", "sinrgan1", "sinrgan2", "sdnrgan2", "sdnrgan3"]


def config(out: Path, **changed: object) -> TrainConfig:
    options = {"setting": "shapes-mix", "model": "sinrgan1", "out": out} | TINY | {"device": "cuda"} | changed
    return TrainConfig(**options)


@pytest.mark.parametrize("model", MODELS)
def test_a_captured_block_trains_as_single_iterations(model: str) -> None:
    """The same draws, so the same run but for the rounding of differently chosen kernels."""
    device = torch.device("cuda")
    chosen = config(Path("unused"), model=model, iterations=50, log_interval=50, channels=16)
    images = np.random.RandomState(0).rand(64, 3, 16, 16)
    # float64: in float32 the rounding of differently chosen kernels grows within a few iterations of Adam
    states = [new_state(chosen, device, 3, dtype=torch.float64) for _ in range(2)]
    batches = [ResidentBatches(images, chosen.batch_size, state.place, device) for state in states]
    for state, of_state in zip(states, batches, strict=True):
        single_iteration(state, chosen, of_state)
    for _ in range(10):
        single_iteration(states[0], chosen, batches[0])
    block = Block(states[1], chosen, batches[1], 5)
    block.run()
    block.run()
    assert states[0].iteration == states[1].iteration == 11 and states[0].place == states[1].place
    one, two = states[0].tensors(), states[1].tensors()
    assert torch.equal(one["rng"], two["rng"]), "the graph advances the run's own generator"
    for name in one:
        if name.startswith(("generators", "averaged", "discriminator/", "losses")):
            torch.testing.assert_close(two[name], one[name], rtol=1e-6, atol=1e-6)


def test_a_run_on_the_gpu_resumes(tmp_path: Path) -> None:
    options = {"iterations": 40, "log_interval": 10, "iterations_per_launch": 5, "precision": "bfloat16"}
    for progress in train(config(tmp_path / "run", **options)):
        if progress.iteration >= 15:
            break
    reached = [p.iteration for p in train(config(tmp_path / "run", **options), resume=True)]
    assert reached[-1] == 40 and (tmp_path / "run" / "snapshots" / "iteration-0000040").is_dir()


def test_a_streamed_run_on_the_gpu_is_measured(tmp_path: Path) -> None:
    watching = {"stream": "always", "evaluate_every": 20, "evaluate_samples": 500}
    done = [p.metrics for p in train(config(tmp_path / "run", iterations=40, **watching)) if p.metrics]
    assert len(done) == 2 and (tmp_path / "run" / "best").is_dir()


def test_parts_of_a_batch_are_captured_too(tmp_path: Path) -> None:
    options = {"iterations": 40, "log_interval": 10, "iterations_per_launch": 5, "accumulate": 2}
    reached = [p.iteration for p in train(config(tmp_path / "run", **options))]
    assert reached[-1] == 40 and len(reached) < 40
