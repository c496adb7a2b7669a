"""Does training wait for streamed images?

    python benchmarks/streaming.py --json results/speed/streaming.json

Trains the same networks on resident and on streamed images in turn, and measures the share of the time that training
waited for the worker processes. Sources: 16-bit PNG files (decoded at every reading), and tiles of an .npy stack.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import imagecodecs
import numpy as np
import torch

from nrgan.data import Shapes
from nrgan.training.batches import StreamedBatches
from nrgan.training.config import TrainConfig
from nrgan.training.device import configure_process
from nrgan.training.graph import single_iteration
from nrgan.training.plan import Objects
from nrgan.training.prepare import Prepared, prepare

ITERATIONS, ROUNDS = 20, 5


def write_sources(folder: Path) -> dict[str, tuple[Path, dict[str, object]]]:
    """Two sources, with the options of their training."""
    images = Shapes(image_size=32, count=2000).images().astype(np.uint16) * 16
    files = folder / "files"
    files.mkdir()
    for k, image in enumerate(images):
        (files / f"{k:05d}.png").write_bytes(imagecodecs.png_encode(image))
    large = Shapes(image_size=256, count=40).images()
    np.save(folder / "stack.npy", large)
    return {
        "16-bit PNG files, 32x32": (files, {}),
        "tiles of a stack, 64x64": (folder / "stack.npy", {"image_size": 64, "fit": "tiles"}),
    }


def begin(path: Path, out: Path, stream: str, channels: int, batch_size: int, options: dict[str, object]) -> Prepared:
    """A run whose first iterations are done."""
    config = TrainConfig(
        setting=str(path),
        model="sinrgan2",
        out=out,
        stream=stream,
        channels=channels,
        batch_size=batch_size,
        value_range="0,4080" if path.is_dir() else "auto",
        **options,
    )
    configure_process(config.machine)
    run = prepare(config, Objects(), overwrite=True)
    for _ in range(3):
        single_iteration(run.state, run.plan, run.batches)
    return run


def timed(run: Prepared) -> tuple[float, float]:
    """Seconds an iteration, and of them those that training waited for images."""
    before = run.batches.waited if isinstance(run.batches, StreamedBatches) else 0.0
    begun = time.monotonic()
    for _ in range(ITERATIONS):
        run.state.losses.clear()
        single_iteration(run.state, run.plan, run.batches)
    if run.state.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.monotonic() - begun
    after = run.batches.waited if isinstance(run.batches, StreamedBatches) else 0.0
    return seconds / ITERATIONS, (after - before) / ITERATIONS


def main() -> None:
    """Measures and prints, and writes the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    arguments = parser.parse_args()
    figures: dict[str, object] = {"torch": torch.__version__, "channels": arguments.channels}
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, options) in write_sources(Path(folder)).items():
            runs = {
                stream: begin(path, Path(folder) / stream, stream, arguments.channels, arguments.batch_size, options)
                for stream in ("never", "always")
            }
            rounds = [{stream: timed(run) for stream, run in runs.items()} for _ in range(ROUNDS)]
            median = {s: statistics.median(r[s][0] for r in rounds) for s in runs}
            waited = statistics.median(r["always"][1] / r["always"][0] for r in rounds)
            ratio = statistics.median(r["always"][0] / r["never"][0] for r in rounds)
            figures[name] = {"seconds": median, "streamed over resident": ratio, "share waited": waited}
            print(
                f"{name}: {median['never']:.4f} s resident, {median['always']:.4f} s streamed ({ratio:.2f}x), ", end=""
            )
            print(f"{100 * waited:.1f}% of it waiting for images")
            for run in runs.values():
                run.batches.close()
                run.recorder.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
