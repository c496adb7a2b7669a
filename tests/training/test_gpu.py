"""What only a GPU can show: the captured launch trains as single iterations do, and a run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import TINY
from nrgan import TrainConfig, train
from nrgan.layout import BEST, snapshot_folder
from nrgan.models import MODELS
from nrgan.settings import CORRUPTIONS, SETTINGS
from nrgan.training.batches import ResidentBatches
from nrgan.training.graph import GraphedIterations, single_iteration
from nrgan.training.state import new_state
from plans import plan_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")

FITTING = {
    name: next(row for row in ("mix", *CORRUPTIONS) if model.unfit(SETTINGS[f"shapes-{row}"]) is None)
    for name, model in MODELS.items()
}
"""A corruption per model; of many parts, where it can be."""


def config(out: Path, **changed: object) -> TrainConfig:
    options = {"setting": "shapes-mix", "model": "sinrgan1", "out": out} | TINY | {"device": "cuda"} | changed
    return TrainConfig(**options)


@pytest.mark.parametrize("model", MODELS)
def test_captured_iterations_train_as_single_ones(model: str) -> None:
    """The same draws, so the same run but for the rounding of differently chosen kernels."""
    device = torch.device("cuda")
    options = TINY | {"model": model, "iterations": 50, "log_interval": 50, "channels": 16}
    plan = plan_of(setting=f"shapes-{FITTING[model]}", **options)
    images = np.random.RandomState(0).rand(64, 3, 16, 16)
    # float64: in float32 the rounding of differently chosen kernels grows within a few iterations of Adam
    states = [new_state(plan, device, dtype=torch.float64) for _ in range(2)]
    batches = [ResidentBatches(images, plan.config.schedule.batch_size, state.place, device) for state in states]
    for state, of_state in zip(states, batches, strict=True):
        single_iteration(state, plan, of_state)
    for _ in range(10):
        single_iteration(states[0], plan, batches[0])
    graphed = GraphedIterations(states[1], plan, batches[1], 5)
    graphed.run()
    graphed.run()
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
    assert reached[-1] == 40 and snapshot_folder(tmp_path / "run", 40).is_dir()


def test_a_streamed_run_on_the_gpu_is_measured(tmp_path: Path) -> None:
    watching = {"stream": "always", "evaluate_every": 20, "evaluate_samples": 500}
    done = [p.metrics for p in train(config(tmp_path / "run", iterations=40, **watching)) if p.metrics]
    assert len(done) == 2 and (tmp_path / "run" / BEST).is_dir()


def test_parts_of_a_batch_are_captured_too(tmp_path: Path) -> None:
    options = {"iterations": 40, "log_interval": 10, "iterations_per_launch": 5, "accumulate": 2}
    reached = [p.iteration for p in train(config(tmp_path / "run", **options))]
    assert reached[-1] == 40 and len(reached) < 40
