"""Does the diagnosis tell the noise of the CIFAR-10 settings from noisy images alone, and recommend a model that fits?

    python benchmarks/diagnose.py --data-root DIR [--seeds 3] [--images 2000] [--json FILE] [--markdown FILE]

DIR holds CIFAR-10. Seed s takes other images and data seed s. Prints, and writes, how often each model was recommended
for each setting, and the estimated level beside the true one: the root mean square of the noise before clipping.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.corruptions import Sensor
from nrgan.data import CIFAR10
from nrgan.data.frozen import corrupt_images
from nrgan.diagnosis import estimate_noise, recommend
from nrgan.ranges import unit_from_stored
from nrgan.reports.markdown import markdown_table
from nrgan.settings import SETTINGS, Setting
from nrgan.storage import writing

MODELS = ("gan", "sinrgan1", "sinrgan2", "sdnrgan1", "sdnrgan2", "sdnrgan3")
_INDEPENDENT, _GAUSSIAN = set("ABCDEFGH"), set("ABCDIJKLMNOP")
SUITS = {
    "gan": {""},
    "sinrgan1": set("ABCD"),
    "sinrgan2": _INDEPENDENT,
    "sdnrgan1": set("IJMN"),
    "sdnrgan2": _GAUSSIAN,
    "sdnrgan3": _INDEPENDENT | _GAUSSIAN,
}
"""Settings, by their letter in the paper, of which all that a model takes for known is true; "" is free of noise."""
STRICT = {
    "gan": {""},
    "sinrgan1": set("ABCD"),
    "sinrgan2": _INDEPENDENT,
    "sdnrgan1": set("IJMN"),
    "sdnrgan2": set("IJKLMNOP"),
    "sdnrgan3": set(),
}
"""Of those, the settings for which no model knows much more."""


def one(setting: Setting, clean: npt.NDArray[np.uint8], indices: npt.NDArray[np.int64], seed: int, count: int) -> Any:
    """The diagnosis of one noisy set, and the truth, as plain values."""
    noisy = corrupt_images(setting.corruption, Sensor(), clean, indices, seed, count)
    begun = time.perf_counter()
    found = estimate_noise(noisy)
    advice = recommend(found)
    seconds = time.perf_counter() - begun
    before_clipping = corrupt_images(setting.corruption, Sensor(clip=False), clean, indices, seed, count)
    truth = 255 * float(np.sqrt(np.mean((before_clipping - unit_from_stored(clean)) ** 2)))
    return {
        "setting": setting.name,
        "paper": setting.paper,
        "seed": seed,
        "model": advice.published,
        "suits": setting.paper in SUITS[advice.published],
        "strictly": setting.paper in STRICT[advice.published],
        "true_level": truth,
        "level": found.level,
        "level_inside": found.level_inside,
        "dependence": found.dependence,
        "white": found.white,
        "tails": found.tails,
        "varies_by_image": found.varies_by_image,
        "local": found.local,
        "certain": found.certain,
        "unknowns": found.unknowns,
        "seconds": round(seconds, 2),
    }


def markdown(rows: list[Any]) -> str:
    """The table of counts and levels over seeds."""
    header = ["setting", "paper", *MODELS, "true level", "estimated", "largest error", "found"]
    body = []
    for name in dict.fromkeys(row["setting"] for row in rows):
        of = [row for row in rows if row["setting"] == name]
        counts = Counter(row["model"] for row in of)
        errors = [row["level"] / row["true_level"] - 1 for row in of if row["paper"]]
        levels = [f"{np.mean([row[level] for row in of]):.1f}" for level in ("true_level", "level")]
        error = f"{100 * max(errors, key=abs):+.1f} %" if errors else ""
        found = ", ".join(dict.fromkeys(words(row) for row in of))
        body.append([name, of[0]["paper"], *(str(counts[m] or "") for m in MODELS), *levels, error, found])
    lines = [markdown_table(header, body)]
    for seed in dict.fromkeys(row["seed"] for row in rows):
        of = [row for row in rows if row["seed"] == seed and row["paper"]]
        suits, strictly = sum(r["suits"] for r in of), sum(r["strictly"] for r in of)
        lines.append(f"Seed {seed}: the model suits {suits} of {len(of)} settings, and strictly {strictly}.")
    return "\n".join(lines) + "\n"


def words(row: Any) -> str:
    """What was found of a noise, briefly."""
    said = [row["dependence"], "white" if row["white"] else "correlated", row["tails"]]
    said += ["by image"] * row["varies_by_image"] + ["local"] * row["local"]
    return " ".join(said) + ("" if row["certain"] else " (uncertain)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    source = CIFAR10(options.data_root)
    images = source.images()
    rows = []
    for seed in range(options.seeds):
        chosen = np.random.RandomState(seed).permutation(len(source))[: options.images]
        for setting in (s for s in SETTINGS.values() if s.source == "cifar10"):
            rows.append(one(setting, images[chosen], chosen, seed, len(source)))
            print(json.dumps(rows[-1]), flush=True)
    print(markdown(rows))
    if options.json:
        with writing(options.json) as part:
            part.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        with writing(options.markdown) as part:
            part.write_text(markdown(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
