"""Timing training: absolutely, step by step of what makes it fast, and against the reference implementation."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from nrgan.bench.ceilings import measure_ceilings, synchronize
from nrgan.bench.plain_forms import plain_convolutions, plain_shortcuts
from nrgan.bench.reference_code import reference_work
from nrgan.bench.subject import Subject
from nrgan.bench.worker import Work, Worker
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_dtype


def alternated(works: Mapping[str, Work], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds per iteration of each, `rounds` times in turn, so that all meet the machine in the same states.

    One run of each beforehand is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            synchronize(device)
            begun = time.perf_counter()
            done = work()
            synchronize(device)
            taken[name].append((time.perf_counter() - begun) / done)
    return {name: values[1:] for name, values in taken.items()}


def measure(config: TrainConfig, device: torch.device, rounds: int, packed: int = 1) -> dict[str, Any]:
    """Speed of a configuration, its arithmetic, and the shares of the device's measured ceilings.

    `packed`: that many independent runs at once, on a GPU each on a stream of its own; rates are of all together.
    """
    dtype = choose_dtype(config.precision, device)
    ceilings = measure_ceilings(device, dtype)
    subjects = [Subject.make(config.model_copy(update={"seed": i}), device) for i in range(packed)]
    flop = subjects[0].flop()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    durations = alternated({"run": lambda: _launch_together(subjects, device)}, rounds, device)["run"]
    per_iteration = statistics.median(durations)
    return {
        "model": config.model,
        "batch_size": config.batch_size,
        "channels": config.channels,
        "image_size": config.image_size,
        "precision": str(dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads",
        "packed": packed,
        "seconds_per_iteration": per_iteration,
        "seconds_spread": [min(durations), max(durations)],
        "iterations_per_second": 1 / per_iteration,
        "images_per_second": config.batch_size / per_iteration,
        "gflop_per_iteration": flop / 1e9,
        "share_of_matrix_rate": flop / per_iteration / ceilings.matrix_flop_per_second,
        "matrix_tflop_per_second": ceilings.matrix_flop_per_second / 1e12,
        "copy_gbyte_per_second": ceilings.copy_bytes_per_second / 1e9,
        "peak_memory_gbyte": _peak_memory(device) / 1e9,
        "hours_per_paper_run": 200_000 * per_iteration / 3600,
    }


def _launch_together(subjects: list[Subject], device: torch.device) -> int:
    """One launch of each run; on a GPU each on a stream of its own. Returns the iterations of all."""
    if device.type != "cuda" or len(subjects) == 1:
        return sum(subject.launch() for subject in subjects)
    done = 0
    for subject, stream in zip(subjects, _streams(len(subjects)), strict=True):
        with torch.cuda.stream(stream):
            done += subject.launch()
    return done


_kept_streams: list[torch.cuda.Stream] = []


def _streams(count: int) -> list[torch.cuda.Stream]:
    while len(_kept_streams) < count:
        _kept_streams.append(torch.cuda.Stream())  # type: ignore[no-untyped-call]
    return _kept_streams[:count]


def _peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU as torch took them, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


PlainForm = Callable[[], AbstractContextManager[None]]


class Step(NamedTuple):
    """One step of the ablation: what is added, and how the work is then done."""

    name: str
    options: dict[str, Any]
    plain: tuple[PlainForm, ...] = ()
    keep_memory: bool = True

    def within(self) -> ExitStack:
        """A context in which the networks are as in this step."""
        stack = ExitStack()
        for form in self.plain:
            stack.enter_context(form())
        return stack


_PLAIN = {"penalty_gradient": "double-backward", "precision": "float32"}
STEPS = (
    Step("only needed gradients", _PLAIN, (plain_convolutions, plain_shortcuts), keep_memory=False),
    Step("+ 1x1 at the low resolution", _PLAIN, (plain_convolutions,), keep_memory=False),
    Step("+ joined convolutions", _PLAIN, keep_memory=False),
    Step("+ tangent form of R1", {"precision": "float32"}, keep_memory=False),
    Step("+ freed memory kept", {"precision": "float32"}),
    Step("+ bfloat16", {"precision": "bfloat16"}),
)
"""Each step keeps what the ones before it added."""


def ablate(config: TrainConfig, device: torch.device, rounds: int) -> list[dict[str, Any]]:
    """The steps that make training fast, cumulative, timed in turn."""
    makes = {step.name: partial(work_of, config, device, step) for step in STEPS}
    taken = _in_turn(
        {name: (make, step.keep_memory) for (name, make), step in zip(makes.items(), STEPS, strict=True)},
        rounds,
        device,
    )
    first = taken[STEPS[0].name]
    return [
        {
            "step": step.name,
            "gflop_per_iteration": _flop_of(config, device, step) / 1e9,
            "seconds_per_iteration": statistics.median(taken[step.name]),
            "times_faster": statistics.median(a / b for a, b in zip(first, taken[step.name], strict=True)),
        }
        for step in STEPS
    ]


def work_of(config: TrainConfig, device: torch.device, step: Step) -> Work:
    """The iterations of a step of the ablation."""
    subject = Subject.make(config.model_copy(update=step.options), device)

    def work() -> int:
        with step.within():
            return subject.launch()

    return work


def _flop_of(config: TrainConfig, device: torch.device, step: Step) -> int:
    subject = Subject.make(config.model_copy(update=step.options), device)
    with step.within():
        return subject.flop()


def compare(config: TrainConfig, checkout: Path, rounds: int, device: torch.device) -> dict[str, Any]:
    """Ours against the reference implementation, in turn: medians, and the ratio round by round.

    Each as its own program runs it: the reference with glibc's memory as it is, ours with freed memory kept. On a CPU
    the reference is also timed with freed memory kept, which it would gain from too.
    """
    resolved = str(choose_dtype(config.precision, device)).removeprefix("torch.")
    makes: dict[str, tuple[Callable[[], Work], bool]] = {
        "reference": (partial(reference_work, checkout, config, device), False)
    }
    if device.type == "cpu":
        makes["reference, freed memory kept"] = (makes["reference"][0], True)
    for precision in dict.fromkeys(("float32", resolved)):
        step = Step("", {"precision": precision})
        makes[f"ours, {precision}"] = (partial(work_of, config, device, step), True)
    taken = _in_turn(makes, rounds, device)
    return {
        name: {
            "seconds_per_iteration": statistics.median(values),
            "times_faster": statistics.median(r / v for r, v in zip(taken["reference"], values, strict=True)),
        }
        for name, values in taken.items()
    }


def _in_turn(
    makes: Mapping[str, tuple[Callable[[], Work], bool]], rounds: int, device: torch.device
) -> dict[str, list[float]]:
    """Seconds per iteration of each: on a CPU in processes of their own, with freed memory kept or not."""
    if device.type == "cuda":
        return alternated({name: make() for name, (make, _) in makes.items()}, rounds, device)
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(make, keep)) for name, (make, keep) in makes.items()}
        return alternated(workers, rounds, device)
