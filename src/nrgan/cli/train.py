"""The verb that trains."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import tyro

from nrgan import torchrun
from nrgan.training.config import AUTO, TrainConfig

if TYPE_CHECKING:
    from nrgan.cli.display import Display
    from nrgan.data import TrainingData
    from nrgan.ranks import Ranks
    from nrgan.training.budget import Budget
    from nrgan.training.plan import Plan
    from nrgan.training.prepare import Prepared
    from nrgan.training.state import TrainState

_LONG = 3 * 3600.0
"""Seconds from which on a run on one's own images is told of a shorter way."""


@dataclass
class Train:
    """Learn a clean image generator from noisy images only: nrgan train cifar10ag25 sinrgan1 outputs"""

    config: Annotated[tyro.conf.OmitArgPrefixes[TrainConfig], tyro.conf.arg(name="")]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on from the run folder's last checkpoint; begin where there is none."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Put this run in the place of the one that OUT holds, which is kept as OUT.old-1 until the first checkpoint."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Open the images, print the resolved configuration (with --minutes, measure and choose first) and stop."""
    live: tyro.conf.FlagCreatePairsOff[bool] = False
    """Keep a page in the run folder, live.html, that shows how it goes; while it is open, it looks again by itself."""
    ranks: Annotated[str, tyro.conf.arg(metavar="N|auto")] = "1"
    """Processes of this machine that train together, each its share of every batch, with --threads each; auto: as many
    as are fastest here."""
    begun: tyro.conf.Suppress[float] = field(default_factory=time.monotonic)
    """When the command began: its minutes count from here, before what takes long is loaded."""
    given: tyro.conf.Suppress[tuple[str, ...]] = ()
    """The command's own words, which the ranks that it starts are given too."""

    def run(self) -> int:
        from nrgan.children import end_with_parent
        from nrgan.cli.launch import launch, wanted
        from nrgan.ranks import here

        end_with_parent()
        processes = wanted(self.ranks, self.config.machine.device)
        if self.dry_run:
            return self._dry_run()
        if processes.count > 1 and not torchrun.launched():
            return launch(processes, self.given)
        ranks = here()
        return self._train() if ranks.first else self._follow(ranks)

    def _follow(self, ranks: Ranks) -> int:
        """The part of a rank that writes and says nothing."""
        from nrgan.cli.stopping import stop_requests
        from nrgan.training.device import configure_process
        from nrgan.training.following import Following
        from nrgan.training.plan import Objects

        configure_process(self.config.machine)
        following = Following.begin(self.config, Objects(), ranks)
        if following is None:
            return 0
        ranks = following.state.ranks
        with stop_requests() as requests:
            steps = following.run()
            for _ in steps:
                if number := ranks.highest(requests[0] if requests else 0):
                    steps.close()
                    return 128 + number
        return 0

    def _dry_run(self) -> int:
        from rich.console import Console

        from nrgan.cli.display import Display
        from nrgan.data import OWN
        from nrgan.settings import find_setting
        from nrgan.training.device import choose_device, choose_dtype, dtype_name
        from nrgan.training.together import yet_to_be_composed

        config = self.config
        own = find_setting(config.setting, config.data.corrupt).source == OWN  # size and model are in the images
        if own or config.schedule.minutes is not None or yet_to_be_composed(config):
            # standard output is the configuration's alone
            with Display(Console(stderr=True, highlight=False, soft_wrap=True)) as display:
                config = self._resolved(display)
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

    def _resolved(self, display: Display) -> TrainConfig:
        """With what the images decide, and what is chosen for the minutes."""
        from nrgan.runs.folder import claim, read_config
        from nrgan.training.device import choose_device, choose_dtype, configure_process
        from nrgan.training.prepare import check_memory, open_plan
        from nrgan.training.state import new_state
        from nrgan.training.timed_plan import fitting, timed_plan

        config = self.config
        recorded = read_config(config.out) if claim(config.out, self.resume, self.overwrite) else None
        plan, data = open_plan(config, preparing=display.preparing, recorded=recorded)
        configure_process(config.machine)
        device = choose_device(config.machine.device)
        dtype = choose_dtype(config.machine.precision, device)
        if recorded is None:
            plan, data = fitting(config, plan, data, device, dtype)
        self._say_auto(plan.config, display.say)
        for note in data.notes:
            display.say(f"note: {note}")
        if recorded is not None:
            return plan.config
        if config.schedule.minutes is None:
            check_memory(plan, device)
            self._say_time(plan, new_state(plan, device, compute_dtype=dtype), data, display.say)
        else:
            plan, budget = timed_plan(plan, data, device, dtype, lambda: time.monotonic() - self.begun)
            self._say_budget(plan.config, budget, display.say)
        return plan.config

    def _say_time(self, plan: Plan, state: TrainState, data: TrainingData, say: Callable[[str], None]) -> None:
        """How long the iterations that are left will take, and of a shorter way where that is long."""
        from nrgan.cli.display import duration
        from nrgan.data import OWN
        from nrgan.training.duration import seconds_per_iteration

        left, each = plan.config.schedule.iterations - state.iteration, seconds_per_iteration(state, plan)
        say(f"expected to take about {duration(max(1, left * each))}: {left:,} iterations of {each:.2g} s")
        if left * each > _LONG and data.choice.source == OWN and plan.config.schedule.minutes is None:
            say("for a shorter run: --minutes 20 (with --dry-run it says what would be trained)")

    def _train(self) -> int:
        from nrgan.cli.display import Display, duration
        from nrgan.cli.live import LivePage
        from nrgan.cli.stopping import stop_requests
        from nrgan.training.device import configure_process
        from nrgan.training.plan import Objects
        from nrgan.training.prepare import prepare
        from nrgan.training.train import Training

        configure_process(self.config.machine)
        with Display() as display:
            prepared = prepare(self.config, Objects(), self.resume, self.overwrite, display.preparing, self.begun)
            ranks = prepared.state.ranks
            first, config = prepared.state.iteration, prepared.plan.config
            with stop_requests() as requests, LivePage(config, display.say, self.live) as page:
                self._announce(prepared, display.say)
                training = Training(prepared)
                steps = training.run()
                for progress in steps:
                    display.training(progress)
                    page.follow(progress)
                    if number := ranks.highest(requests[0] if requests else 0):
                        steps.close()  # saves a checkpoint
                        display.say(f"stopped at iteration {progress.iteration:,}, saved; go on with --resume")
                        if prepared.recorder.earlier is not None:
                            display.say(f"the earlier run is still in {prepared.recorder.earlier}")
                        return 128 + number
            iterations = config.schedule.iterations
            if first >= iterations:
                display.say(f"{config.out}: was complete at iteration {first:,}; raise --iterations to train on")
            if (reached := prepared.state.iteration) < iterations:
                display.say(f"the time is up at iteration {reached:,} of {iterations:,}; --resume goes on from there")
            display.say(
                f"done: {max(0, reached - first):,} iterations in {duration(time.monotonic() - self.begun)}. "
                f"Look at {training.newest_picture}; curves: tensorboard --logdir {config.out}; "
                f"images: nrgan generate {config.out}"
            )
        return 0

    def _say_auto(self, resolved: TrainConfig, say: Callable[[str], None]) -> None:
        if self.config.model == AUTO:
            why = "nrgan diagnose says why" if resolved.data.noise is None else "it uses the noise that is told"
            say(f"auto: {resolved.model}; {why}")

    def _say_budget(self, config: TrainConfig, budget: Budget, say: Callable[[str], None]) -> None:
        from nrgan.cli.display import duration

        say(budget.sentence(config))
        seconds = budget.seconds  # to a tenth of a minute, for it is compared with the minutes that were given
        said = f"{seconds / 60:.1f} min" if 120 <= seconds < 3600 else duration(seconds)
        say(f"expected to take about {said} in all")

    def _announce(self, prepared: Prepared, say: Callable[[str], None]) -> None:
        """What is about to be done, and how long it will take."""
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
        if prepared.budget is not None:
            self._say_budget(config, prepared.budget, say)
        elif config.schedule.iterations > first:
            self._say_time(prepared.plan, prepared.state, prepared.data, say)
