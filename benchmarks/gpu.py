"""Every figure of docs/performance.md that needs a GPU, in one command:

    python benchmarks/gpu.py --out results/speed/gpu.json [--reference DIR] [--rounds 9]

Measures the models at the paper's sizes in bfloat16 and float32 beside what the device can do, packed runs, the host's
work per iteration, and, where DIR is a checkout of the reference implementation, that beside ours in turn. DIR is
looked at first; what one part raises is written down and the next part is measured all the same.
"""

from __future__ import annotations

import argparse
import json
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from beside_reference import compare
from nrgan.bench.measure import measure
from nrgan.bench.timed import TimedTraining
from nrgan.errors import UserError
from nrgan.training.config import TrainConfig, dashed
from nrgan.training.device import configure_process
from reference_code import check_comparison


def paper(model: str, **changed: Any) -> TrainConfig:
    """A model at the published sizes."""
    return TrainConfig(setting="cifar10ag25", model=model, out=Path("unused"), device="cuda", **changed)


def host_work(config: TrainConfig, device: torch.device, launches: int = 5) -> dict[str, float]:
    """Calls of the CUDA runtime per iteration, by kind, over some captured launches."""
    training = TimedTraining.make(config, device)
    training.launch()
    torch.cuda.synchronize()
    iterations = 0
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(launches):
            iterations += training.launch()
    counts = {event.key: event.count for event in seen.key_averages() if event.key.startswith("cuda")}
    return {name: count / iterations for name, count in sorted(counts.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    try:
        if options.reference is not None:
            check_comparison(options.reference, paper("gan"))
        device = configure_process(paper("gan").machine)
    except UserError as error:
        parser.error(error.for_command_line(dashed))
    figures: dict[str, Any] = {"device": torch.cuda.get_device_name(device), "torch": torch.__version__}

    def part(name: str, work: Callable[[], Any]) -> None:
        try:
            figures[name] = work()
        except Exception:
            figures[name] = {"failed": traceback.format_exc()}
        torch.cuda.empty_cache()
        print(name, json.dumps(figures[name], indent=1), flush=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=1) + "\n")

    for model in ("sinrgan1", "gan", "sinrgan2"):
        part(f"{model}, bfloat16", partial(measure, paper(model, precision="bfloat16"), device, options.rounds))
    part("sinrgan1, float32", partial(measure, paper("sinrgan1", precision="float32"), device, options.rounds))
    alone = paper("sinrgan1", precision="bfloat16", iterations_per_launch=1)
    part("sinrgan1, not captured", partial(measure, alone, device, options.rounds))
    part("sinrgan1, three at once", partial(measure, paper("sinrgan1"), device, options.rounds, packed=3))
    part("host work per iteration", partial(host_work, paper("sinrgan1"), device))
    for channels in (32, 64, 256):
        part(f"sinrgan1, width {channels}", partial(measure, paper("sinrgan1", channels=channels), device, 5))
    if options.reference is not None:
        for model in ("sinrgan1", "sinrgan2", "gan"):
            beside = partial(compare, paper(model), options.reference, options.rounds, device)
            part(f"{model} against the reference", beside)


if __name__ == "__main__":
    main()
