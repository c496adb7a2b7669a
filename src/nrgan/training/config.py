"""Every choice of a training run, checked at birth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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

if TYPE_CHECKING:
    from nrgan.dataset import DataChoice
    from nrgan.settings import Setting

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


AUTO = "auto"
"""The model that the images' diagnosis names."""
SETTINGS_SIZE = 32
"""Side of the named settings' images, unless another is asked for."""


def option_name(field: str) -> str:
    """What the command line calls an option: `value_range` is --range, for `range` is Python's own."""
    return {"value_range": "range"}.get(field, field.replace("_", "-"))


class TrainConfig(BaseModel):
    """What to train, on what, and how. The defaults are the published ones (Kaneko & Harada 2020)."""

    # raises UserError for a value that an option cannot have, and for values that do not go together

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: Annotated[str, tyro.conf.arg(metavar="SETTING")]
    """The data set and its noise, such as cifar10ag25 or shapes-ag25 (`nrgan list` shows all); or the path of your own
    noisy images: a folder, a zip, an .npy or .npz stack, a TIFF stack, a pattern, or shards-{000..099}.tar."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")]
    """How generated images are observed: gan, ambientgan, sinrgan1, sinrgan2, sdnrgan1, sdnrgan2 or sdnrgan3; auto:
    what `nrgan diagnose` recommends for your own images."""
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
    image_size: Annotated[Positive | None, tyro.conf.arg(aliases=["--size"])] = None
    """Side of the images in pixels, a multiple of 8: 32 for the settings (shapes are drawn at any size); your own
    images' size, if they all have the same."""
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
    accumulate: Positive = 1
    """Parts that a batch is split into, one after the other, to save memory: the same gradients."""
    iterations_per_launch: Positive = 10
    """Iterations that a GPU does as one captured launch; 1: none captured."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""
    threads: Count = 0
    """CPU threads; 0: torch's choice."""
    deterministic: bool = False
    """Only operations that give the same bits every time; slower on a GPU."""

    fit: Literal["crop", "resize", "tiles"] = "crop"
    """How your own images come to their size: the middle is cut out; resized, which changes the noise; or cut into
    overlapping tiles, as for large micrographs."""
    value_range: Annotated[str, tyro.conf.arg(name=option_name("value_range"))] = "auto"
    """Which values of your own images are black and white: auto (0 and 255 of 8 bits; else the least and the greatest),
    LOW,HIGH, or percentiles such as p0.1,p99.9."""
    corrupt: str | None = None
    """A corruption to add to your own images, such as ag25: they then are the clean reference."""
    skip_corrupt: bool = False
    """Leave images of your own out that cannot be read, instead of refusing them all."""
    stream: Literal["auto", "always", "never"] = "auto"
    """Let worker processes read the images while training, instead of holding them all; auto: if they do not fit."""
    workers: Count = 2
    """Processes that read streamed images."""

    data_root: Path | None = None
    """A folder with cifar-10-batches-py/ or its archive; if not given, CIFAR-10 is downloaded once."""
    cache_dir: Path | None = None
    """Where downloads and noisy sets are kept; $NRGAN_CACHE or the user's cache folder if not given."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_option(cls, values: Any, handler: ModelWrapValidatorHandler[TrainConfig]) -> TrainConfig:
        """Fills in the size of the settings' images, and says a field's error in the words of the command line."""
        from nrgan.settings import SETTINGS

        if isinstance(values, dict) and values.get("setting") in SETTINGS and values.get("image_size") is None:
            values = {**values, "image_size": SETTINGS_SIZE}
        try:
            return handler(values)
        except ValidationError as error:
            first = error.errors()[0]
            option = "-".join(option_name(str(part)) for part in first["loc"])
            raise UserError(f"--{option} {first['input']}: {first['msg'][0].lower()}{first['msg'][1:]}") from error

    @model_validator(mode="after")
    def _check_together(self) -> TrainConfig:
        """Refuses options that each are fine, but not with each other."""
        # imported late: help texts should not wait for torch
        from nrgan.models import find_model
        from nrgan.networks.sizes import up_blocks
        from nrgan.settings import OWN, find_setting
        from nrgan.training.accumulate import check_accumulate

        setting = find_setting(self.setting, self.corrupt)
        if self.image_size is not None:
            try:
                up_blocks(self.image_size)
            except UserError as error:
                raise UserError(f"--image-size {self.image_size}: {str(error).partition(': ')[2]}") from error
        if setting.source == OWN:
            if self.data_root is not None:
                raise UserError("--data-root: your own images are named by their path; leave it out")
            if self.model != AUTO:
                find_model(self.model, setting)
        else:
            self._check_setting(setting)
        if self.decay_iterations > self.iterations:
            raise UserError(
                f"--decay-iterations {self.decay_iterations}: more than the {self.iterations} iterations of the run"
            )
        check_accumulate(self)
        if self.evaluate_every and "fid" not in self.evaluate_metrics:
            raise UserError("--evaluate-metrics: must hold fid, by which the best snapshot is chosen")
        return self

    def _check_setting(self, setting: Setting) -> None:
        """Refuses what does not go with a named setting."""
        from nrgan.data import SOURCES
        from nrgan.models import find_model
        from nrgan.noisy import check_data_seed

        find_model(self.model, setting)
        for name in ("fit", "value_range", "skip_corrupt"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise UserError(f"--{option_name(name)}: is for images of your own, and {setting.name} is a setting")
        assert self.image_size is not None
        source = SOURCES[setting.source]
        source.check(self.image_size, self.data_root)
        setting.corruption.check_fits(self.image_size, self.image_size)
        check_data_seed(self.data_seed, source.default_count)
        self.check_count(source.default_count)

    def check_count(self, count: int) -> None:
        """Raises `UserError` where so many images do not make a batch."""
        if self.batch_size > count:
            raise UserError(f"--batch-size {self.batch_size}: more than the {count:,} images of {self.setting}")

    @property
    def data(self) -> DataChoice:
        """Which images training sees."""
        from nrgan.dataset import DataChoice

        return DataChoice(
            setting=self.setting,
            image_size=self.image_size,
            data_seed=self.data_seed,
            clip=self.clip,
            corrupt=self.corrupt,
            fit=self.fit,
            value_range=self.value_range,
            skip_corrupt=self.skip_corrupt,
        )

    def command_line(self) -> list[str]:
        """The arguments of `nrgan train` that make this configuration."""
        arguments = [self.setting, self.model, str(self.out)]
        for name, value in self.model_dump(mode="json", exclude_defaults=True).items():
            option = option_name(name)
            if name in ("setting", "model", "out"):
                continue
            if isinstance(value, bool):
                arguments.append(f"--{option}" if value else f"--no-{option}")
            else:
                arguments += [f"--{option}", *map(str, value if isinstance(value, list) else [value])]
        return arguments

    @property
    def resolved_size(self) -> int:
        """The images' side; raises `ValueError` for a configuration whose images have not been looked at."""
        if self.image_size is None:
            raise ValueError("the size of these images is not known before they are opened")
        return self.image_size

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
    | {"stream", "workers"}
    | {"evaluate_every", "evaluate_metrics", "evaluate_samples", "evaluate_against", "evaluate_features"}
)
"""Options that may differ when a run goes on: they do not change what is learned (`iterations` only how long)."""


def identity(config: TrainConfig) -> dict[str, Any]:
    """The options that make a run the run it is: only with the same ones may it go on."""
    from nrgan.settings import SETTINGS

    free = _FREE_ON_RESUME - ({"iterations"} if config.decay_iterations else set())
    if config.setting not in SETTINGS:  # one's own images may move; what is in them is in the checkpoint
        free |= {"setting"}
    return {name: value for name, value in config.model_dump(mode="json").items() if name not in free}


def check_same_run(saved: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Raises `UserError` where what `where` was saved with differs from this run's identity, or from more."""
    # what an older run did not save, it had no choice of: the default
    there = {name: field.get_default() for name, field in TrainConfig.model_fields.items()} | saved
    differing = [
        f"{option_name(name)} is {there.get(name)!r} there and {value!r} here"
        for name, value in now.items()
        if there.get(name) != value
    ]
    if differing:
        raise UserError(f"{where} is of another configuration: {'; '.join(differing)}")
