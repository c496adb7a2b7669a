"""The command line: verbs, each a thin layer over the Python API."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from nrgan.errors import UserError
from nrgan.training.config import AUTO, TrainConfig

if TYPE_CHECKING:
    from nrgan.evaluation.evaluate import Resources
    from nrgan.reports.display import Display


@dataclass
class Train:
    """Learn a clean image generator from noisy images only: nrgan train cifar10ag25 sinrgan1 outputs"""

    config: tyro.conf.OmitArgPrefixes[TrainConfig]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on from the run folder's last checkpoint; begin where there is none."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Delete the run that the folder holds."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the resolved configuration and stop."""

    def run(self) -> int:
        return _dry_run(self.config) if self.dry_run else _train(self.config, self.resume, self.overwrite)


@dataclass
class List:
    """Show all settings and models."""

    def run(self) -> int:
        from rich.console import Console
        from rich.table import Table

        from nrgan.models import MODELS
        from nrgan.settings import SETTINGS

        settings = Table("setting", "paper", "corruption", title="Settings")
        for setting in SETTINGS.values():
            settings.add_row(setting.name, setting.paper, str(setting.corruption))
        models = Table("model", "what must be known of the noise", title="Models")
        for name, model in MODELS.items():
            models.add_row(name, model.knowledge)
        console = Console(highlight=False)
        console.print(settings, models)
        return 0


@dataclass
class ImportReference:
    """Read the snapshots of the reference implementation (netG_iter_N.pth, netGn_…, netD_…)."""

    run_dir: Path
    """The reference's output folder."""
    out: Path
    """Where to write the snapshots."""

    def run(self) -> int:
        from nrgan.reference import import_reference

        for folder in import_reference(self.run_dir, self.out):
            print(folder)
        print(f"Generate with: python -c \"from nrgan import Generator; Generator.from_pretrained('{self.out}')\"")
        return 0


@dataclass
class Where:
    """Where to compute, and where data and caches lie."""

    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""
    data_root: Path | None = None
    """A folder with cifar-10-batches-py/ or its archive; the run's own if not given."""
    cache_dir: Path | None = None
    """Where downloads and statistics are kept; $NRGAN_CACHE or the user's cache folder if not given."""


@dataclass
class Evaluate:
    """Measure a generator: FID, KID, Inception Score, precision and recall. nrgan evaluate outputs --samples 10000"""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run (its newest snapshot is measured), its best/, or one snapshot folder."""
    where: tyro.conf.OmitArgPrefixes[Where]
    metrics: tuple[Literal["fid", "kid", "is", "pr"], ...] = ()
    """What to measure (pr: precision and recall); all that the features can give if not said."""
    samples: int = 50_000
    """Generated images."""
    against: Literal["clean", "observed"] | None = None
    """Samples against clean images; or samples as observed against the noisy ones. Clean if there are such images."""
    features: str = "auto"
    """inception, random_convolutions or a TorchScript file; auto: inception, for shapes random_convolutions."""
    reference: Path | None = None
    """Moments of real images to compare with (.npz with mu, sigma, count), instead of the setting's images."""
    seed: int = 0
    """Of the generated images."""
    batch_size: int = 100
    """Images through the feature extractor at once."""
    processes: int = 1
    """Processes that generate, each on a GPU of its own where there are several."""
    setting: str | None = None
    """What an imported snapshot was trained on."""
    model: str | None = None
    """Which model an imported snapshot is of."""

    def run(self) -> int:
        from nrgan.evaluation.evaluate import Protocol
        from nrgan.measuring import evaluate, usual_comparison
        from nrgan.reports.display import Display
        from nrgan.reports.tables import figures, show

        told = self.setting or self.reference  # published moments are of clean images
        against = self.against or ("clean" if told else usual_comparison(self.path))
        protocol = Protocol(self.metrics, self.samples, against, self.features, self.seed)
        with Display() as display:
            resources = _resources(
                self.where, display, batch_size=self.batch_size, processes=self.processes, reference=self.reference
            )
            records = evaluate(self.path, protocol, resources, self.setting, self.model)
        show(figures(records))
        return 0


