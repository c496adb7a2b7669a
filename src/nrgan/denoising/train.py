"""The training of a denoiser: one network, whatever it learns from."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nrgan.data import TrainingData, name_of
from nrgan.data.frozen import key_digest
from nrgan.denoising.choosing import compared, domain_gap, error_scale, said_of, some_held_out
from nrgan.denoising.config import DEFAULTS, DenoiserConfig
from nrgan.denoising.denoiser import Denoiser, DenoiserMetadata, save_denoiser
from nrgan.denoising.material import Material, NoiseFound, open_material
from nrgan.denoising.plan import DenoiserPlan, plan_for, step
from nrgan.denoising.state import LOSS, DenoiserState, learning_rate, new_state
from nrgan.errors import NrganError, TrainingDiverged, UserError, first_line
from nrgan.layout import SAMPLES, snapshot_folder
from nrgan.memory import is_out_of_memory
from nrgan.networks.unet import UNetSizes
from nrgan.pictures import grid, save_picture
from nrgan.progress import Preparing, Progress
from nrgan.ranges import nhwc, stored_from_unit
from nrgan.runs import RunRecorder
from nrgan.runs.folder import read_document
from nrgan.training.batches import Batches, ResidentBatches, StreamedBatches
from nrgan.training.device import choose_device, choose_dtype, dtype_name, memory_for_data
from nrgan.training.processor import processor

_SHOWN = 16
PICTURE = "denoised.png"
_RESERVED = 0.97
"""Share of the minutes after which the clock ends training, for its last files to be written."""


def denoised_picture(run: Path) -> Path:
    """The picture of some images, noisy in one row and denoised in the next."""
    return run / SAMPLES / PICTURE


@dataclass
class Prepared:
    """A training that may begin: images open, the plan made or taken up again, the folder taken."""

    config: DenoiserConfig
    material: Material
    plan: DenoiserPlan
    state: DenoiserState
    batches: Batches
    recorder: RunRecorder
    deadline: float | None
    """Second of `time.monotonic` at which the clock ends it."""

    @property
    def picture(self) -> Path:
        """Where some images are shown, noisy and denoised, in the end."""
        return denoised_picture(self.recorder.out)

    def close(self) -> None:
        """Lets go of the folder, and of those that read images."""
        self.batches.close()
        self.recorder.close()

    @property
    def notes(self) -> list[str]:
        """What there is to tell before it begins."""
        return [*self.material.data.notes, *self.recorder.notes]


def train_denoiser(
    config: DenoiserConfig,
    *,
    resume: bool = False,
    overwrite: bool = False,
    preparing: Preparing | None = None,
) -> Generator[Progress]:
    """Trains a denoiser, yielding how far it is; `Denoiser.load(config.out)` then has it.

    Closing the iterator saves a checkpoint, from which `resume` goes on, to the same bits. Raises `UserError` before
    anything is written where it cannot begin, `TrainingDiverged` on losses that are not finite.
    """
    return run(prepare(config, resume, overwrite, preparing))


def prepare(
    config: DenoiserConfig,
    resume: bool = False,
    overwrite: bool = False,
    preparing: Preparing | None = None,
    begun: float | None = None,
    opened: TrainingData | None = None,
) -> Prepared:
    """Opens images, finds their noise, plans for the minutes, takes the folder. Raises `UserError`.

    begun: the second of `time.monotonic` from which on minutes count; now if not given. opened: the images, where they
    are open already.
    """
    begun = time.monotonic() if begun is None else begun
    recorder = RunRecorder(config.out, resume, overwrite)
    device = choose_device(config.machine.device)
    dtype = choose_dtype(config.machine.precision, device)
    allowance = memory_for_data(device)
    recorded = read_document(config.out).get("denoiser") if recorder.goes_on else None
    if recorder.goes_on and not isinstance(recorded, dict):
        raise UserError(f"{config.out}: is the run of a generator; choose another folder for its denoiser")
    found = None if recorded is None else _found_before(config.out, recorded)
    material = open_material(config, preparing, allowance // 2, found, opened)
    if recorded is None:
        plan = plan_for(config, material, device, dtype, lambda: time.monotonic() - begun)
    else:
        plan = _planned_before(config, recorded)
    material = material.cut(plan.side)
    streams = config.machine.stream == "always" or (config.machine.stream == "auto" and material.data.bytes > allowance)
    resident = None if streams else material.trained_on.all_noisy(preparing)
    identity = config.identity() | {"precision": dtype_name(dtype), "data": key_digest(material.data.key)}
    recorder.check(identity, DEFAULTS)
    options = config.training
    state = new_state(plan.sizes, options.seed, options.log_interval, device, dtype, material.learns_errors)
    recorder.restore(state)
    batches: Batches
    if resident is None:
        batches = StreamedBatches(material.trained_on, plan.batch_size, state.place, device, config.machine.workers)
    else:
        batches = ResidentBatches(resident, plan.batch_size, state.place, device, verify=material.data.verify)
    about = {
        "device": str(device),
        "precision": dtype_name(dtype),
        "processor": processor().describe(),
        "denoiser": _resolved(material, plan),
        "notes": list(material.data.notes),
    }
    recorder.begin(config.plain(), about, state.iteration)
    return Prepared(config, material, plan, state, batches, recorder, _deadline(config, plan, state, begun))


def _deadline(config: DenoiserConfig, plan: DenoiserPlan, state: DenoiserState, begun: float) -> float | None:
    minutes = config.training.minutes
    if minutes is None:
        return None
    share = max(0, plan.iterations - state.iteration) / plan.iterations
    return begun + 60 * minutes * share * _RESERVED


def _resolved(material: Material, plan: DenoiserPlan) -> dict[str, Any]:
    """What a training that goes on must know of how it began."""
    return {
        "method": material.method,
        "rule": material.rule,
        "noise": material.noise.plain(),
        "side": plan.side,
        "sizes": asdict(plan.sizes),
        "batch_size": plan.batch_size,
        "iterations": plan.iterations,
    }


def _found_before(out: Path, recorded: dict[str, Any]) -> NoiseFound:
    try:
        return NoiseFound.of(recorded["noise"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{out}: does not say what noise it is for ({first_line(error)}); begin anew") from error


def _planned_before(config: DenoiserConfig, recorded: dict[str, Any]) -> DenoiserPlan:
    try:
        iterations = config.training.iterations or int(recorded["iterations"])
        sizes = UNetSizes(**recorded["sizes"])
        return DenoiserPlan(int(recorded["side"]), sizes, int(recorded["batch_size"]), iterations, 0.0)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{config.out}: does not say its plan ({first_line(error)}); begin anew") from error


def run(prepared: Prepared) -> Generator[Progress]:
    """Trains to the end, or till the time is up; see `train_denoiser`."""
    state, plan, recorder = prepared.state, prepared.plan, prepared.recorder
    options = prepared.config.training
    shown = Progress(state.iteration, plan.iterations)
    logged_at = time.monotonic()
    try:
        while state.iteration < plan.iterations:
            rows = prepared.batches.rows(1)[0]
            noisy = prepared.batches.read(rows[None])[0]
            rate = learning_rate(options.learning_rate, state.iteration, plan.iterations)
            step(state, prepared.material, noisy, rows, rate)
            shown = replace(shown, iteration=state.iteration, logged=False)
            if state.losses.full:
                _stop_if_diverged(state)
                now, images = time.monotonic(), plan.batch_size * options.log_interval
                losses, speed = state.losses.means(), images / max(now - logged_at, 1e-9)
                logged_at = now
                state.losses.clear()
                recorder.log.add(state.iteration, losses, speed)
                shown = replace(shown, losses=losses, images_per_second=speed, logged=True)
            if recorder.minutes_since_checkpoint() >= options.checkpoint_minutes:
                recorder.checkpoint(state)
            yield shown
            if prepared.deadline is not None and time.monotonic() >= prepared.deadline:
                break
        _finish(prepared)
    except (GeneratorExit, NrganError) as stop:
        if state.whole and not isinstance(stop, TrainingDiverged):
            recorder.checkpoint(state, settled=False)
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"not enough memory for a step ({first_line(error)}); take a smaller <batch_size> or <width>"
        ) from error
    finally:
        prepared.close()


def _stop_if_diverged(state: DenoiserState) -> None:
    if (bad := state.losses.first_bad()) is not None:
        ago, losses = bad
        raise TrainingDiverged(
            f"step {state.iteration - ago}: the loss is not finite ({losses[LOSS]}); lower <learning_rate>"
        )


def _finish(prepared: Prepared) -> None:
    """The last checkpoint, the snapshot, and the picture."""
    state, recorder = prepared.state, prepared.recorder
    _stop_if_diverged(state)
    recorder.checkpoint(state)
    networks, about = state.averaged, metadata(prepared)
    f, material = Denoiser(networks.denoiser, about, recorder.out), prepared.material
    scale = None if networks.error is None else error_scale(f, networks.error, material, state.device)
    chosen = said_of(compared(f, material, state.device), domain_gap(f, material, state.device))
    about = replace(about, chosen=chosen, error_scale=scale)
    save_denoiser(snapshot_folder(recorder.out, state.iteration), networks.denoiser, about, networks.error)
    _save_picture(prepared)


def metadata(prepared: Prepared) -> DenoiserMetadata:
    """What the denoiser is of."""
    material, noise = prepared.material, prepared.material.noise
    return DenoiserMetadata(
        images=name_of(material.data.choice.name),
        method=material.method,
        iteration=prepared.state.iteration,
        side=material.data.image_size,
        rule=material.rule or None,
        noise=noise.plain()["law"],
        level_error=noise.level_error,
        certain=noise.certain,
        doubts=noise.doubts,
        errors_untold=material.errors_untold,
        **material.data.value_range.plain(),
    )


@torch.no_grad()
def _save_picture(prepared: Prepared) -> None:
    """Some images that training did not see, and each of them denoised below it."""
    state = prepared.state
    noisy = some_held_out(prepared.material, state.device, _SHOWN)
    both = torch.cat([noisy, state.averaged.denoiser(noisy)]).cpu().numpy()
    save_picture(grid(stored_from_unit(nhwc(both)), columns=len(noisy)), prepared.picture)


def describe(prepared: Prepared) -> str:
    """The plan in a sentence."""
    material, plan, noise = prepared.material, prepared.plan, prepared.material.noise
    rule = f" ({material.rule})" if material.rule else ""
    told = "" if noise.law is None else ", noise told with certainty" if noise.certain else ", noise not certain"
    return (
        f"{material.method}{rule}{told}: {plan.iterations:,} steps of {plan.batch_size} squares of "
        f"{material.data.image_size} pixels, width {plan.sizes.width}, {plan.sizes.stages} stages"
    )
