"""The verbs that make images clean: train-denoiser, denoise."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import tyro

from nrgan.denoising.config import DenoiserConfig

if TYPE_CHECKING:
    from nrgan.cli.display import Display
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
            display.say(
                f"done. Look at {prepared.picture}; clean images: nrgan denoise IMAGES OUT --with {self.config.out}"
            )
        return 0


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
