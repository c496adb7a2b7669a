"""SIGKILL at random moments of commands that go on where they stopped; in the end all is as if nothing had happened."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from attack.arsenal import TINY

_LOST = (
    "tensorboard",
    "run.json",
    ".lock",
    "metrics.jsonl",
    "checkpoint.safetensors",
    "checkpoint.earlier.safetensors",
)
"""What has times and rates in it; checkpoints and losses are compared by `tests/test_kill.py`."""


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(_LOST) & set(path.relative_to(folder).parts)
    }


_ATTEMPTS = 3
"""Times as many as there shall be kills: some end before they are killed."""


def kill(root: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kills a training and a generation so often each in turn; compares their ends with those of undisturbed ones."""
    root.mkdir(parents=True)
    rng, wrong = random.Random(seed), []
    options = [*TINY, "--iterations", "300", "--checkpoint-minutes", "0", "--snapshot-interval", "40"]
    train = ["train", "shapes-ag25", "sinrgan1", "OUT", *options, "--resume"]
    generate = ["generate", "train-whole", "--count", "600", "--out", "OUT", "--with", "noise,noisy", "--device", "cpu"]
    done = 0
    for name, command in (("train", train), ("generate", generate)):

        def run(out: str, command: list[str] = command, wait: float | None = None) -> int | None:
            arguments = [sys.executable, "-m", "nrgan", *(out if word == "OUT" else word for word in command)]
            process = subprocess.Popen(arguments, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                process.communicate(timeout=wait)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return None
            return process.returncode

        begun = time.monotonic()
        if run(f"{name}-whole") != 0:
            wrong.append({"case": name, "found": "does not work undisturbed"})
            continue
        whole = time.monotonic() - begun
        killed = 0
        for k in range(_ATTEMPTS * kills):
            if run(f"{name}-killed", wait=rng.uniform(0.2, 1.1) * whole) is None:
                killed += 1
            elif rng.random() < 0.7:  # it has ended: again from nothing, most times
                (root / f"{name}-killed").rename(root / f"{name}-ended-{k}")
            if killed >= kills // 2:
                break
        done += killed
        code = run(f"{name}-killed")
        for ended in [root / f"{name}-killed", *root.glob(f"{name}-ended-*")]:
            a, b = _tree(root / f"{name}-whole"), _tree(ended)
            if code not in (0, 2) or a != b:  # 2: the set of images is complete already
                differing = sorted(n for n in a.keys() | b.keys() if a.get(n) != b.get(n))
                wrong.append({"case": f"{name} {ended.name}", "found": f"code {code}, differing {differing[:5]}"})
    return {"kills": done, "wrong": wrong}
