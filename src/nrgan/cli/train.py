"""The verb that trains."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from nrgan.training.config import AUTO, TrainConfig

if TYPE_CHECKING:
    from nrgan.training.prepare import Prepared


@dataclass
class Train:
    """Learn a clean image generator from noisy images only: nrgan train cifar10ag25 sinrgan1 outputs"""

    config: Annotated[tyro.conf.OmitArgPrefixes[TrainConfig], tyro.conf.arg(name="")]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on from the run folder's last checkpoint; begin where there is none."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Put this run in the place of the one that OUT holds, which is kept as OUT.old-1 until the first checkpoint."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Open the images, print the resolved configuration and stop."""

    def run(self) -> int:
        from nrgan.children import end_with_parent

        end_with_parent()
        return self._dry_run() if self.dry_run else self._train()

    def _dry_run(self) -> int:
        from rich.console import Console

        from nrgan.cli.display import Display
        from nrgan.data import OWN
        from nrgan.runs.folder import holds_run, read_config
        from nrgan.settings import find_setting
        from nrgan.training.device import choose_device, choose_dtype, dtype_name
        from nrgan.training.prepare import open_plan

        config = self.config
        if find_setting(config.setting, config.data.corrupt).source == OWN:  # size and model are in the images
            # standard output is the configuration's alone
            with Display(Console(stderr=True, highlight=False, soft_wrap=True)) as display:
                learned = read_config(config.out)["model"] if self.resume and holds_run(config.out) else None
                config = open_plan(config, preparing=display.preparing, learned=learned)[0].config
                self._say_auto(config, display.say)
        device = choose_device(config.machine.device)
        resolved = config.plain() | {
            "image_size": config.resolved_size,
            "device": str(device),
            "precision": dtype_name(choose_dtype(config.machine.precision, device)),
            "generator_batch_size": config.schedule.generator_batch,
            "discriminator_channels": config.network.discriminator_width,
        }
        print(json.dumps(resolved, indent=1))
        return 0

    def _train(self) -> int:
        from nrgan.cli.display import Display, duration
        from nrgan.cli.stopping import stop_requests
        from nrgan.training.device import configure_process
        from nrgan.training.plan import Objects
        from nrgan.training.prepare import prepare
        from nrgan.training.train import Training

        begun = time.monotonic()
        configure_process(self.config.machine)
        with Display() as display:
            prepared = prepare(self.config, Objects(), self.resume, self.overwrite, display.preparing)
            first, config = prepared.state.iteration, prepared.plan.config
            with stop_requests() as requests:
                self._announce(prepared, display.say)
                training = Training(prepared)
                steps = training.run()
                for progress in steps:
                    display.training(progress)
                    if requests:
                        steps.close()  # saves a checkpoint
                        display.say(f"stopped at iteration {progress.iteration:,}, saved; go on with --resume")
                        if prepared.recorder.earlier is not None:
                            display.say(f"the earlier run is still in {prepared.recorder.earlier}")
                        return 128 + requests[0]
            iterations = config.schedule.iterations
            if first >= iterations:
                display.say(f"{config.out}: was complete at iteration {first:,}; raise --iterations to train on")
            display.say(
                f"done: {max(0, iterations - first):,} iterations in {duration(time.monotonic() - begun)}. "
                f"Look at {training.newest_picture}; curves: tensorboard --logdir {config.out}; "
                f"images: nrgan generate {config.out}"
            )
        return 0

    def _say_auto(self, resolved: TrainConfig, say: Callable[[str], None]) -> None:
        if self.config.model == AUTO:
            say(f"auto: {resolved.model}; nrgan diagnose says why")

    def _announce(self, prepared: Prepared, say: Callable[[str], None]) -> None:
        """What is about to be done, and how long it will take."""
        from nrgan.cli.display import duration
        from nrgan.training.duration import seconds_per_iteration

        config, first, recorder = prepared.plan.config, prepared.state.iteration, prepared.recorder
        self._say_auto(config, say)
        say(
            f"{f'going on at iteration {first:,}:' if first else 'training'} {config.model} on "
            f"{config.setting} in {config.out} ({prepared.device_name})"
        )
        if recorder.earlier is not None:
            say(f"the earlier run is in {recorder.earlier} until the first checkpoint of this one")
        for note in prepared.notes():
            say(f"note: {note}")
        left = config.schedule.iterations - first
        if left > 0:
            each = seconds_per_iteration(prepared.state, prepared.plan)
            say(f"expected to take about {duration(max(1, left * each))}: {left:,} iterations of {each:.2g} s")
