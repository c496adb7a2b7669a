"""The verbs that make images clean: train-denoiser, denoise."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from nrgan.denoising.config import DenoiserConfig, DenoiserOptions
from nrgan.limits import OutputType
from nrgan.training.config import DataOptions, MachineOptions

if TYPE_CHECKING:
    from nrgan.cli.display import Display
    from nrgan.denoising.denoise import Chosen, Denoising
    from nrgan.denoising.train import Prepared


@dataclass
class TrainDenoiser:
    """Train a denoiser of noisy images alone, or of a run: nrgan train-denoiser scans/ denoiser"""

    config: Annotated[tyro.conf.OmitArgPrefixes[DenoiserConfig], tyro.conf.arg(name="")]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on from the folder's last checkpoint; begin where there is none."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Put this denoiser in the place of the one that OUT holds, which is kept as OUT.old-1 until the first checkpoint.
    """
    begun: tyro.conf.Suppress[float] = field(default_factory=time.monotonic)
    """When the command began: its minutes count from here."""

    def run(self) -> int:
        from nrgan.children import end_with_parent
        from nrgan.cli.display import Display
        from nrgan.denoising.choosing import words_of_gap
        from nrgan.denoising.denoiser import Denoiser
        from nrgan.denoising.train import prepare
        from nrgan.training.device import configure_process

        end_with_parent()
        configure_process(self.config.machine)
        with Display() as display:
            prepared = prepare(self.config, self.resume, self.overwrite, display.preparing, self.begun)
            stopped = trained(prepared, display)
            if stopped is not None:
                display.say(f"stopped, saved; go on with: --resume (nrgan train-denoiser … {self.config.out})")
                return 128 + stopped
            if (gap := words_of_gap(Denoiser.load(self.config.out).about.chosen)) is not None:
                display.say(f"note: {gap}")
            display.say(
                f"done. Look at {prepared.picture}; clean images: nrgan denoise IMAGES OUT --with {self.config.out}"
            )
        return 0


@dataclass
class Denoise:
    """Write clean images from noisy ones, and learn how from them alone: nrgan denoise scans/ clean"""

    images: Annotated[str, tyro.conf.arg(metavar="IMAGES")]
    """Your noisy images: a folder, an archive, a stack, or a pattern."""
    out: Annotated[Path, tyro.conf.arg(metavar="OUT")]
    """A new folder for files like them. The denoiser is trained in OUT-denoiser; the same command goes on with it."""
    by: Annotated[str | None, tyro.conf.arg(name="with")] = None
    """A denoiser that is there already, also one of the Hub (hf://owner/name); or a run, of which one is trained."""
    strength: float = 1.0
    """1: denoised; 0: as they were; between: both, blended."""
    dtype: OutputType = "same"
    """Type of the values written: the files' own, or float32, neither rounded nor clipped."""
    judge: tyro.conf.FlagCreatePairsOff[bool] = False
    """Judge the denoiser without clean images, and write judgement.json beside it."""
    halves: tuple[str, str] | None = None
    """Two takes of the same scenes, with noise of their own: what the denoiser makes of one is compared with the other.
    """
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write into a folder with files of others too, replacing those of the same names."""
    data: Annotated[DataOptions, tyro.conf.arg(name="")] = field(default_factory=DataOptions)
    training: Annotated[DenoiserOptions, tyro.conf.arg(name="")] = field(default_factory=DenoiserOptions)
    machine: Annotated[MachineOptions, tyro.conf.arg(name="")] = field(default_factory=MachineOptions)
    begun: tyro.conf.Suppress[float] = field(default_factory=time.monotonic)
    """When the command began: its minutes count from here."""

    def run(self) -> int:
        from nrgan.children import end_with_parent
        from nrgan.cli.display import Display
        from nrgan.denoising.denoise import DenoiseOptions, Denoising, beside
        from nrgan.denoising.denoiser import named
        from nrgan.denoising.judged_files import check_takes
        from nrgan.training.device import configure_process

        end_with_parent()
        configure_process(self.machine)
        groups = {"data": self.data, "training": self.training, "machine": self.machine}
        config = DenoiserConfig(images=self.images, out=beside(self.out), **groups)
        by = None if self.by is None else named(self.by)
        options = DenoiseOptions(self.out, by, self.strength, self.dtype, self.overwrite)
        if self.halves is not None:
            check_takes(self.halves)  # before hours of training
        with Display() as display:
            work = Denoising(config, options, display.preparing, self.begun)
            prepared = work.training()
            if prepared is not None:
                if (stopped := trained(prepared, display)) is not None:
                    display.say("stopped, saved; the same command goes on")
                    return 128 + stopped
                display.say(f"look at {prepared.picture}: images that training did not see, and below them denoised")
            prepared = None  # lets go of the images that were trained on
            chosen = work.chosen()
            display.say(f"denoising by {chosen.words}")
            plan = work.plan(chosen)
            for note in plan.notes:
                display.say(f"note: {note}")
            done = work.write(chosen, plan)
            for note in done.notes:
                display.say(f"note: {note}")
            if self.judge or self.halves is not None:
                self._judge(work, chosen, display)
        print(f"wrote {done.written:,} files to {self.out}")
        return 0

    def _judge(self, work: Denoising, chosen: Chosen, display: Display) -> None:
        from nrgan.denoising.judged_files import judged, write_judgement

        judgement = judged(work, chosen, self.halves)
        path = write_judgement(judgement, work.folder)
        if judgement.risk is not None and judgement.risk.psnr is not None:
            low, high = ("?" if end is None else f"{end:.1f}" for end in judgement.risk.psnr_range)
            display.say(f"estimated without clean images: PSNR {judgement.risk.psnr:.1f} dB, from {low} to {high}")
        if judgement.halves is not None:
            display.say(judgement.halves.words)
        asked_for = {part: why for part, why in judgement.withheld.items() if part != "halves" or self.halves}
        for part, why in asked_for.items():
            display.say(f"not told: {part}: {why}")
        for note in judgement.notes:
            display.say(f"note: {note}")
        display.say(f"all figures: {path}")


def trained(prepared: Prepared, display: Display) -> int | None:
    """Trains to the end; the number of the signal where one asked it to stop, and everything is saved."""
    from nrgan.cli.display import duration
    from nrgan.cli.stopping import stop_requests
    from nrgan.denoising.train import describe, run

    for note in prepared.notes:
        display.say(f"note: {note}")
    for doubt in prepared.material.noise.doubts:
        display.say(f"not certain: {doubt}")
    display.say(describe(prepared))
    if prepared.plan.seconds:
        display.say(f"expected to take about {duration(prepared.plan.seconds * prepared.plan.iterations)}")
    with stop_requests() as requests:
        steps = run(prepared)
        for progress in steps:
            display.training(progress)
            if requests:
                steps.close()  # saves a checkpoint
                return requests[0]
    if (reached := prepared.state.iteration) < prepared.plan.iterations:
        display.say(f"the time was up at step {reached:,} of {prepared.plan.iterations:,}")
    return None