@dataclass
class Select:
    """Choose the best of a run's snapshots, without clean images, and keep it in best/. nrgan select outputs"""

    run_folder: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """The run."""
    where: tyro.conf.OmitArgPrefixes[Where]
    by: Literal["observed", "clean"] = "observed"
    """Lowest FID of observed samples to noisy images; or of samples to clean images."""
    samples: int = 10_000
    """Generated images a snapshot."""
    features: str = "auto"
    """inception, random_convolutions or a TorchScript file; auto: inception, for shapes random_convolutions."""
    seed: int = 0
    """Of the generated images."""
    only_observed: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave clean images out of it: else, where there are some, it shows what choosing without them costs."""

    def run(self) -> int:
        from nrgan.evaluation.evaluate import Protocol
        from nrgan.measuring import select_snapshot
        from nrgan.reports.display import Display
        from nrgan.reports.tables import selection, show

        protocol = Protocol(samples=self.samples, features=self.features, seed=self.seed)
        with Display() as display:
            found = select_snapshot(
                self.run_folder, protocol, _resources(self.where, display), self.by == "clean", not self.only_observed
            )
        show(selection(found.candidates, found.chosen))
        if found.regret is not None:
            print(f"regret of the choice, in clean FID: {found.regret:.4g}")
        print(f"kept in {self.run_folder / 'best'}")
        return 0


@dataclass
class CheckNoise:
    """Compare a model's noise with the true one: level, correlation, distribution; numbers and one figure."""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run (its newest snapshot), its best/, or one snapshot folder."""
    where: tyro.conf.OmitArgPrefixes[Where]
    samples: int = 2000
    """Images, generated and real."""
    seed: int = 0
    """Of the generated images."""

    def run(self) -> int:
        from nrgan.measuring import check_run_noise
        from nrgan.reports.display import Display
        from nrgan.reports.tables import noise_differences, noise_left, show

        with Display() as display:
            check, figure = check_run_noise(self.path, self.samples, self.seed, _resources(self.where, display))
        if check.learned is None:
            print(f"{check.model} adds no noise: nothing to compare with the truth")
        elif check.truth is None:
            print(f"the true noise of {check.setting} is not known: the figure shows the model's alone")
        else:
            show(noise_differences(check))
        show(noise_left(check))
        print(f"Look at {figure}")
        return 0


@dataclass
class Reproduce:
    """Make a table of settings, models and seeds: nrgan reproduce quick --out outputs. Stopped, the same goes on."""

    grid: Annotated[str, tyro.conf.arg(metavar="GRID")]
    """quick, paper-signal-independent, paper-signal-dependent, or a TOML file of your own."""
    where: tyro.conf.OmitArgPrefixes[Where]
    out: Path = Path("reproduced")
    """Where the runs and the table go."""
    jobs: int = 1
    """Runs that train at once, each in a process of its own with its share of the cores."""

    def run(self) -> int:
        from rich.markdown import Markdown

        from nrgan.reports.display import Display
        from nrgan.reproduce.reproduce import reproduce

        where = self.where
        with Display() as display:
            code, table = reproduce(
                self.grid, self.out, self.jobs, where.device, where.data_root, where.cache_dir, display
            )
            if table is not None:
                display.console.print(Markdown(table.markdown()))
        return code


@dataclass
class Compare:
    """Show runs side by side: samples, figures over iterations, and a table. nrgan compare outputs-a outputs-b"""

    runs: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN")]
    """The runs."""
    out: Path = Path("comparison.png")
    """The figure; the table goes beside it, as Markdown."""

    def run(self) -> int:
        from nrgan.reports.comparison import compare
        from nrgan.reports.tables import show

        show(compare(self.runs, self.out))
        print(f"Look at {self.out}")
        return 0


