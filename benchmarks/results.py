"""Keeps the runs of a table in the repository, and writes the page of all kept results.

    nrgan reproduce GRID.toml --out OUT
    python benchmarks/results.py --collect OUT --grid GRID.toml --name NAME --hardware "two CPU cores, bfloat16"
    python benchmarks/results.py                 # docs/results.md from results/evaluation/ alone

Of each run it keeps the configuration without the machine's paths, the lines of figures, the comparison of its noise
with the truth, and a small picture of samples: no weights.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from nrgan.evaluation.measure import check_run_noise
from nrgan.evaluation.protocol import Resources
from nrgan.evaluation.selection import fid, read_chosen
from nrgan.layout import ABOUT, BEST, BEST_SAMPLES, NOISE_CHECK, OLD_RUN, RUN, records_files
from nrgan.reports.markdown import markdown_table
from nrgan.reports.noise_files import write_noise_check
from nrgan.runs import Record, read_records
from nrgan.storage import writing

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "results" / "evaluation"
PAGE = ROOT / "docs" / "results.md"
_OF_THE_MACHINE = ("out", "data_root", "cache_dir")
INTRODUCTION = """# Results

Made from `results/evaluation/` by `benchmarks/results.py`: every figure below is in the lines of a run that is kept
there, with its configuration. A figure is named after the features that it was made in: `fid[cifar10_features]` is the
Fréchet distance in a small CIFAR-10 classifier's features, comparable with itself only and with nothing published.
"""


def collect(out: Path, grid: Path, name: str, hardware: str, data_root: Path | None) -> None:
    """Copies what is kept of a table's runs to `results/evaluation/NAME`, checking each run's noise on the way."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(grid, folder / "grid.toml")
    for table in ("table.md", "table.csv"):
        shutil.copy(out / table, folder / table)
    (folder / "hardware.txt").write_text(hardware + "\n", encoding="utf-8")
    for run in sorted(path.parent for path in out.glob(f"*/{RUN}")):
        kept = folder / run.name
        kept.mkdir(exist_ok=True)
        if not (run / f"{NOISE_CHECK}.json").exists():
            write_noise_check(*check_run_noise(run / BEST, resources=Resources(data_root=data_root)))
        for path in (*records_files(run), run / BEST_SAMPLES, *run.glob(f"{NOISE_CHECK}.*")):
            shutil.copy(path, kept)
        document = json.loads((run / RUN).read_text(encoding="utf-8"))
        document["config"] = {k: v for k, v in document["config"].items() if k not in _OF_THE_MACHINE}
        document["chosen"] = json.loads((run / BEST / ABOUT).read_text(encoding="utf-8"))["chosen"]
        (kept / RUN).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        assert read_chosen(run) is not None


def page() -> str:
    """The page, from what is kept."""
    parts = [INTRODUCTION]
    for folder in sorted(path.parent for path in KEPT.glob("*/grid.toml")):
        parts += _table(folder)
    return "\n".join(parts)


def _table(folder: Path) -> list[str]:
    runs = sorted(run for run in folder.iterdir() if run.is_dir() and _document(run))
    parts = [(folder / "table.md").read_text(encoding="utf-8")]
    parts.append(f"Hardware: {(folder / 'hardware.txt').read_text(encoding='utf-8').strip()}.\n")
    if (notes := folder / "notes.md").exists():
        parts.append(notes.read_text(encoding="utf-8"))
    parts += ["### Choosing without clean images\n", _selection(runs), "### The noise that was learned\n", _noise(runs)]
    parts.append("### Samples\n")
    parts.append(_pictures(folder, runs))
    return parts


def _document(run: Path) -> dict[str, Any]:
    """What a kept run says of itself: of this version, or of 0.1; empty where it is none."""
    path = next((run / name for name in (RUN, OLD_RUN) if (run / name).exists()), None)
    found: dict[str, Any] = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    return found


def _by_iteration(run: Path, against: str, samples: int) -> dict[int, Record]:
    return {
        record.iteration: record
        for record in read_records(run)
        if record.against == against and record.figure("fid") is not None and record.samples == samples
    }


def _selection(runs: list[Path]) -> str:
    """Chosen and best iterations of each run, and what the choice costs."""
    header = ["run", "snapshots", "chosen (observed)", "its clean FID", "best (clean)", "its clean FID", "regret"]
    rows = []
    for run in runs:
        chosen = _document(run)["chosen"]["record"]
        clean = _by_iteration(run, "clean", chosen["samples"])
        if chosen["iteration"] not in clean or len(clean) < 2:
            continue
        best = min(clean, key=lambda iteration: fid(clean[iteration]))
        own, lowest = fid(clean[chosen["iteration"]]), fid(clean[best])
        figures = [f"{chosen['iteration']:,}", f"{own:.2f}", f"{best:,}", f"{lowest:.2f}", f"{own - lowest:.2f}"]
        rows.append([run.name, str(len(clean)), *figures])
    return markdown_table(header, rows, "lr")


def _noise(runs: list[Path]) -> str:
    """How far each run's noise is from the truth, and how much noise its samples hold."""
    rows: list[list[str]] = []
    names: list[str] = []
    for run in runs:
        check: dict[str, Any] = json.loads((run / f"{NOISE_CHECK}.json").read_text(encoding="utf-8"))
        left, learned = check["noise_left"], check["learned"]
        names = list(check["differences"]) or names
        level = f"{learned['level']:.1f}" if learned else "none"
        found = [f"{check['differences'][name]:+.2f}" for name in check["differences"]]
        estimates = [f"{left[name]:.1f}" for name in ("clean samples", "clean images", "noisy images")]
        rows.append([run.name, f"{check['truth']['level']:.1f}", level, *found, *estimates])
    header = ["run", "true level", "model's", *(f"Δ {name}" for name in names)]
    header += ["noise left in samples", "the same of clean images", "of noisy images"]
    rows = [row if len(row) == len(header) else row[:3] + [""] * len(names) + row[3:] for row in rows]
    return markdown_table(header, rows, "lr")


def _pictures(folder: Path, runs: list[Path]) -> str:
    """Samples of the chosen snapshots, a row a setting."""
    settings: dict[str, list[Path]] = {}
    for run in runs:
        settings.setdefault(run.name.split("-")[0], []).append(run)
    lines = []
    for setting, own in settings.items():
        names = [run.name.removeprefix(f"{setting}-") for run in own]
        relative = [f"../{(run / BEST_SAMPLES).relative_to(ROOT).as_posix()}" for run in own]
        pictures = [f"![samples of {run.name}]({path})" for run, path in zip(own, relative, strict=True)]
        lines.append(f"{setting}:\n\n{markdown_table(names, [pictures])}")
    return "\n".join(lines)


def main() -> None:
    """Collects where asked to, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collect", type=Path, help="the output folder of nrgan reproduce")
    parser.add_argument("--grid", type=Path, help="its TOML file")
    parser.add_argument("--name", help="of the folder under results/evaluation/")
    parser.add_argument("--hardware", help="what it ran on, in words")
    parser.add_argument("--data-root", type=Path)
    arguments = parser.parse_args()
    if arguments.collect:
        if not (arguments.grid and arguments.name and arguments.hardware):
            parser.error("--collect needs --grid, --name and --hardware")
        collect(arguments.collect, arguments.grid, arguments.name, arguments.hardware, arguments.data_root)
    with writing(PAGE) as part:
        part.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
