"""From a configuration to a training that is ready to run. Nothing is written before all that can fail has not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nrgan import torchrun
from nrgan.data import OWN, TrainingData, open_data
from nrgan.data.frozen import NoisyImages, key_digest
from nrgan.diagnosis import COMPOSED, FITTED, recommended
from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.protocol import Protocol, Resources
from nrgan.evaluation.selection import Watch
from nrgan.layout import expanded
from nrgan.memory import gigabytes
from nrgan.models import FOR_TOLD_NOISE, LEARNED
from nrgan.noise_file import MeasuredNoise
from nrgan.observation import GeneratorPair
from nrgan.pretrained import sketched
from nrgan.progress import Preparing
from nrgan.ranks import Ranks, here
from nrgan.runs import RunRecorder
from nrgan.runs.folder import read_document
from nrgan.training.accumulate import check_ranks
from nrgan.training.batches import Batches, ResidentBatches, StreamedBatches
from nrgan.training.budget import Budget
from nrgan.training.config import AUTO, DEFAULTS, TrainConfig
from nrgan.training.deadline import Deadline
from nrgan.training.device import choose_device, choose_dtype, dtype_name, free_memory_of, memory_for_data
from nrgan.training.fastest import Asked, Measured, choose_ranks, wanted
from nrgan.training.lookup import model_of, setting_of
from nrgan.training.metadata import metadata_of
from nrgan.training.plan import Objects, Plan, data_choice, resolve
from nrgan.training.processor import processor
from nrgan.training.recorded import as_recorded, told_in_range
from nrgan.training.state import TrainState, new_state
from nrgan.training.timed_plan import fitting, smallest, timed_plan
from nrgan.training.together import check_count


@dataclass
class Prepared:
    """A training that may begin: images open, networks made or restored, the folder taken."""

    plan: Plan
    data: TrainingData
    state: TrainState
    batches: Batches
    recorder: RunRecorder
    watch: Watch | None
    """The evaluations on the way."""
    device_name: str
    budget: Budget | None = None
    """What was chosen for the minutes that were given; None where none were, and where the run goes on."""
    deadline: Deadline | None = None
    fastest: Measured | None = None
    """How the number of ranks was chosen, where it was."""

    def notes(self) -> list[str]:
        """What there is to tell before it begins; where it is complete, also what the first iteration would tell."""
        of_log, complete = self.recorder.log.note, self.state.iteration >= self.plan.config.schedule.iterations
        of_ranks = [] if self.fastest is None else [self.fastest.sentence()]
        return [*of_ranks, *self.data.notes, *self.recorder.notes, *([of_log] if of_log and complete else [])]


def prepare(
    config: TrainConfig,
    objects: Objects,
    resume: bool = False,
    overwrite: bool = False,
    preparing: Preparing | None = None,
    begun: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Prepared:
    """Asks whether OUT may be written, opens images, resolves the plan, makes or restores the state, begins the run.

    begun: the second of `clock` from which on minutes count; now if not given. Raises `UserError` where any of it
    cannot be.
    """
    begun = clock() if begun is None else begun
    recorder = RunRecorder(config.out, *((True, False) if _goes_on_again(config.out) else (resume, overwrite)))
    device = here().device(choose_device(config.machine.device))
    dtype = choose_dtype(config.machine.precision, device)
    allowance = memory_for_data(device) // here().on_machine
    stream = config.machine.stream
    # half of it, as the images lie in memory beside the set that is made of them
    keep_bytes = 0 if stream == "always" else allowance // 2
    plan, data = open_plan(config, objects, preparing, keep_bytes, recorder.config() if recorder.goes_on else None)
    timed = config.schedule.minutes is not None and not recorder.goes_on
    ranks, fastest = _ranks_for(smallest(plan) if timed else plan, dtype)
    if not recorder.goes_on:
        plan, data = fitting(config, plan, data, device, dtype)
    streams = stream == "always" or (stream == "auto" and data.bytes > allowance)
    budget: Budget | None = None
    if timed:
        if not streams:
            data.all_noisy(preparing)  # which takes its part of the time
        plan, budget = timed_plan(plan, data, device, dtype, lambda: clock() - begun)
    check_shares(plan, ranks)
    identity = plan.identity() | {"precision": dtype_name(dtype), "data": key_digest(data.key)}
    recorder.check(identity, DEFAULTS)
    resident = None if streams else data.all_noisy(preparing)
    check_memory(plan, device)
    ranks.told(plan.config.plain() | {"precision": dtype_name(dtype), "stream": "always" if streams else "never"})
    state = new_state(plan, device, compute_dtype=dtype, ranks=ranks)
    watch = watch_of(plan, state, data, device, preparing)
    recorder.restore(state)
    same_state(state)
    batches = batches_of(plan, data, state, resident)
    if watch is not None:
        watch.evaluator.prepare()
    name = f"{_described(device)}, {dtype_name(dtype)}"
    recorder.begin(plan.config.plain(), _about(plan, data, name, dtype), state.iteration)
    deadline = Deadline.of(plan.config, state.iteration, begun, clock, 0.0 if budget is None else budget.last)
    return Prepared(plan, data, state, batches, recorder, watch, name, budget, deadline, fastest)


def _ranks_for(plan: Plan, dtype: torch.dtype) -> tuple[Ranks, Measured | None]:
    """Those that train such a plan, and what was measured where they are to be chosen."""
    ranks = here()
    if ranks.count == 1 or not wanted():
        return ranks, None
    return choose_ranks(ranks, Asked(plan.config, plan.image, dtype), plan.objects)


def _goes_on_again(out: Path) -> bool:
    """Whether this process was started again in the place of one that failed, which had begun the run in OUT."""
    if not torchrun.attempt():
        return False
    try:
        return read_document(out).get("launch") == torchrun.launch()
    except UserError:  # it had not come so far
        return False


def same_state(state: TrainState) -> None:
    """Lets all ranks have the state of the first one: no other reads a checkpoint, nor need draw the same weights."""
    ranks = state.ranks
    progress, named = ranks.told(state.progress()), ranks.shared(state.tensors())
    if not ranks.first:
        state.load_tensors(named)
        state.go_to(progress)


def check_shares(plan: Plan, ranks: Ranks) -> None:
    """Raises `UserError` where the ranks do not each have a share of the plan's batches."""
    check_ranks(plan.config.schedule, ranks.count, plan.compares_pairs, plan.objective.needs_real)


