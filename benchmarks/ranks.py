"""How much faster several ranks of one machine train than one, and what runs that share a machine cost each other.

    python benchmarks/ranks.py [--widths 32 128] [--batch 32] [--rounds 5] [--json results/speed/ranks.json]

On all processors of the machine, which nothing else should use. In turn: one rank of one thread, one of all threads,
as many ranks of one thread; and, at the first width, two runs of all threads side by side as OpenMP usually has it and
with the spin counts of the command line (`nrgan.start`), beside one alone. Medians and ratios; one turn is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nrgan import TrainConfig, torchrun
from nrgan.data import ImageSpec
from nrgan.frames import ValueRange
from nrgan.ranks import here
from nrgan.reports.markdown import markdown_table
from nrgan.storage import write_json
from nrgan.training.device import keep_freed_memory
from nrgan.training.duration import random_batches
from nrgan.training.fastest import seconds_of
from nrgan.training.graph import single_iteration
from nrgan.training.plan import Plan, resolve
from nrgan.training.processor import processor
from nrgan.training.state import new_state

SPINS = ("30000", "1000")
"""Of the first command on a machine, and of those beside it (`nrgan.start`)."""


def plan_of(model: str, width: int, batch: int) -> Plan:
    """Of a model on drawn images of 32 pixels."""
    config = TrainConfig(
        setting="shapes-ag25", model=model, out=Path("unused"), image_size=32, channels=width, batch_size=batch
    )
    return resolve(config, ImageSpec(32, 3, ValueRange.of(0, 255, "uint8")))


def measured(width: int, batch: int, threads: int) -> float:
    """Seconds of an iteration of sinrgan1, 32 pixels, float32, by the ranks that this process is one of."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    return seconds_of(plan_of("sinrgan1", width, batch), here(), torch.float32)


def bytes_reduced(width: int) -> int:
    """That an iteration sums over the ranks: the gradients of both updates, and their losses."""
    state = new_state(plan_of("sinrgan1", width, 64), torch.device("cpu"))
    return 4 * sum(p.numel() for network in (state.generators, state.discriminator) for p in network.parameters())


class _Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what a device would have to begin: operations that compute, not views."""

    _NOT = frozenset(
        "view _unsafe_view _reshape_alias t transpose permute expand detach alias as_strided slice select unsqueeze "
        "squeeze split split_with_sizes unbind empty empty_like empty_strided new_empty new_empty_strided".split()
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.count += function.overloadpacket.__name__ not in self._NOT
        return function(*args, **(kwargs or {}))


def operations() -> int:
    """Of an iteration of sinrgan2, 32 pixels, whatever its width."""
    of_two = plan_of("sinrgan2", 8, 8)
    state = new_state(of_two, torch.device("cpu"))
    batches = random_batches(state, of_two)
    single_iteration(state, of_two, batches)  # the first one is another
    with _Counted() as counted:
        single_iteration(state, of_two, batches)
    return counted.count


def started(ranks: int, threads: int, width: int, batch: int, spins: str | None) -> subprocess.Popen[str]:
    """A process, or ranks, that measure and print."""
    command = [sys.executable]
    if ranks > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    work = [__file__, "--measure", "--widths", str(width), "--batch", str(batch), "--threads", str(threads)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | ({"GOMP_SPINCOUNT": spins} if spins else {})
    return subprocess.Popen(command + work, stdout=subprocess.PIPE, text=True, env=environment)


def seconds(process: subprocess.Popen[str]) -> float:
    """What it printed."""
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"ended with {process.returncode}")
    return float(said.split()[-1])


def by_ranks(width: int, batch: int, rounds: int) -> dict[str, Any]:
    """Ranks beside threads."""
    cores = torchrun.processors()
    arrangements = {"1 x 1": (1, 1), f"1 x {cores}": (1, cores), f"{cores} x 1": (cores, 1)}
    taken: dict[str, list[float]] = {name: [] for name in arrangements}
    for turn in range(rounds + 1):
        for name, (ranks, threads) in arrangements.items():
            each = seconds(started(ranks, threads, width, batch, SPINS[0]))
            if turn:
                taken[name].append(each)
            print(f"width {width}, ranks x threads {name}: {1000 * each:.0f} ms", flush=True)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {
        "width": width,
        "batch": batch,
        "milliseconds": {name: [round(1000 * t, 1) for t in times] for name, times in taken.items()},
        "times as fast as 1 x 1": {name: round(medians["1 x 1"] / value, 3) for name, value in medians.items()},
        "bytes reduced in an iteration": bytes_reduced(width),
    }


def side_by_side(width: int, batch: int, rounds: int) -> dict[str, Any]:
    """Two runs of all threads at once, and one alone, by how often their threads look before they sleep."""
    cores = torchrun.processors()
    taken: dict[str, list[float]] = {}
    ways: dict[str, tuple[str | None, str | None]] = {"as usual": (None, None), "by the command line": SPINS}
    for turn in range(rounds + 1):
        for name, (first, other) in ways.items():
            alone = seconds(started(1, cores, width, batch, first))
            two = [started(1, cores, width, batch, spins) for spins in (first, other)]
            both = statistics.mean(seconds(process) for process in two)
            print(f"{name}: alone {1000 * alone:.0f} ms, each of two {1000 * both:.0f} ms", flush=True)
            if turn:
                taken.setdefault(f"{name}, alone", []).append(alone)
                taken.setdefault(f"{name}, each of two", []).append(both)
    return {"width": width, "milliseconds": {name: [round(1000 * t, 1) for t in v] for name, v in taken.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="such as results/speed/ranks.json")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        each = measured(options.widths[0], options.batch, options.threads)
        if torchrun.number() == 0:
            print(each)
        return
    found = [by_ranks(width, options.batch, options.rounds) for width in options.widths]
    shared = side_by_side(options.widths[0], options.batch, options.rounds)
    names = list(found[0]["times as fast as 1 x 1"])
    rows = [[str(row["width"]), *(f"{row['times as fast as 1 x 1'][name]:.2f}" for name in names)] for row in found]
    print(markdown_table(["width", *names], rows, "lr"))
    print(json.dumps({name: statistics.median(times) for name, times in shared["milliseconds"].items()}, indent=1))
    if options.json is not None:
        machine = {"processor": processor().describe(), "processors": torchrun.processors()}
        versions = {name: version(name) for name in ("nrgan", "torch")}
        about = {**machine, "versions": versions, "operations of an iteration": operations()}
        write_json({**about, "ranks": found, "side by side": shared}, options.json, overwrite=True)


if __name__ == "__main__":
    main()
