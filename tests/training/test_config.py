"""Options: the published defaults, and every refusal."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from nrgan import TrainConfig, UserError
from nrgan.training.config import check_same_run, identity


def config(**changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "cifar10ag25", "model": "sinrgan1", "out": Path("out")} | changed))


def test_defaults_are_the_published_numbers() -> None:
    c = config()
    assert (c.iterations, c.batch_size, c.generator_batch, c.critic_steps) == (200_000, 64, 128, 1)
    assert (c.channels, c.discriminator_width, c.latent_size, c.image_size, c.residual_scale) == (
        128,
        128,
        128,
        32,
        0.1,
    )
    assert (c.generator_learning_rate, c.discriminator_learning_rate, c.beta1, c.beta2) == (2e-4, 2e-4, 0, 0.99)
    assert (c.r1_weight, c.diversity_weight, c.ema_decay, c.decay_iterations) == (10, 0.02, 0.999, 0)
    assert (c.snapshot_interval, c.sample_interval, c.log_interval) == (5000, 5000, 100)
    assert c.clip and c.seed == 0 and c.data_seed == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"setting": "cifar10ag52"}, "nearest are cifar10ag25"),
        ({"model": "sinrgan"}, "nearest are sinrgan"),
        ({"model": "sdnrgan1"}, "cifar10mg25"),
        ({"setting": "shapes-ag25", "image_size": 20}, "multiple of 8"),
        ({"image_size": 64}, "images of 32x32"),
        ({"setting": "shapes-lg25p8-24", "image_size": 16}, "does not fit"),
        ({"iterations": 10, "decay_iterations": 11}, "more than the 10 iterations"),
        ({"setting": "shapes-ag25", "data_root": Path()}, "--data-root"),
    ],
)
def test_options_that_do_not_go_together(changed: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"iterations": 0},
        {"batch_size": -1},
        {"beta1": 1.0},
        {"ema_decay": -0.1},
        {"generator_learning_rate": 0.0},
        {"discriminator_learning_rate": float("inf")},
        {"r1_weight": float("nan")},
        {"log_interval": 0},
        {"colour": "blue"},
    ],
)
def test_values_that_cannot_be(changed: dict[str, object]) -> None:
    with pytest.raises(UserError, match="--" + next(iter(changed)).replace("_", "-")):
        config(**changed)


def test_configuration_is_frozen() -> None:
    with pytest.raises(pydantic.ValidationError):
        config().iterations = 5  # type: ignore[misc]


def test_what_may_differ_on_resume() -> None:
    saved = config().model_dump(mode="json")
    check_same_run(saved, identity(config(iterations=300_000, device="cpu", out=Path("elsewhere"))), Path("run"))
    with pytest.raises(UserError, match=r"r1-weight is 10\.0 there and 5\.0 here"):
        check_same_run(saved, identity(config(r1_weight=5.0)), Path("run"))
    decaying = config(decay_iterations=10)
    longer = identity(config(decay_iterations=10, iterations=300_000))
    with pytest.raises(UserError, match="iterations is 200000 there"):
        check_same_run(decaying.model_dump(mode="json"), longer, Path("run"))
