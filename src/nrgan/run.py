"""A whole training run: data, training, and the run folder. `train` is the program's main entry."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor

from nrgan.dataset import Preparing, TrainingData, open_data
from nrgan.diagnosing import recommended_model
from nrgan.draws import FreshDraws
from nrgan.errors import TrainingDiverged, UserError
from nrgan.evaluation.evaluate import Evaluator, Protocol, Resources
from nrgan.evaluation.selection import Watch
from nrgan.images import nhwc, signed_from_unit, stored_from_signed, stored_from_unit
from nrgan.models import find_model
from nrgan.networks.generator import latents
from nrgan.noisy import key_digest
from nrgan.observation import Observation
from nrgan.pictures import grid, save_picture
from nrgan.reports.curves import Curves
from nrgan.settings import OWN
from nrgan.storage import clear_parts
from nrgan.training import folder as run_folder
from nrgan.training.batches import Batches, ResidentBatches, StreamedBatches
from nrgan.training.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from nrgan.training.config import AUTO, TrainConfig, identity
from nrgan.training.device import choose_dtype, memory_for_data, prepare_torch
from nrgan.training.health import Health
from nrgan.training.loop import iterations
from nrgan.training.losses import describe
from nrgan.training.progress import Progress
from nrgan.training.snapshot import About, snapshot_folder, snapshot_of
from nrgan.training.state import new_state

GRID = 100
"""Samples in a picture, ten by ten."""
_SHOWN_SEED = 0
_HEALTH_INTERVAL = 100

_LOOKED_AT = 1000
_LOOKED_AT_BYTES = 16 << 20
"""Noisy images whose variation is compared with that of samples: how many, and how large in memory, at most."""


def train(
    config: TrainConfig, *, resume: bool = False, overwrite: bool = False, preparing: Preparing | None = None
) -> Generator[Progress]:
    """Trains, yielding after each iteration; everything a run leaves behind is written to `config.out` on the way.

    Closing the iterator, or leaving a `for` loop over it, saves a checkpoint, from which `resume` goes on.
    Raises `UserError` before anything is written where the run cannot begin, `TrainingDiverged` on losses that are
    not finite.
    """
    return Run(config, resume=resume, overwrite=overwrite, preparing=preparing).progress()


class Run:
    """A run that is ready to train: data read, networks made, folder begun."""

    def __init__(
        self,
        config: TrainConfig,
        resume: bool = False,
        overwrite: bool = False,
        preparing: Preparing | None = None,
    ) -> None:
        device = prepare_torch(config)
        config, self.data = open_run_data(config, preparing)
        self.config = config
        run_folder.claim(config, resume, overwrite)
        streams = config.stream == "always" or (config.stream == "auto" and self.data.bytes > memory_for_data(device))
        resident = None if streams else self.data.all_noisy(preparing)
        data_digest = key_digest(self.data.key)
        dtype = choose_dtype(config.precision, device)
        self.state = new_state(config, device, self.data.channels, compute_dtype=dtype)
        self.checkpoint = config.out / CHECKPOINT
        precision = str(dtype).removeprefix("torch.")
        self.identity = identity(config) | {"precision": precision, "data": data_digest}
        self.watch = self._watch(device, preparing) if config.evaluate_every else None
        resumed = resume and self.checkpoint.exists()
        self.exact = not resumed or load_checkpoint(self.state, self.checkpoint, self.identity)
        self.device_name = f"{_describe_device(device)}, {precision}"
        about = {
            "device": self.device_name,
            "precision": precision,
            "data_key": {"digest": data_digest, **self.data.key},
            "data": {"images": len(self.data), "channels": self.data.channels, **asdict(self.data.value_range)},
            "notes": self.data.notes,
        }
        self.batches: Batches
        if resident is None:
            self.batches = StreamedBatches(self.data, config.batch_size, self.state.place, device, config.workers)
        else:
            levels = self.data.levels
            self.batches = ResidentBatches(resident, config.batch_size, self.state.place, device, levels)
        if self.watch is not None:
            self.watch.evaluator.prepare()
        # only now, that all that can fail has not, is anything written, or an earlier run deleted
        self._folder = run_folder.begin(config, about, resume)
        self.earlier = self._folder.earlier
        clear_parts(config.out)
        looked_at = max(GRID, min(_LOOKED_AT, _LOOKED_AT_BYTES * len(self.data) // self.data.bytes))
        some = self.data.noisy(self.data.evenly(looked_at))
        self.health = Health(signed_from_unit(torch.from_numpy(some)), first_check=round(3 / (1 - config.ema_decay)))
        self._health_iteration = self.state.iteration
        self.saved_iteration: int | None = self.state.iteration if resumed else None
        save_picture(
            grid(stored_from_unit(nhwc(self.data.noisy(self.data.evenly(GRID)))), columns=10),
            config.out / run_folder.SAMPLES / "real_noisy.png",
        )

    def _about(self) -> About:
        return About.of(self.config, self.state.iteration, self.data.value_range)

    def _watch(self, device: torch.device, preparing: Preparing | None) -> Watch:
        """The evaluations of the run. Raises `UserError` where its features cannot be had."""
        config = self.config
        protocol = Protocol(
            metrics=config.evaluate_metrics,
            samples=config.evaluate_samples,
            against=config.evaluate_against,
            features=config.evaluate_features,
        )
        resources = Resources(config.data_root, config.cache_dir, device, preparing=preparing)
        return Watch(Evaluator(protocol, self._about(), self.data.image_size, resources, self.data), config.out)

    def progress(self) -> Generator[Progress]:
        """Trains to the end; see `train`."""
        config, state = self.config, self.state
        self.curves = Curves(config.out, state.iteration)
        self._saved_at = self._logged_at = time.monotonic()
        self._logged_iteration = state.iteration
        shown = Progress(state.iteration, config.iterations)
        try:
            if self.curves.note is not None:
                yield replace(shown, message=self.curves.note)
            self._make_missing_snapshot()
            self._make_missing_evaluation()
            for _ in iterations(state, config, self.batches):
                shown = self._after_iteration(shown)
                yield shown
            self._finish()
        except (GeneratorExit, UserError) as stop:
            # neither a state that diverged nor one in the middle of an iteration is worth going on from
            if self.state.whole and not isinstance(stop, TrainingDiverged):
                self.save_checkpoint()
            raise
        finally:
            self.curves.close()
            self.batches.close()
            self._folder.lock.close()

    def _after_iteration(self, shown: Progress) -> Progress:
        """Logs, shows and saves what is due, and returns the progress to yield."""
        config, iteration = self.config, self.state.iteration
        shown = replace(shown, iteration=iteration, logged=False, message=None, metrics=None)
        if self.state.losses.full:
            self._stop_if_diverged()
            losses, rate = self.state.losses.means(), self._rate()
            self.state.losses.clear()
            message = self._health_message()
            self.curves.add(iteration, losses, rate, message)
            shown = replace(shown, losses=losses, images_per_second=rate, logged=True, message=message)
        if iteration % config.sample_interval == 0:
            self.save_samples()
        if iteration % config.snapshot_interval == 0:
            self.save_snapshot()
        elif time.monotonic() - self._saved_at >= 60 * config.checkpoint_minutes:
            self.save_checkpoint()
        if config.evaluate_every and iteration % config.evaluate_every == 0:
            shown = replace(shown, metrics=self.evaluate())
        return shown

    def _make_missing_snapshot(self) -> None:
        """The snapshot that a kill right after its checkpoint left out."""
        iteration = self.state.iteration
        due = iteration > 0 and iteration % self.config.snapshot_interval == 0
        if due and not snapshot_folder(self.config.out, iteration).exists():
            self.save_snapshot()

    def _make_missing_evaluation(self) -> None:
        """The evaluation that a kill after its checkpoint left out."""
        iteration, every = self.state.iteration, self.config.evaluate_every
        if self.watch and iteration and iteration % every == 0:
            self._evaluate_once()

    def _evaluate_once(self) -> None:
        assert self.watch is not None
        if self.watch.evaluator.kept(self.config.out, self.state.iteration) is None:
            self.evaluate()

    @property
    def newest_picture(self) -> Path:
        """The picture of the clean samples of the current iteration."""
        return self._sample_path("clean")

    def _finish(self) -> None:
        """Pictures and snapshot of the last iteration, whatever the intervals."""
        if not self.newest_picture.exists():
            self.save_samples()
        if not snapshot_folder(self.config.out, self.state.iteration).exists():
            self.save_snapshot()
        if self.watch:
            self._evaluate_once()

    def _rate(self) -> float:
        now = time.monotonic()
        done = (self.state.iteration - self._logged_iteration) * self.config.batch_size * self.config.critic_steps
        rate = done / max(now - self._logged_at, 1e-9)
        self._logged_at, self._logged_iteration = now, self.state.iteration
        return rate

    def _stop_if_diverged(self) -> None:
        if (bad := self.state.losses.first_bad()) is not None:
            ago, losses = bad
            self._stop(self.state.iteration - ago, f"the losses are not finite ({describe(losses)})")

    def _stop(self, iteration: int, what: str) -> NoReturn:
        saved = f"{self.checkpoint} of iteration {self.saved_iteration}" if self.saved_iteration is not None else "none"
        raise TrainingDiverged(
            f"iteration {iteration}: {what}; last good checkpoint: {saved}. "
            "Lower the learning rates or raise --r1-weight"
        )

    def _health_message(self) -> str | None:
        iteration = self.state.iteration
        if iteration - self._health_iteration < _HEALTH_INTERVAL:
            return None
        self._health_iteration = iteration
        shown = self.observe_shown(64)
        return self.health.check(iteration, shown.clean, shown.noise)

    @torch.no_grad()
    def observe_shown(self, n: int) -> Observation:
        """The same `n` latents and draws at every call, through the averaged networks."""
        pair, device = self.state.averaged, self.state.device
        z = latents(_SHOWN_SEED, range(n), self.config.latent_size).to(device)
        draws = FreshDraws(torch.Generator(device).manual_seed(_SHOWN_SEED))
        observation: Observation = pair.observer(pair.generator(z), z, draws)
        return observation

    def evaluate(self) -> dict[str, float]:
        """Measures the averaged generator, keeps it where it is the best so far; returns the figures by name."""
        assert self.watch is not None
        self._stop_if_diverged()
        records = self.watch.evaluate(self.state, self._about())
        results = {name: value for record in records for name, value in record.results.items()}
        self.curves.add_metrics(self.state.iteration, results)
        return results

    def save_samples(self) -> None:
        """Pictures of the shown samples: clean, and where the model observes them with noise, noise and noisy."""
        self._stop_if_diverged()
        shown = self.observe_shown(GRID)
        self._sample_picture("clean", shown.clean)
        if shown.noise is not None:
            self._sample_picture("noise", shown.noise)
            self._sample_picture("noisy", shown.noisy)

    def save_snapshot(self) -> None:
        """A checkpoint, and a snapshot of the averaged networks.

        In this order: a kill in between leaves a run that makes the snapshot when it goes on.
        """
        self.save_checkpoint()
        folder = snapshot_folder(self.config.out, self.state.iteration)
        snapshot_of(self.state, self._about(), folder)

    def save_checkpoint(self) -> None:
        """The whole state, to go on from; raises `TrainingDiverged` rather than save one that is not finite."""
        self._stop_if_diverged()
        for name, value in self.state.tensors().items():
            if value.is_floating_point() and not bool(value.isfinite().all()):
                self._stop(self.state.iteration, f"{name} is not finite")
        save_checkpoint(self.state, self.checkpoint, self.identity)
        self.saved_iteration, self._saved_at = self.state.iteration, time.monotonic()
        if self.earlier is not None:
            run_folder.discard(self.earlier)
            self.earlier = None

    def _sample_picture(self, kind: str, images: Tensor) -> None:
        save_picture(grid(stored_from_signed(images), columns=10), self._sample_path(kind))

    def _sample_path(self, kind: str) -> Path:
        return self.config.out / run_folder.SAMPLES / f"iteration-{self.state.iteration:07d}-{kind}.png"


def open_run_data(config: TrainConfig, preparing: Preparing | None = None) -> tuple[TrainConfig, TrainingData]:
    """The images of a run, and its configuration with everything filled in that they decide: size and model.

    Raises `UserError` where the images cannot be had, or do not go with the configuration.
    """
    data = open_data(config.data, config.data_root, config.cache_dir, preparing)
    config.check_count(len(data))
    model = config.model
    if model == AUTO:
        model = recommended_model(data)
    find_model(model, data.setting)
    update: dict[str, object] = {"image_size": data.image_size, "model": model}
    if data.setting.source == OWN:  # absolute, to be found from wherever the run is looked at
        update["setting"] = str(Path(config.setting).expanduser().absolute())
    for name in ("data_root", "cache_dir"):
        if (folder := getattr(config, name)) is not None:
            update[name] = folder.absolute()
    return config.model_copy(update=update), data


def _describe_device(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device}: {torch.cuda.get_device_name(device)}"
    return f"cpu, {torch.get_num_threads()} threads"
