"""How near do denoisers come to the clean images? Methods x settings on CIFAR-10's test images, in one table.

    python benchmarks/denoising_table.py --out DIR [--data-root DIR] [--json results/denoising.json]

Trains each method with the same network for as many steps, tells those that are not trained the noise that the training
images were diagnosed to have, and evaluates all on the same test images with the same frozen noise. `n2c` and `n2n` see
clean images, and are bounds; `gn2gc` and `mix` take their generators from the kept runs, whose images are clipped, and
are left out of tables of unclipped ones. One thread. Each cell is a file in DIR: what is there is not done again, and a
training that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import torch

from nrgan.denoising.classical import CLASSICAL, classical, classical_without_law, level_without_law
from nrgan.denoising.config import DenoiserConfig
from nrgan.denoising.evaluate import DenoiserEvaluation, evaluate, evaluate_denoiser, unseen_pairs
from nrgan.denoising.material import NoiseFound, open_material
from nrgan.denoising.methods import METHODS
from nrgan.denoising.train import train_denoiser
from nrgan.errors import UserError, first_line
from nrgan.evaluation.protocol import Resources
from nrgan.layout import RUN
from nrgan.limits import DEFAULT_SIDE
from nrgan.reading import read_json
from nrgan.reports.markdown import markdown_table
from nrgan.settings import SETTINGS, find_setting
from nrgan.storage import write_json
from nrgan.training.processor import processor

KEPT = Path(__file__).resolve().parents[1] / "results" / "runs"
LETTERS = ("A", "G", "I", "M", "E", "H")
_OF_CELLS = ("steps", "width", "batch_size", "images", "clip")
"""What all cells of a table have in common."""


def default_settings() -> list[str]:
    """Those of the paper's letters."""
    names = {setting.paper: name for name, setting in SETTINGS.items()}
    return [names[letter] for letter in LETTERS]


@dataclass(frozen=True)
class Cell:
    """A method on a setting, with a seed of its training."""

    setting: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.setting}-{self.method}-seed{self.seed}"