def batches_of(plan: Plan, data: TrainingData, state: TrainState, resident: NoisyImages | None) -> Batches:
    """This rank's, of the images that lie in memory, or where there are none, streamed."""
    size, device, own = plan.config.schedule.batch_size, state.device, state.ranks.own
    if resident is None:
        return StreamedBatches(data, size, state.place, device, plan.config.machine.workers, own)
    return ResidentBatches(resident, size, state.place, device, data.levels, data.verify, own)


_WITH_AVERAGE, _WITHOUT = 5, 4
"""Times that a weight is held: itself, its gradient, Adam's two moments, and for the generators its average."""


def check_memory(plan: Plan, device: torch.device) -> None:
    """Raises `UserError` where the networks, or one map of a batch, alone are larger than the memory.

    Told before any of it is taken, and before an earlier run makes way. A batch takes more than that: how much is the
    family's own affair.
    """
    pair = sketched(lambda: GeneratorPair.untrained(plan.family, plan.generator_sizes, plan.model, plan.setting))
    discriminator = sketched(lambda: plan.family.discriminator(plan.discriminator_sizes))
    if pair is None or discriminator is None or device.type == "mps":
        return
    count = [sum(value.numel() for value in network.parameters()) for network in (pair, discriminator)]
    taken, free = 4 * (_WITH_AVERAGE * count[0] + _WITHOUT * count[1]), free_memory_of(device)
    schedule, width = plan.config.schedule, plan.config.network.channels
    for name, batch in (("batch_size", schedule.batch_size), ("generator_batch_size", schedule.generator_batch)):
        of_batch = 4 * batch // schedule.accumulate * width * plan.image.size**2
        if of_batch > free:
            raise UserError(
                f"<{name}> {batch}: one map of {width} channels would take {gigabytes(of_batch)}, and "
                f"{gigabytes(free)} are free; take fewer, or more parts (<accumulate>)"
            )
    if taken > free:
        raise UserError(
            f"<channels> {plan.config.network.channels}: the networks with their gradients and moments would take "
            f"{gigabytes(taken)}, and {gigabytes(free)} are free; take fewer, or a smaller <latent_size>"
        )


