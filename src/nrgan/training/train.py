"""A whole training run. `train` is the program's main entry."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import torch

from nrgan.corruptions import Corruption
from nrgan.errors import NrganError, TrainingDiverged, UserError, first_line
from nrgan.layout import data_picture, sample_picture, snapshot_folder
from nrgan.memory import is_out_of_memory
from nrgan.networks import Family
from nrgan.objectives import Objective
from nrgan.observation import Model, Observation
from nrgan.pictures import KEPT, KEPT_A_ROW, grid, save_picture
from nrgan.progress import Preparing, Progress
from nrgan.ranges import nhwc, signed_from_unit, stored_from_signed, stored_from_unit
from nrgan.ranks import here
from nrgan.runs import TrainedModel, save_snapshot
from nrgan.training.config import TrainConfig
from nrgan.training.following import follow
from nrgan.training.health import Health
from nrgan.training.loop import iterations
from nrgan.training.losses import describe
from nrgan.training.metadata import metadata_of
from nrgan.training.plan import Objects
from nrgan.training.prepare import Prepared, prepare

_log = logging.getLogger("nrgan")

_SHOWN_PARTS = ("clean", "noise", "noisy")
_HEALTH_INTERVAL = 100

_LOOKED_AT = 1000
_LOOKED_AT_BYTES = 16 << 20
"""Noisy images whose variation is compared with that of samples: how many, and how large in memory, at most."""


def train(
    config: TrainConfig,
    *,
    resume: bool = False,
    overwrite: bool = False,
    preparing: Preparing | None = None,
    corruption: Corruption | None = None,
    model: Model | None = None,
    network: Family | None = None,
    objective: Objective | None = None,
) -> Generator[Progress]:
    """Trains, yielding how far it is; everything a run leaves behind is written to `config.out` on the way.

    Where `minutes` are given, it may end before the last iteration: the last one that it yields is then the end.

    corruption, model, network, objective: objects of your own in the place of what the configuration names; the run's
    folder says so, and it goes on only with them. The folder is taken at once, and let go when the iterator ends.
    Closing the iterator, or leaving a `for` loop over it, saves a checkpoint, from which `resume` goes on.

    In processes that torchrun starts, each trains its share of every batch; the first one writes, and yields losses and
    figures. What one does with the iterator, all do.

    The process is left as it is: `threads` and `deterministic`, and the memory that is kept between steps, are set by
    the command line only (`nrgan.training.device.configure_process`). Raises `UserError` before anything is written
    where the run cannot begin, `TrainingDiverged` on losses that are not finite.
    """
    objects = Objects(corruption, model, network, objective)
    if not (ranks := here()).first:
        return follow(config, objects, ranks)
    prepared = prepare(config, objects, resume, overwrite, preparing)
    for note in prepared.notes():
        _log.info(note)
    return Training(prepared).run()


class Training:
    """The GAN's own part of a run: what is shown, watched and kept, and when."""

    def __init__(self, prepared: Prepared) -> None:
        self.plan, self.data, self.state = prepared.plan, prepared.data, prepared.state
        self.batches, self.recorder, self.watch = prepared.batches, prepared.recorder, prepared.watch
        self.deadline = prepared.deadline
        self.config = self.plan.config
        looked_at = max(KEPT, min(_LOOKED_AT, _LOOKED_AT_BYTES * len(self.data) // self.data.bytes))
        some = torch.from_numpy(self.data.noisy(self.data.glance(looked_at)))
        self.health = Health(signed_from_unit(some), first_check=round(3 / (1 - self.config.optimiser.ema_decay)))
        self._health_iteration = self._logged_iteration = self._begun_at = self.state.iteration
        self._snapshot_at: int | None = None
        self._logged_at = time.monotonic()

    def run(self) -> Generator[Progress]:
        """Trains to the end; see `train`."""
        schedule, state = self.config.schedule, self.state
        self._logged_at = time.monotonic()
        shown = Progress(state.iteration, schedule.iterations)
        note = self.recorder.log.note
        try:
            self._picture_of_data()
            self._make_missing_snapshot()
            self._make_missing_evaluation()
            for _ in iterations(state, self.plan, self.batches):
                shown = self._after_iteration(shown)
                yield replace(shown, message=note) if note else shown
                note = None
                if self.deadline is not None and state.ranks.highest(self.deadline.passed()):
                    break
            self._finish()
            if state.iteration < schedule.iterations:
                self.recorder.ended(state.iteration)
        except (GeneratorExit, NrganError) as stop:
            # neither a state that diverged nor one in the middle of an iteration is worth going on from
            if state.whole and not isinstance(stop, TrainingDiverged):
                self.save_checkpoint(settled=False)
            raise
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            batch, parts = schedule.generator_batch, schedule.accumulate
            raise UserError(
                f"not enough memory for an iteration ({first_line(error)}): <generator_batch_size> is {batch}, in "
                f"{parts} parts; take smaller batches, more parts (<accumulate>), or fewer <channels>"
            ) from error
        finally:
            self.batches.close()
            self.recorder.close()

    def _after_iteration(self, shown: Progress) -> Progress:
        """Logs, shows and saves what is due, and returns the progress to yield."""
        schedule, iteration = self.config.schedule, self.state.iteration
        shown = replace(shown, iteration=iteration, logged=False, message=None, metrics=None)
        if self.state.losses.full:
            self._stop_if_diverged()
            losses, rate = self.state.losses.means(), self._rate()
            self.state.losses.clear()
            message = self._health_message()
            self.recorder.log.add(iteration, losses, rate, message)
            shown = replace(shown, losses=losses, images_per_second=rate, logged=True, message=message)
        if iteration % schedule.sample_interval == 0:
            self.save_samples()
        if iteration % schedule.snapshot_interval == 0:
            self.save_snapshot()
        elif self.recorder.minutes_since_checkpoint() >= schedule.checkpoint_minutes:
            self.save_checkpoint()
        every = self.config.evaluation.every
        if every and iteration % every == 0:
            shown = replace(shown, metrics=self.evaluate())
        return shown

    def _make_missing_snapshot(self) -> None:
        """The snapshot that a kill right after its checkpoint left out."""
        iteration = self.state.iteration
        due = iteration > 0 and iteration % self.config.schedule.snapshot_interval == 0
        if due and not self._snapshot_folder.exists():
            self.save_snapshot()

    def _make_missing_evaluation(self) -> None:
        """The evaluation that a kill after its checkpoint left out."""
        iteration, every = self.state.iteration, self.config.evaluation.every
        self._evaluate_once(wanted=bool(every and iteration and iteration % every == 0))

    def _evaluate_once(self, wanted: bool) -> None:
        """Measures where there are no figures of this iteration yet."""
        missing = wanted and self.watch and self.watch.evaluator.kept(self.config.out, self.state.iteration) is None
        if self.state.ranks.told(bool(missing)):
            self.evaluate()

    def _finish(self) -> None:
        """Pictures and snapshot of the last iteration, whatever the intervals."""
        if not self.newest_picture.exists():
            self.save_samples()
        # one that is there may be of a time before the checkpoint that this went on from: made again, to the same bits
        trained = self.state.iteration > self._begun_at
        if not self._snapshot_folder.exists() or (trained and self._snapshot_at != self.state.iteration):
            self.save_snapshot()
        self._evaluate_once(wanted=True)

    def _rate(self) -> float:
        now, schedule = time.monotonic(), self.config.schedule
        done = (self.state.iteration - self._logged_iteration) * schedule.batch_size * schedule.critic_steps
        rate = done / max(now - self._logged_at, 1e-9)
        self._logged_at, self._logged_iteration = now, self.state.iteration
        return rate

    def _stop_if_diverged(self) -> None:
        if (bad := self.state.losses.first_bad()) is not None:
            ago, losses = bad
            self._stop(self.state.iteration - ago, f"the losses are not finite ({describe(losses)})")

    def _stop(self, iteration: int, what: str) -> NoReturn:
        recorder = self.recorder
        at = recorder.saved_iteration
        saved = f"{recorder.checkpoint_file} of iteration {at}" if at is not None else "none"
        raise TrainingDiverged(
            f"iteration {iteration}: {what}; last good checkpoint: {saved}. "
            "Lower the learning rates or raise <r1_weight>"
        )

    def _health_message(self) -> str | None:
        iteration = self.state.iteration
        if iteration - self._health_iteration < _HEALTH_INTERVAL:
            return None
        self._health_iteration = iteration
        parts = self.observe_shown(64).parts
        return self.health.check(iteration, parts["clean"], parts.get("noise"))

    def observe_shown(self, n: int) -> Observation:
        """The same `n` latents and draws at every call, through the averaged networks."""
        return self.state.averaged.observe_shown(n)

    def evaluate(self) -> dict[str, float]:
        """Measures the averaged generator, keeps it where it is the best so far; returns the figures by name."""
        assert self.watch is not None
        self._stop_if_diverged()
        model = TrainedModel(
            self.state.averaged, metadata_of(self.plan, self.state.iteration), self.plan.setting, self.config.out
        )
        records = self.watch.evaluate(model, self.state.discriminator)
        results = {name: value for record in records for name, value in record.results.items()}
        self.recorder.log.add_metrics(self.state.iteration, results)
        return results

    @property
    def newest_picture(self) -> Path:
        """The picture of the clean samples of the current iteration."""
        return sample_picture(self.config.out, self.state.iteration, "clean")

    @property
    def _snapshot_folder(self) -> Path:
        return snapshot_folder(self.config.out, self.state.iteration)

    def _picture_of_data(self) -> None:
        images = stored_from_unit(nhwc(self.data.noisy(self.data.glance(KEPT))))
        save_picture(grid(images, columns=KEPT_A_ROW), data_picture(self.config.out))
        if not self.batches.resident:
            self.data.looked_at()

    def save_samples(self) -> None:
        """Pictures of the shown samples: clean, and where they are observed otherwise, as noisy; the noise if any."""
        self.recorder.check_there()
        self._stop_if_diverged()
        parts = self.observe_shown(KEPT).parts
        for name in _SHOWN_PARTS:
            if name not in parts or (name == "noisy" and parts["noisy"] is parts["clean"]):
                continue
            picture = grid(stored_from_signed(parts[name]), columns=KEPT_A_ROW)
            save_picture(picture, sample_picture(self.config.out, self.state.iteration, name))

    def save_snapshot(self) -> None:
        """A checkpoint, and a snapshot of the averaged networks.

        In this order: a kill in between leaves a run that makes the snapshot when it goes on.
        """
        self.save_checkpoint()
        pair, about = self.state.averaged, metadata_of(self.plan, self.state.iteration)
        networks = pair.observer.networks()
        save_snapshot(self._snapshot_folder, pair.generator, networks, self.state.discriminator, about.plain())
        self._snapshot_at = self.state.iteration

    def save_checkpoint(self, settled: bool = True) -> None:
        """The whole state, to go on from; raises `TrainingDiverged` rather than save one that is not finite.

        settled: whether the run that was there before may go now.
        """
        self._stop_if_diverged()
        for name, value in self.state.tensors().items():
            if value.is_floating_point() and not bool(value.isfinite().all()):
                self._stop(self.state.iteration, f"{name} is not finite")
        self.recorder.checkpoint(self.state, settled)
