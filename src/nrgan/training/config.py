"""Every choice of a training run, checked at birth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from nrgan.errors import UserError

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class TrainConfig(BaseModel):
    """What to train, on what, and how. The defaults are the published ones (Kaneko & Harada 2020)."""

    # raises UserError for a value that an option cannot have, and for values that do not go together

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: Annotated[str, tyro.conf.arg(metavar="SETTING")]
    """The data set and its noise, such as cifar10ag25 or shapes-ag25; `nrgan list` shows all."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")]
    """How generated images are observed: gan, ambientgan, sinrgan1, sinrgan2, sdnrgan1, sdnrgan2 or sdnrgan3."""
    out: Annotated[Path, tyro.conf.arg(metavar="OUT")]
    """The run folder: configuration, curves, sample pictures, snapshots, checkpoint."""

    iterations: Positive = 200_000
    """Iterations of training, one generator and one discriminator update each."""
    batch_size: Positive = 64
    """Real images in a discriminator update, and as many generated ones."""
    generator_batch_size: Positive | None = None
    """Generated images in a generator update; twice the batch size if not given."""
    critic_steps: Positive = 1
    """Discriminator updates an iteration."""
    generator_learning_rate: Rate = 2e-4
    """Adam's step size for the image and noise generators."""
    discriminator_learning_rate: Rate = 2e-4
    """Adam's step size for the discriminator."""
    beta1: Decay = 0.0
    """Adam's decay of the gradient's mean."""
    beta2: Decay = 0.99
    """Adam's decay of the gradient's square."""
    decay_iterations: Count = 0
    """The learning rates fall linearly to zero over the last so many iterations; 0: constant."""
    r1_weight: Weight = 10.0
    """Weight of the R1 penalty on real images."""
    diversity_weight: Weight = 0.02
    """Weight of the term that keeps the learned noise diverse."""
    ema_decay: Decay = 0.999
    """Decay of the moving average of the generators' weights, which is what is saved."""

    channels: Positive = 128
    """Width of the generators."""
    discriminator_channels: Positive | None = None
    """Width of the discriminator; the generators' if not given."""
    latent_size: Positive = 128
    """Size of the generator's latent; the noise generator of sdnrgan2 and sdnrgan3 has twice as much."""
    image_size: Positive = 32
    """Side of the images in pixels, a multiple of 8; the shapes settings are drawn at any size."""
    residual_scale: Weight = 0.1
    """Factor of every residual branch."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the networks, the order of the images and all random draws of training."""
    data_seed: Count = 0
    """Seed of the frozen noise of the training images."""
    clip: bool = True
    """Clip noisy images to their range, as a sensor does: the data, and what the discriminator sees."""

    snapshot_interval: Positive = 5_000
    """Iterations between snapshots of the averaged generators."""
    sample_interval: Positive = 5_000
    """Iterations between pictures of samples."""
    log_interval: Positive = 100
    """Iterations between lines of losses, each the mean over the interval."""
    checkpoint_minutes: Weight = 10.0
    """Minutes between checkpoints, from which --resume goes on; 0: one every iteration."""

    evaluate_every: Count = 0
    """Iterations between evaluations of the averaged generator, which keep the best one in best/; 0: none."""
    evaluate_metrics: tuple[str, ...] = ("fid",)
    """What to measure: fid (by which the best is chosen), kid, is, pr."""
    evaluate_samples: Positive = 10_000
    """Generated images that an evaluation measures."""
    evaluate_against: Literal["observed", "clean"] = "observed"
    """Compare samples as observed with the noisy images, which needs no clean ones; or samples with clean images."""
    evaluate_features: str = "auto"
    """inception, random_convolutions or a TorchScript file; auto: inception, for shapes random_convolutions."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the convolutions (parameters, averages and losses stay float32); auto: bfloat16 where it is fast."""
    penalty_gradient: Literal["tangent", "double-backward"] = "tangent"
    """How the gradient of R1 is computed: the same numbers, the tangent form in half the passes."""
    iterations_per_launch: Positive = 10
    """Iterations that a GPU does as one captured launch; 1: none captured."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""
    threads: Count = 0
    """CPU threads; 0: torch's choice."""
    deterministic: bool = False
    """Only operations that give the same bits every time; slower on a GPU."""

    data_root: Path | None = None
    """A folder with cifar-10-batches-py/ or its archive; if not given, CIFAR-10 is downloaded once."""
    cache_dir: Path | None = None
    """Where downloads and noisy sets are kept; $NRGAN_CACHE or the user's cache folder if not given."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_option(cls, values: Any, handler: ModelWrapValidatorHandler[TrainConfig]) -> TrainConfig:
        """Says a field's error in the words of the command line."""
        try:
            return handler(values)
        except ValidationError as error:
            first = error.errors()[0]
            option = "--" + "-".join(str(part) for part in first["loc"]).replace("_", "-")
            raise UserError(f"{option} {first['input']}: {first['msg'][0].lower()}{first['msg'][1:]}") from error

    @model_validator(mode="after")
    def _check_together(self) -> TrainConfig:
        """Refuses options that each are fine, but not with each other."""
        # imported late: help texts should not wait for torch
        from nrgan.data import SOURCES
        from nrgan.models import find_model
        from nrgan.noisy import check_data_seed
        from nrgan.settings import find_setting

        setting = find_setting(self.setting)
        find_model(self.model, setting)
        if self.image_size % 8:
            raise UserError(f"--image-size {self.image_size}: must be a multiple of 8")
        source = SOURCES[setting.source]
        source.check(self.image_size, self.data_root)
        setting.corruption.check_fits(self.image_size, self.image_size)
        check_data_seed(self.data_seed, source.default_count)
        if self.batch_size > source.default_count:
            raise UserError(
                f"--batch-size {self.batch_size}: more than the {source.default_count:,} images of {self.setting}"
            )
        if self.decay_iterations > self.iterations:
            raise UserError(
                f"--decay-iterations {self.decay_iterations}: more than the {self.iterations} iterations of the run"
            )
        if self.evaluate_every and "fid" not in self.evaluate_metrics:
            raise UserError("--evaluate-metrics: must hold fid, by which the best snapshot is chosen")
        return self

    def command_line(self) -> list[str]:
        """The arguments of `nrgan train` that make this configuration."""
        arguments = [self.setting, self.model, str(self.out)]
        for name, value in self.model_dump(mode="json", exclude_defaults=True).items():
            option = name.replace("_", "-")
            if name in ("setting", "model", "out"):
                continue
            if isinstance(value, bool):
                arguments.append(f"--{option}" if value else f"--no-{option}")
            else:
                arguments += [f"--{option}", *map(str, value if isinstance(value, list) else [value])]
        return arguments

    @property
    def generator_batch(self) -> int:
        """The generator's batch size, resolved."""
        return self.generator_batch_size or 2 * self.batch_size

    @property
    def discriminator_width(self) -> int:
        """The discriminator's channels, resolved."""
        return self.discriminator_channels or self.channels


_FREE_ON_RESUME = frozenset(
    {"out", "device", "threads", "data_root", "cache_dir", "iterations", "iterations_per_launch"}
    | {"snapshot_interval", "sample_interval", "checkpoint_minutes"}
    | {"evaluate_every", "evaluate_metrics", "evaluate_samples", "evaluate_against", "evaluate_features"}
)
"""Options that may differ when a run goes on: they do not change what is learned (`iterations` only how long)."""


def identity(config: TrainConfig) -> dict[str, Any]:
    """The options that make a run the run it is: only with the same ones may it go on."""
    free = _FREE_ON_RESUME - ({"iterations"} if config.decay_iterations else set())
    return {name: value for name, value in config.model_dump(mode="json").items() if name not in free}


def check_same_run(saved: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Raises `UserError` where what `where` was saved with differs from this run's identity, or from more."""
    differing = [
        f"{name.replace('_', '-')} is {saved.get(name)!r} there and {value!r} here"
        for name, value in now.items()
        if saved.get(name) != value
    ]
    if differing:
        raise UserError(f"{where} is of another configuration: {'; '.join(differing)}")
