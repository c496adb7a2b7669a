"""The options of a training run, by what they decide. Free of torch: the command line's help should not wait for it.

Every field is known by a flat name too, which is the keyword of `TrainConfig` and the option of the command line; group
and field are looked up in one table (`FLAT` in `table`). Whether a field may differ when a run goes on is said
beside it (`MAY_DIFFER`), or for a whole group (`may_differ`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import tyro
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from nrgan.errors import UserError, validation_sentence
from nrgan.evaluation.metric_names import Against
from nrgan.limits import NO_ROW, FitChoice

Positive = Annotated[int, Field(ge=1, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Width = Annotated[int, Field(ge=1, le=2**16)]
Processes = Annotated[int, Field(ge=0, le=1024)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Signed = Annotated[float, Field(ge=-1, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]

AUTO = "auto"
"""The model that the images' diagnosis names."""
GIVEN = "given"
"""The name of what is no row, but an object of the user's own."""

PrecisionName = Literal["auto", "float32", "bfloat16"]
"""Type of the convolutions."""

MAY_DIFFER = "may differ when the run goes on"
"""Marks a field that does not change what is learned, or only for how long."""


def option_name(flat: str) -> str:
    """What the command line calls an option: `value_range` is --range, for `range` is Python's own."""
    return {"value_range": "range"}.get(flat, flat.replace("_", "-"))


def dashed(flat: str) -> str:
    """An option as it is typed: --batch-size for `batch_size`."""
    return f"--{option_name(flat)}"


def _joined(names: Any) -> Any:
    """Names as one text, apart by commas and without blanks, whether they came as a text or as a list."""
    if isinstance(names, str):
        names = names.split(",")
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return ",".join(name.strip() for name in names) or NO_ROW
    return names


class Group(BaseModel):
    """Options that belong together, frozen and checked at birth."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    may_differ: ClassVar[bool] = False
    """Whether all of them may differ when a run goes on."""
    prefix: ClassVar[str] = ""
    """What the flat names of its fields begin with."""

    @model_validator(mode="wrap")
    @classmethod
    def _by_flat_name(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Says a field's error under its flat name."""
        try:
            return handler(values)
        except ValidationError as error:
            (field, *_), value, message = validation_sentence(error)
            raise UserError(f"<{cls.prefix}{field}> {value}: {message}") from error


class DataOptions(Group):
    """Which images training sees."""

    image_size: Annotated[Positive | None, tyro.conf.arg(aliases=["--size"])] = None
    """Side of the images in pixels, a multiple of 8: 32 for the settings (shapes are drawn at any size); your own
    images' size, if they all have the same."""
    fit: FitChoice = "auto"
    """How your own images come to their size: the middle is cut out; resized, which changes the noise; or cut into
    overlapping tiles, as for large micrographs; auto: tiles where they are few or unequal."""
    value_range: Annotated[str, tyro.conf.arg(name=option_name("value_range"))] = "auto"
    """Which values of your own images are black and white: auto (0 and 255 of 8 bits; else all but single pixels that
    stand out), LOW,HIGH, or percentiles such as p0.1,p99.9; LOW,HIGH;LOW,HIGH has a pair for each channel."""
    axes: str | None = None
    """What the axes of your own arrays are, a letter each, where the files do not say it: Y rows, X columns, C
    channels, Z depth, T time, R repeats, N images; such as TZYX."""
    frames: str | None = None
    """Which of your own images are used, by numbers along their axes, from 0: such as T=0:50,Z=3."""
    image_channels: str | None = None
    """Which channels of your own images are used, by numbers from 0 or by names: such as 0,2 or DAPI."""
    mend: str | None = None
    """Repairs of your own images as they are read, with commas: fixed-pattern, hot-pixels, impulses, stripes; the files
    stay as they are."""
    dark: Annotated[str | None, MAY_DIFFER] = None
    """Frames without light, of the same camera: for --mend fixed-pattern and hot-pixels."""
    flat: Annotated[str | None, MAY_DIFFER] = None
    """Frames of even light, of the same camera: for --mend fixed-pattern, with --dark."""
    corrupt: str | None = None
    """A corruption to add to your own images, such as ag25: they then are the clean reference."""
    noise: str | None = None
    """A noise file, which tells the noise that your own images have, for ambientgan; `nrgan diagnose --save` writes
    one. The run keeps its numbers."""
    skip_corrupt: bool = False
    """Leave images of your own out that cannot be read, instead of refusing them all."""
    clip: bool = True
    """Clip noisy images to their range, as a sensor does: the data, and what the discriminator sees."""
    data_seed: Count = 0
    """Seed of the frozen noise of the training images."""


class NetworkOptions(Group):
    """Which networks, and how large."""

    network: str = AUTO
    """Family of the networks. auto: resnet, the published one; with --minutes resnet-bilinear, which draws no squares,
    for blurred images of your own."""
    channels: Width = 128
    """Width of the generators."""
    discriminator_channels: Width | None = None
    """Width of the discriminator; the generators' if not given."""
    discriminator_centre: Signed = 0.0
    """Value, of -1 (black) to 1 (white), that the discriminator sees as 0; --minutes takes the mean of the images."""
    discriminator_gain: Rate = 1.0
    """Factor of what the discriminator sees, for images of little contrast; --minutes chooses it."""
    latent_size: Width = 128
    """Size of the generator's latent; the noise generator of sdnrgan2 and sdnrgan3 has twice as much."""
    residual_scale: Weight = 0.1
    """Factor of every residual branch."""

    @property
    def discriminator_width(self) -> int:
        """The discriminator's channels, resolved."""
        return self.discriminator_channels or self.channels


