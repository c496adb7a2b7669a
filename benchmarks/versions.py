"""Is a training step of one checkout as fast as that of another? `generate`? The start from cached images?

    python benchmarks/versions.py OLD NEW [--work train] [--channels 128] [--rounds 12] [--iterations 5] [--json FILE]

OLD and NEW are checkouts of this repository. Each does the same work in a process of its own (train: a training step;
generate: 200 images of a run written to files; start: the cached noisy set of `shapes-ag25`, 0.61 GB, opened and looked
at as a whole; read: 1,000 PNG files and a TIFF stack, surveyed and made ready for training). The two take turns, round
by round, so that both meet the machine in the same states. Prints the median ratio old time / new time, and the 90%
interval of that median, by resampling the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from nrgan.storage import write_json
from nrgan.training.processor import processor

# only what all versions have; each piece defines work(), and begins once to be warm
_TRAIN = """
import sys
import torch
from nrgan import TrainConfig, train
out, model, channels, batch, precision, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
config = TrainConfig(setting="shapes-ag25", model=model, out=out, channels=int(channels), batch_size=int(batch),
                     precision=precision, device="cpu", iterations=10**6, checkpoint_minutes=10**6)
try:  # the process is set up for training as the command line does
    from nrgan.training.device import configure_process
    configure_process(config.machine)
except ImportError:  # older versions do it in `train`
    pass
steps = train(config)
def work():
    next(steps)
for _ in range(2):
    work()
"""
_GENERATE = """
import itertools, sys
import torch
from nrgan import TrainConfig, generate, train
out, model, channels, batch, precision, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
list(train(TrainConfig(setting="shapes-ag25", model=model, out=out, channels=int(channels), precision=precision,
                       device="cpu", iterations=1)))
numbers = itertools.count()
def work():
    generate(out, f"{out}-images-{next(numbers)}", 200)
"""
_START = """
import sys
from pathlib import Path
from nrgan.corruptions import AdditiveGaussian
from nrgan.data import Shapes
from nrgan.data.frozen import frozen_noisy_set
cache = Path(sys.argv[1])
def work():
    return frozen_noisy_set(Shapes(32), AdditiveGaussian(25), cache=cache).sum()
"""
_READ = """
import sys
from pathlib import Path
import imagecodecs, numpy as np, tifffile
from nrgan import TrainConfig
from nrgan.training.prepare import open_plan
out = Path(sys.argv[1])
out.mkdir()
rng = np.random.default_rng(0)
(out / "pngs").mkdir()
for n in range(1000):
    (out / "pngs" / f"{n}.png").write_bytes(imagecodecs.png_encode(rng.integers(0, 256, (64, 64, 3), np.uint8)))
tifffile.imwrite(out / "stack.tif", rng.poisson(300, (24, 512, 512)).astype(np.uint16), imagej=True,
                 metadata={"axes": "TYX"})
fits = {"pngs": "crop", "stack.tif": "tiles"}
def work():
    for name, fit in fits.items():
        config = TrainConfig(setting=str(out / name), model="sinrgan2", out=out / "run", image_size=64, fit=fit)
        open_plan(config, keep_bytes=2**30)[1].all_noisy()
"""
_WORK = {"train": _TRAIN, "generate": _GENERATE, "start": _START, "read": _READ}
_IN_TURN = """
import time
work()
print("ready", flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    for _ in range(int(line)):
        work()
    print(time.perf_counter() - begun, flush=True)
"""


class Version:
    """A checkout that works in a process of its own."""

    def __init__(self, checkout: Path, out: Path, options: argparse.Namespace) -> None:
        source = (checkout / "src").resolve(strict=True)
        arguments = [out, options.model, options.channels, options.batch_size, options.precision, options.threads]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORK[options.work] + _IN_TURN, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(source)},
        )
        self._line("")

    def seconds(self, iterations: int) -> float:
        """How long so many iterations take, each."""
        return float(self._line(f"{iterations}\n")) / iterations

    def _line(self, words: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(words)
        self._process.stdin.flush()
        if not (answer := self._process.stdout.readline()):
            raise SystemExit("a version has ended early")
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()


def interval(ratios: list[float]) -> tuple[float, float]:
    """The 90% interval of the median, by resampling."""
    drawn = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.05, 0.95])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--work", choices=sorted(_WORK), default="train")
    parser.add_argument("--model", default="sinrgan1")
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--iterations", type=int, default=5, help="of each version a round")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        versions = [Version(getattr(options, name), Path(folder, name), options) for name in ("old", "new")]
        try:
            # one round is not counted
            taken = [[version.seconds(options.iterations) for version in versions] for _ in range(options.rounds + 1)][
                1:
            ]
        finally:
            for version in versions:
                version.close()
    ratios = [old / new for old, new in taken]
    low, high = interval(ratios)
    figures = {
        "work": options.work,
        "model": options.model,
        "channels": options.channels,
        "batch_size": options.batch_size,
        "rounds": options.rounds,
        "processor": processor().describe(),
        "seconds, old": statistics.median(old for old, _ in taken),
        "seconds, new": statistics.median(new for _, new in taken),
        "old / new": statistics.median(ratios),
        "90% interval": [low, high],
        "ratios": ratios,
    }
    print(json.dumps(figures, indent=1))
    if options.json:
        write_json(figures, options.json)


if __name__ == "__main__":
    main()