@dataclass
class Diagnose:
    """Tell from noisy images alone what their noise is like, and which model fits it: nrgan diagnose scans/"""

    path: Annotated[str, tyro.conf.arg(metavar="PATH")]
    """Your own images, as for train; or the name of a setting."""
    out: Path | None = None
    """A folder for diagnosis.json and diagnosis.png; PATH-diagnosis here if not given."""
    images: int = 2000
    """Images (or tiles) that are looked at, at most."""
    size: int | None = None
    """Side of the images in pixels, a multiple of 8; their own, or tiles of 64, if not given."""
    fit: Literal["crop", "tiles"] = "crop"
    """How images come to that size: the middle is cut out; or cut into overlapping tiles."""
    value_range: Annotated[str, tyro.conf.arg(name="range")] = "auto"
    """Which values are black and white: auto, LOW,HIGH, or percentiles such as p0.1,p99.9."""
    skip_corrupt: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave images out that cannot be read."""
    data_root: Path | None = None
    """For a CIFAR-10 setting: a folder with cifar-10-batches-py/ or its archive."""

    def run(self) -> int:
        from nrgan.dataset import DataChoice
        from nrgan.diagnosing import diagnose_images
        from nrgan.diagnosis.report import diagnosis_table
        from nrgan.reports.display import Display
        from nrgan.reports.tables import show

        choice = DataChoice(
            setting=self.path,
            image_size=self.size,
            fit=self.fit,
            value_range=self.value_range,
            skip_corrupt=self.skip_corrupt,
        )
        out = self.out or Path(f"{_name_of(self.path)}-diagnosis")
        with Display() as display:
            found = diagnose_images(choice, self.images, out, self.data_root, display.preparing)
            for note in found.notes:
                display.say(f"note: {note}")
        show(diagnosis_table(found.diagnosis, found.advice))
        print(f"Look at {found.figure}; train with: nrgan train {self.path} {found.advice.model} OUT")
        return 0


@dataclass
class Generate:
    """Write generated images in the data's own type and range: nrgan generate outputs --count 1000 --out images"""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run (its newest snapshot), its best/, or one snapshot folder."""
    out: Path = Path("generated")
    """A new folder to write to."""
    count: int = 100
    """How many images."""
    seed: int = 0
    """Of the series of images; image i of a seed is always the same one."""
    first: int = 0
    """Number of the first image, to make some of them again."""
    format: Literal["auto", "png", "tiff", "npy"] = "auto"
    """auto: PNG where it can hold the type and the channels, else TIFF."""
    extras: Annotated[str, tyro.conf.arg(name="with")] = ""
    """What to write beside each image: noise (float32), noisy (the image with that noise), or noise,noisy."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""

    def run(self) -> int:
        from nrgan.generating import generate
        from nrgan.reports.display import Display
        from nrgan.training.device import choose_device

        device = choose_device(self.device)
        extras = tuple(name for name in self.extras.split(",") if name)
        with Display() as display:
            advance = display.preparing("images", self.count)
            generate(self.path, self.out, self.count, self.seed, self.first, self.format, extras, device, advance)
        print(f"wrote {self.count:,} images to {self.out}; image N again: --first N --count 1 --seed {self.seed}")
        return 0


@dataclass
class Demo:
    """Train a plain GAN and an NR-GAN on drawn, noisy images for a few minutes, and show both in one picture."""

    out: Path = Path("demo-outputs")
    """Where to write."""

    def run(self) -> int:
        from nrgan.demo.demo import demo

        return demo(self.out)


@dataclass
class Bench:
    """Measure training speed: absolutely, step by step (--ablation), and beside the reference (--reference DIR)."""

    model: str = "sinrgan1"
    """Which model to time."""
    batch_size: int = 64
    """Real images in a discriminator update."""
    channels: int = 128
    """Width of the networks."""
    image_size: int = 32
    """Side of the images in pixels."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the convolutions."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""
    rounds: int = 7
    """How often each is timed; the median counts."""
    packed: int = 1
    """Independent runs at once."""
    ablation: tyro.conf.FlagCreatePairsOff[bool] = False
    """Time the steps that make it fast, too."""
    reference: Path | None = None
    """A checkout of the reference implementation to time in turn."""
    json: Path | None = None
    """Where to write the figures."""

    def run(self) -> int:
        from nrgan.bench.command import bench

        setting = "cifar10ag25" if self.image_size == 32 else "shapes-ag25"
        config = TrainConfig(
            setting=setting,
            model=self.model,
            out=Path("unused"),
            batch_size=self.batch_size,
            channels=self.channels,
            image_size=self.image_size,
            precision=self.precision,
            device=self.device,
        )
        return bench(config, self.rounds, self.packed, self.ablation, self.reference, self.json)