class ObservationOptions(Group):
    """How generated images are observed, beside the model itself."""

    diversity_weight: Weight = 0.02
    """Weight of the term that keeps the learned noise diverse."""
    prior: str = NO_ROW
    """What the distribution of the noise is, for the model learned: gaussian, proportional, row-stripes, … (`nrgan
    list` shows all)."""
    invariances: Annotated[str, BeforeValidator(_joined)] = NO_ROW
    """What changes noise no more than another draw would, but changes images, for the model learned: names with commas
    between them, such as flips,shifts,invert (`nrgan list` shows all)."""
    implicit: bool = False
    """Let the noise of the model learned depend on the image, in a way that is learned."""


class ObjectiveOptions(Group):
    """What both sides minimise."""

    objective: str = "logistic"
    """The losses of generator and discriminator."""
    r1_weight: Weight = 10.0
    """Weight of the R1 penalty on real images."""
    penalty_gradient: Literal["tangent", "double-backward"] = "tangent"
    """How the gradient of R1 is computed: the same numbers, the tangent form in half the passes."""


class OptimiserOptions(Group):
    """How the weights follow the gradients."""

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
    ema_decay: Decay = 0.999
    """Decay of the moving average of the generators' weights, which is what is saved."""


class ScheduleOptions(Group):
    """How long, in which batches, and what is kept on the way."""

    minutes: Annotated[Rate | None, MAY_DIFFER] = None
    """Minutes that the whole run may take: width, batch, iterations, rates, averaging and evaluations are then chosen
    for the time, but for those that are given. --resume keeps the choice, and allows the share that is left."""
    iterations: Annotated[Positive, MAY_DIFFER] = 200_000
    """Iterations of training, one generator and one discriminator update each."""
    batch_size: Positive = 64
    """Real images in a discriminator update, and as many generated ones."""
    generator_batch_size: Positive | None = None
    """Generated images in a generator update; twice the batch size if not given."""
    critic_steps: Positive = 1
    """Discriminator updates an iteration."""
    accumulate: Positive = 1
    """Parts that a batch is split into, one after the other, to save memory: the same gradients."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the networks, the order of the images and all random draws of training."""
    snapshot_interval: Annotated[Positive, MAY_DIFFER] = 5_000
    """Iterations between snapshots of the averaged generators."""
    sample_interval: Annotated[Positive, MAY_DIFFER] = 5_000
    """Iterations between pictures of samples."""
    log_interval: Annotated[int, Field(ge=1, le=10**6)] = 100
    """Iterations between lines of losses, each the mean over the interval."""
    checkpoint_minutes: Annotated[Weight, MAY_DIFFER] = 10.0
    """Minutes between checkpoints, from which --resume goes on; 0: one every iteration."""

    @property
    def generator_batch(self) -> int:
        """The generator's batch size, resolved."""
        return self.generator_batch_size or 2 * self.batch_size


class EvaluationOptions(Group):
    """How the averaged generator is measured while it is trained."""

    may_differ: ClassVar[bool] = True
    prefix: ClassVar[str] = "evaluate_"

    every: Annotated[Count, tyro.conf.arg(name="evaluate-every")] = 0
    """Iterations between evaluations of the averaged generator, which keep the best one in best/; 0: none."""
    metrics: Annotated[tuple[str, ...], tyro.conf.arg(name="evaluate-metrics")] = ("fid",)
    """What to measure: fid (by which the best is chosen), kid, is, pr."""
    samples: Annotated[Positive, tyro.conf.arg(name="evaluate-samples")] = 10_000
    """Generated images that an evaluation measures."""
    against: Annotated[Against, tyro.conf.arg(name="evaluate-against")] = "observed"
    """Compare samples as observed with the noisy images, which needs no clean ones; or samples with clean images."""
    features: Annotated[str, tyro.conf.arg(name="evaluate-features")] = "auto"
    """inception, random_convolutions, small_convolutions (for 50 to 1,000 images) or a TorchScript file; auto:
    inception, for shapes random_convolutions."""


class MachineOptions(Group):
    """Where to compute, and where data lie."""

    precision: PrecisionName = "auto"
    """Type of the convolutions (parameters, averages and losses stay float32); auto: bfloat16 where it is fast."""
    deterministic: bool = False
    """Only operations that give the same bits every time; slower on a GPU."""
    device: Annotated[str, MAY_DIFFER] = "auto"
    """Where to compute: auto, cpu, cuda, cuda:N, or mps (Apple's GPUs, experimental)."""
    threads: Annotated[Processes, MAY_DIFFER] = 0
    """CPU threads; 0: torch's choice."""
    iterations_per_launch: Annotated[Positive, MAY_DIFFER] = 10
    """Iterations that a GPU does as one captured launch; 1: none captured."""
    stream: Annotated[Literal["auto", "always", "never"], MAY_DIFFER] = "auto"
    """Let worker processes read the images while training, instead of holding them all; auto: if they do not fit."""
    workers: Annotated[Processes, MAY_DIFFER] = 2
    """Processes that read streamed images."""
    data_root: Annotated[Path | None, MAY_DIFFER] = None
    """A folder with cifar-10-batches-py/ or its archive; if not given, CIFAR-10 is downloaded once."""
    cache_dir: Annotated[Path | None, MAY_DIFFER] = None
    """Where downloads and noisy sets are kept; $NRGAN_CACHE or the user's cache folder if not given."""
