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
from typing import Annotated, Literal

import tyro

from nrgan.errors import UserError
from nrgan.training.config import AUTO, TrainConfig
from nrgan.verbs.images import Diagnose, Generate
from nrgan.verbs.measure import CheckNoise, Compare, Evaluate, Reproduce, Select


@dataclass
class Train:
    """Learn a clean image generator from noisy images only: nrgan train cifar10ag25 sinrgan1 outputs"""

    config: tyro.conf.OmitArgPrefixes[TrainConfig]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on from the run folder's last checkpoint; begin where there is none."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Put this run in the place of the one that OUT holds, which is kept as OUT.old-1 until the first checkpoint."""
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
        if run.earlier is not None:
            display.say(f"the earlier run is in {run.earlier} until the first checkpoint of this one")
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
