"""What `nrgan denoise` makes of drawn stacks of instruments, beside others in the same time; the truth is known.

    python benchmarks/denoising_instruments.py --out DIR [--minutes 20] [--instruments scmos em-ccd confocal]
        [--seed S] [--json results/denoising-instruments.json]

Draws a 16-bit stack of each (parameters and scenes fresh unless a seed is given, which is printed), writes it as that
instrument's files, and runs `nrgan denoise` as a user would, with the repairs that the diagnosis advises; Noise2Void
(`--method n2v`) with as many minutes; non-local means and wavelets, told the noise that was diagnosed. All are compared
with the values without noise: PSNR over pixels that are neither hot nor dead, the peak being the span of the truth.
The same instrument then takes frames of nothing, as dark as the darkest places of the stack: how many spots stand out
of what the denoiser makes of them, beside its null test there, which draws from the diagnosed law. What is there
already is gone on with.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from drawn_instruments import INSTRUMENTS, Drawn, draw, generator, write
from drawn_noise import Camera, rounded
from nrgan.denoising.classical import classical
from nrgan.denoising.denoiser import Denoiser
from nrgan.denoising.judging import empty_regions, null_test
from nrgan.diagnosis import diagnose
from nrgan.frames import FrameSet, ValueRange, open_frames
from nrgan.reports.markdown import markdown_table
from nrgan.storage import write_json
from nrgan.training.processor import processor

FRAMES, SIDE = 32, 256
_HOT = 5.0
"""Times the noise that a place of the sensor is off, from which on it is hot or dead."""
_BLANKS, _DARKEST = 16, 0.01
"""Frames of nothing, and the quantile of the stack's light that they have."""
Array = npt.NDArray[Any]


def nrgan(*words: object) -> None:
    """Runs the command line."""
    print("$ nrgan", *words, flush=True)
    subprocess.run([sys.executable, "-m", "nrgan", *map(str, words)], check=True)


def measured(name: str, seed: int, folder: Path, minutes: float) -> dict[str, Any]:
    """One stack, by all methods."""
    row = INSTRUMENTS[name]
    drawn = draw(row, generator(seed, name, 0), size=(FRAMES, SIDE))
    place = folder / "files"
    path = write(row, drawn, place) if not place.exists() else _path(place)
    found = diagnose(path)
    mends = ",".join(found.advice.mends)
    options = ["--minutes", minutes, "--dtype", "float32", *(["--mend", mends] if mends else [])]
    nrgan("denoise", path, folder / "denoise", *options, "--judge", "--uncertainty")
    nrgan("denoise", path, folder / "n2v", *options, "--method", "n2v")
    nrgan("denoise", path, folder / "nlm", "--dtype", "float32", "--method", "nlm", *options[4:])
    answers = {method: _read(folder / method) for method in ("denoise", "n2v", "nlm")}
    noisy = _read(place)
    if found.advice.law is not None:
        unit = torch.from_numpy(found.value_range.to_unit(noisy.astype(found.value_range.dtype)).transpose(0, 3, 1, 2))
        wavelet = classical("wavelet", found.advice.law)(unit).numpy().transpose(0, 2, 3, 1)
        low, high = found.value_range.limits[0]
        answers["wavelet"] = wavelet * (high - low) + low
    good = _good(drawn)
    denoiser = Denoiser.load(folder / "denoise-denoiser")
    about = denoiser.about
    judgement = json.loads((folder / "denoise-denoiser" / "judgement.json").read_text())
    return {
        "instrument": name,
        "parameters": asdict(drawn.detector),
        "certain": found.diagnosis.certain,
        "mended": mends,
        "rule": about.rule,
        "steps": about.iteration,
        "chosen": about.chosen.get("chosen"),
        "psnr": {method: _psnr(answer, drawn, good) for method, answer in {"input": noisy, **answers}.items()},
        "estimated psnr": _of_the_truth(judgement["risk"], drawn, found.value_range),
        "false structures in frames of nothing": _of_nothing(denoiser, drawn, generator(seed, name, 1)),
        "null test": judgement["null_test"],
    }