def open_plan(
    config: TrainConfig,
    objects: Objects | None = None,
    preparing: Preparing | None = None,
    keep_bytes: int = 0,
    recorded: Mapping[str, Any] | None = None,
) -> tuple[Plan, TrainingData]:
    """The images of a run, and its plan with everything filled in that they decide: size, and for `auto` the model.

    recorded: the options with which the run began that goes on: what `auto` was, and what was chosen for its minutes.
    Raises `UserError` where the images cannot be had, or do not go with the configuration.
    """
    objects, timed = objects or Objects(), config.schedule.minutes is not None
    config = config if recorded is None else as_recorded(config, recorded)
    if config.model == LEARNED and objects.model is None:
        model_of(config, setting_of(config, objects.corruption))  # what is not composed opens no images
    machine = config.machine
    choice = data_choice(config, objects.corruption)
    data = open_data(choice, machine.data_root, machine.cache_dir, preparing, keep_bytes=keep_bytes)
    if not timed or recorded is not None:  # else the batch is yet to be chosen
        check_count(config, len(data))
    found: dict[str, Any] = {"image_size": data.image_size}
    if config.model == AUTO and objects.model is None:
        found |= _automatic(config, data)
    if config.data.noise is not None:
        found["noise"] = told_in_range(config.data.noise, data.value_range, data.channels)
    if choice.source == OWN:
        found["fit"] = data.choice.fit
        # absolute, to be found from wherever the run is looked at
        for name, path in {"setting": config.setting, "dark": config.data.dark, "flat": config.data.flat}.items():
            if path is not None:
                found[name] = str(expanded(Path(path)))
    for name in ("data_root", "cache_dir"):
        if (folder := getattr(machine, name)) is not None:
            found[name] = folder.absolute()
    plan = resolve(config.replaced(**found), data.spec, objects)
    data.choice = replace(data.choice, corruption=plan.setting.corruption)
    return plan, data


def _automatic(config: TrainConfig, data: TrainingData) -> dict[str, Any]:
    """What is trained where no model is named: the model, and the noise or the composition that it takes."""
    if config.data.noise is not None:
        return {"model": FOR_TOLD_NOISE}
    advice = recommended(data)
    if advice.chosen == COMPOSED and advice.composed is not None:
        return {"model": LEARNED, **asdict(advice.composed)}
    held = advice.chosen == FITTED and not advice.certain_once_mended  # nothing is mended unasked
    if held and advice.law is not None and not data.corruption.known:
        return {"model": FOR_TOLD_NOISE, "noise": MeasuredNoise(advice.law, data.value_range).text()}
    return {"model": advice.published}


def watch_of(
    plan: Plan, state: TrainState, data: TrainingData, device: torch.device, preparing: Preparing | None
) -> Watch | None:
    """The evaluations of the run, if any. Raises `UserError` where its features cannot be had."""
    options, machine = plan.config.evaluation, plan.config.machine
    if not options.every:
        return None
    protocol = Protocol(
        metrics=options.metrics, samples=options.samples, against=options.against, features=options.features
    )
    resources = Resources(machine.data_root, machine.cache_dir, device, preparing=preparing, ranks=state.ranks)
    about = metadata_of(plan, state.iteration)
    return Watch(Evaluator(protocol, about, plan.image.size, resources, data), plan.config.out)


def _about(plan: Plan, data: TrainingData, device_name: str, dtype: torch.dtype) -> dict[str, Any]:
    """What `run.json` says beside the configuration."""
    return {
        "device": device_name,
        "precision": dtype_name(dtype),
        "processor": processor().describe(),
        "data_key": {"digest": key_digest(data.key), **data.key},
        "data": {"images": len(data), "channels": data.channels, **data.value_range.plain()},
        "objects": plan.objects.names(),
        "notes": data.notes,
    } | ({"launch": name} if (name := torchrun.launch()) else {})


def _described(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device}: {torch.cuda.get_device_name(device)}"
    return processor().describe() if device.type == "cpu" else str(device)