class Table:
    """The cells, each measured once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.common = {name: getattr(options, name) for name in _OF_CELLS}
        self.resources = Resources(options.data_root, options.cache_dir, torch.device("cpu"))
        self.noise = cache(self._noise)

    def cells(self) -> Iterator[Cell]:
        """In the order of their work; what is not trained has one seed."""
        for setting, method in product(self.options.settings, self.options.methods):
            for seed in range(1 if method in CLASSICAL else self.options.seeds):
                yield Cell(setting, method, seed)

    def others(self) -> list[Path]:
        """Files of cells that were measured with other options."""
        there = [path for cell in self.cells() if (path := self._file(cell)).exists()]
        return [path for path in there if {name: read_json(path)[name] for name in _OF_CELLS} != self.common]

    def measured(self, cell: Cell) -> dict[str, Any]:
        """From its file, or else now. Raises `UserError` where that cannot be."""
        if (path := self._file(cell)).exists():
            return dict(read_json(path))
        found = asdict(cell) | self.common | (self._told(cell) if cell.method in CLASSICAL else self._trained(cell))
        write_json(found, path)
        return found

    def _file(self, cell: Cell) -> Path:
        return self.options.out / f"{cell.name}.json"

    def _trained(self, cell: Cell) -> dict[str, Any]:
        config = self._config(cell)
        goes_on = (config.out / RUN).exists()
        begun = time.monotonic()
        for _ in train_denoiser(config, resume=goes_on):
            pass
        minutes = None if goes_on else round((time.monotonic() - begun) / 60, 2)
        options = self.options
        found = evaluate(config.out, cell.setting, images=options.images, clip=options.clip, resources=self.resources)
        return {"minutes": minutes, **found.as_json()}  # of the diagnosis too; None of what was stopped meanwhile

    def _config(self, cell: Cell) -> DenoiserConfig:
        options, images = self.options, cell.setting
        if "generated" in METHODS[cell.method].needs:
            kept = sorted(KEPT.glob(f"{cell.setting}-*"))
            if not kept:
                raise UserError(f"no run of {cell.setting} is kept")
            if not options.clip:
                raise UserError("the kept runs are of clipped images")
            images = str(kept[0])
        return DenoiserConfig(
            images=images,
            out=options.out / "runs" / cell.name,
            method=cell.method,
            minutes=None,
            iterations=options.steps,
            width=options.width,
            batch_size=options.batch_size,
            seed=cell.seed,
            clip=options.clip,
            device="cpu",
            data_root=options.data_root,
            cache_dir=options.cache_dir,
        )

    def _told(self, cell: Cell) -> dict[str, Any]:
        options, setting = self.options, find_setting(cell.setting)
        noise, level = self.noise(cell.setting)
        law = noise.law
        mapping = classical_without_law(cell.method, level) if law is None else classical(cell.method, law)
        pairs = unseen_pairs(setting, DEFAULT_SIDE, options.images, options.clip, self.resources)
        begun = time.monotonic()
        figures = evaluate_denoiser(mapping, pairs)
        minutes = round((time.monotonic() - begun) / 60, 2)
        found = DenoiserEvaluation(cell.method, cell.setting, options.clip, figures)
        return {"minutes": minutes, "noise": noise.plain(), **found.as_json()}

    def _noise(self, setting: str) -> tuple[NoiseFound, float]:
        """What the training images tell, and their level as if it were white noise."""
        material = open_material(self._config(Cell(setting, "n2v", 0)))
        return material.noise, level_without_law(material.data)


def document(table: Table, cells: list[dict[str, Any]], skipped: dict[str, str]) -> dict[str, Any]:
    """What is kept of a table."""
    packages = ("nrgan", "torch", "numpy", "scikit-image")
    return {
        "processor": processor().describe(),
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
        **table.common,
        "cells": cells,
        "left out": skipped,
    }


def markdown(cells: list[dict[str, Any]]) -> str:
    """PSNR and SSIM, methods down and settings across: mean over seeds, ± 95% over images, range of seeds."""
    by_place: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        by_place[cell["method"], cell["setting"]].append(cell)
    settings, methods = (list(dict.fromkeys(cell[name] for cell in cells)) for name in ("setting", "method"))
    tables = []
    for figure, digits in (("psnr", 2), ("ssim", 3)):
        first = [next(cell for cell in cells if cell["setting"] == setting) for setting in settings]
        rows = [["input", *(_entry([cell], f"input_{figure}", digits) for cell in first)]]
        for method in methods:
            rows.append([method, *(_entry(by_place[method, setting], figure, digits) for setting in settings)])
        tables.append(markdown_table([figure.upper(), *settings], rows, "lr"))
    return "\n".join(tables)


def _entry(cells: list[dict[str, Any]], figure: str, digits: int) -> str:
    if not cells:
        return ""
    means = [cell[figure]["mean"] for cell in cells]
    half = max(cell[figure]["high"] - cell[figure]["mean"] for cell in cells)
    seeds = f" ({min(means):.{digits}f} to {max(means):.{digits}f})" if len(means) > 1 else ""
    return f"{sum(means) / len(means):.{digits}f} ± {half:.{digits}f}{seeds}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where cells and runs are kept")
    parser.add_argument("--settings", nargs="+", default=default_settings())
    parser.add_argument("--methods", nargs="+", default=[*METHODS, *CLASSICAL], choices=[*METHODS, *CLASSICAL])
    parser.add_argument("--seeds", type=int, default=1, help="of training")
    parser.add_argument("--steps", type=int, default=2_500)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=1_000, help="of the test split")
    parser.add_argument("--clip", action=argparse.BooleanOptionalAction, default=False, help="noisy images to 0..1")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--json", type=Path, help="such as results/denoising.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    table, cells, skipped = Table(options), [], {}
    if others := table.others():
        parser.error(f"--out: {others[0]} was measured with other options; choose another folder")
    for cell in table.cells():
        try:
            found = table.measured(cell)
        except UserError as error:
            skipped[cell.name] = first_line(error)
            print(f"{cell.name}: left out ({skipped[cell.name]})", flush=True)
            continue
        cells.append(found)
        print(f"{cell.name}: {found['psnr']['mean']:.2f} dB, {json.dumps(found['minutes'])} minutes", flush=True)
    if cells:
        print(f"\n{markdown(cells)}")
    if options.json:
        write_json(document(table, cells, skipped), options.json, overwrite=True)


if __name__ == "__main__":
    main()