Verb = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Diagnose, tyro.conf.subcommand("diagnose")]
    | Annotated[Generate, tyro.conf.subcommand("generate")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Select, tyro.conf.subcommand("select")]
    | Annotated[CheckNoise, tyro.conf.subcommand("check-noise")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[ImportReference, tyro.conf.subcommand("import-reference")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 failed, 2 asked for what cannot be done, 128 + N on signal N."""
    threading.excepthook = _thread_failed
    try:
        verb: Verb = tyro.cli(
            Verb,
            prog="nrgan",
            description="Learn a clean image generator when only noisy images exist.",
            args=arguments,
            config=(tyro.conf.PositionalRequiredArgs, tyro.conf.CascadeSubcommandArgs),
        )
        code = verb.run()
    except UserError as error:
        code = _fail(str(error), error.exit_code)
    except BrokenPipeError:  # whoever read our output has gone, as in `nrgan list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        code = _fail("interrupted; a run goes on from its last checkpoint with --resume", 128 + signal.SIGINT)
    sys.exit(code)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard writes in a thread; the full disk that stops it stops us too, with a message of our own."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


def _fail(message: str, code: int = 2) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _name_of(path: str) -> str:
    """What a path is about, for a folder's name: a file's without its ending, else the last part that is no pattern."""
    absolute = Path(path).absolute()
    if absolute.is_file():
        return absolute.stem
    plain = [part for part in absolute.parts if not set("*?[{") & set(part)]
    return plain[-1].strip("/") or "images"


def _resources(where: Where, display: Display, **options: Any) -> Resources:
    from nrgan.evaluation.evaluate import Resources
    from nrgan.training.device import choose_device

    device = choose_device(where.device)
    return Resources(where.data_root, where.cache_dir, device, preparing=display.preparing, **options)


def _dry_run(config: TrainConfig) -> int:
    from nrgan.training.device import choose_device, choose_dtype

    device = choose_device(config.device)
    resolved = config.model_dump(mode="json") | {
        "device": str(device),
        "precision": str(choose_dtype(config.precision, device)).removeprefix("torch."),
        "generator_batch_size": config.generator_batch,
        "discriminator_channels": config.discriminator_width,
    }
    print(json.dumps(resolved, indent=1))
    return 0


def _train(config: TrainConfig, resume: bool, overwrite: bool) -> int:
    from nrgan.reports.display import Display, duration
    from nrgan.run import Run
    from nrgan.stopping import stop_requests

    begun = time.monotonic()
    with Display() as display:
        run = Run(config, resume, overwrite, display.preparing)
        first = run.state.iteration
        if config.model == AUTO:
            display.say(f"auto: {run.config.model}; nrgan diagnose says why")
        config = run.config
        display.say(
            f"{f'going on at iteration {first:,}:' if first else 'training'} {config.model} on "
            f"{config.setting} in {config.out} ({run.device_name})"
        )
        for note in run.data.notes:
            display.say(f"note: {note}")
        if not run.exact:
            display.say("the checkpoint is from another kind of device: the weights go on, random numbers begin anew")
        with stop_requests() as requests:
            training = run.progress()
            for progress in training:
                display.training(progress)
                if requests:
                    training.close()  # saves a checkpoint
                    display.say(f"stopped at iteration {progress.iteration:,}, saved; go on with --resume")
                    return 128 + requests[0]
        if first >= config.iterations:
            display.say(f"{config.out}: was complete at iteration {first:,}; raise --iterations to train on")
        display.say(
            f"done: {max(0, config.iterations - first):,} iterations in {duration(time.monotonic() - begun)}. "
            f"Look at {run.newest_picture}; curves: tensorboard --logdir {config.out}; "
            f"images: Generator.from_pretrained('{config.out}').sample(100)"
        )
    return 0


if __name__ == "__main__":
    main()
