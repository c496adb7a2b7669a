"""Keeps a run's best snapshot in the repository, with its weights, for tests of what is built on trained models.

    nrgan select RUN --samples 2000 --only-observed --features FILE
    nrgan check-noise RUN/best
    python benchmarks/keep_run.py RUN results/runs/NAME

Kept are the generator and the observer's networks (not the discriminator), what the snapshot is of and why it was
chosen, the configuration without the machine's paths, the comparison of its noise with the truth, and a picture.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nrgan import layout
from nrgan.corruptions import to_plain
from nrgan.evaluation.selection import read_chosen
from nrgan.manifest import write_manifest
from nrgan.pictures import sample_grid, save_picture
from nrgan.runs import TrainedModel
from nrgan.storage import write_json

_OF_THE_MACHINE = ("out", "data_root", "cache_dir")
_KEPT_OF_A_RUN = ("config", "device", "precision", "processor", "versions", "commit", "started")


def keep(run: Path, kept: Path) -> None:
    """Copies what is kept; raises `UserError` where the run has no best snapshot."""
    best = layout.find_snapshot(run)
    model, chosen = TrainedModel.load(best), read_chosen(run)
    shutil.copytree(best, kept, ignore=shutil.ignore_patterns(layout.DISCRIMINATOR, "README.md", layout.ABOUT))
    setting = model.setting
    about = replace(
        model.about, source=setting.source, corruption=to_plain(setting.corruption), view=setting.view
    )  # snapshots of version 0.1 do not say these
    reason = {"chosen": chosen.document()} if chosen else {}
    (kept / layout.ABOUT).write_text(json.dumps({**asdict(about), **reason}, indent=1), encoding="utf-8")
    (kept / layout.MANIFEST).unlink(missing_ok=True)
    write_json(_document(run), kept / "training.json")
    for name in (f"{layout.NOISE_CHECK}.json", f"{layout.NOISE_CHECK}.png"):
        if (run / name).is_file():
            shutil.copy(run / name, kept)
    save_picture(sample_grid(model.sample(36)), kept / "samples.png")
    write_manifest(kept)


def _document(run: Path) -> dict[str, Any]:
    """How it was trained, without the machine's paths."""
    path = next(run / name for name in (layout.RUN, layout.OLD_RUN) if (run / name).is_file())
    document = json.loads(path.read_text(encoding="utf-8"))
    document["config"] = {k: v for k, v in document["config"].items() if k not in _OF_THE_MACHINE}
    return {name: document[name] for name in _KEPT_OF_A_RUN if name in document}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("kept", type=Path)
    options = parser.parse_args()
    keep(options.run, options.kept)
    print(f"kept in {options.kept}")


if __name__ == "__main__":
    main()