def _path(place: Path) -> Path:
    """What a user would name: the file, where there is one, else the folder."""
    files = list(place.iterdir())
    return files[0] if len(files) == 1 else place


def _read(folder: Path) -> Array:
    files = [path for path in folder.rglob("*") if path.is_file() and "-error" not in path.name]
    files = [path for path in files if path.suffix not in (".jsonl", ".json")]
    frames: FrameSet = open_frames(str(files[0] if len(files) == 1 else folder))
    return np.stack([frames.read(k).pixels for k in range(len(frames))]).astype(np.float64)


def _good(drawn: Drawn) -> npt.NDArray[np.bool_]:
    """Pixels that are neither hot nor dead, (H, W, C)."""
    off = np.abs(drawn.at_places - drawn.light).mean(0)
    return np.asarray(off < _HOT * max(float(np.median(drawn.truth.pixels)), 1e-9))


def _psnr(answer: Array, drawn: Drawn, good: npt.NDArray[np.bool_]) -> float:
    wrong = (answer - drawn.light)[:, good]
    return float(10 * np.log10(np.ptp(drawn.light) ** 2 / np.mean(wrong**2)))


def _of_the_truth(risk: dict[str, Any] | None, drawn: Drawn, value_range: ValueRange) -> list[float] | None:
    """The estimate, whose peak is the range of values, with the span of the truth for its peak."""
    if risk is None:
        return None
    low, high = value_range.limits[0]
    change = 20 * np.log10(np.ptp(drawn.light) / (high - low))
    return [float(psnr + change) for psnr in risk["psnr_range"]]


def _of_nothing(denoiser: Denoiser, drawn: Drawn, rng: np.random.Generator) -> dict[str, Any] | None:
    """False structures in frames of the dark alone, beside those in the answer to noise of the diagnosed law."""
    if denoiser.about.law is None:
        return None
    light = np.full((_BLANKS, *drawn.light.shape[1:]), np.quantile(drawn.light, _DARKEST))
    mended: dict[str, Any] = {"hot": 0.0, "impulses": 0.0} if isinstance(drawn.detector, Camera) else {}
    detector = replace(drawn.detector, **mended)
    sensor = detector.sensor(light.shape[1], light.shape[2], rng)
    noisy = rounded(detector.expose(light, sensor, rng), detector)
    unit = denoiser.about.value_range.to_unit(noisy).transpose(0, 3, 1, 2)
    images = torch.from_numpy(np.ascontiguousarray(unit, np.float32))
    null = null_test(denoiser, images, denoiser.about.law, signals=(float(images.mean()),), each=_BLANKS)
    empty = torch.zeros(len(images), 1, *images.shape[2:], dtype=torch.bool)
    empty[:, :, denoiser.radius : -denoiser.radius, denoiser.radius : -denoiser.radius] = True
    return empty_regions(denoiser, images, empty, null).as_json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where stacks and answers are kept")
    parser.add_argument("--instruments", nargs="+", default=["scmos", "em-ccd", "confocal"], choices=list(INSTRUMENTS))
    parser.add_argument("--minutes", type=float, default=20.0, help="of each training")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", type=Path, help="such as results/denoising-instruments.json")
    options = parser.parse_args()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    cells = [measured(name, seed, options.out / f"{name}-{seed}", options.minutes) for name in options.instruments]
    methods = list(cells[0]["psnr"])
    rows = [[c["instrument"], *(f"{c['psnr'].get(m, float('nan')):.1f}" for m in methods)] for c in cells]
    print(markdown_table(["PSNR", *methods], rows, "lr"))
    if options.json:
        about = {"processor": processor().describe(), "versions": {n: version(n) for n in ("nrgan", "torch", "numpy")}}
        write_json({**about, "seed": seed, "minutes": options.minutes, "draws": cells}, options.json)


if __name__ == "__main__":
    main()
