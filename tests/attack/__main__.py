"""`make attack MINUTES=40`: attacks for so long, with as many workers as cores, and writes `results/attack.json`.

    python -m attack MINUTES [--seed N] [--only options,files,kills,decoders] [--out FILE]

40 minutes are at least 3,000 cases of options and files and 150 kills, however long a slow or busy machine takes. With
--only, the other kinds stay in FILE as they are. Every case has a number, from which it is made again: that one alone
runs with `python -m attack --case options:1234`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attack import arsenal
from attack.cases import file_case, option_case
from attack.decoders import DECODERS, fuzz
from attack.harness import Runner, judge
from attack.kills import kill

KINDS = ("options", "files", "kills", "decoders")
WHOLE, CASES, KILLS, FUZZ_SECONDS = 40, 1500, 150, 180
"""Minutes of the whole attack; of these, cases of options, and of files, kills, and seconds for each decoder."""


def _make(kind: str, number: int, built: Path, folder: Path, helps: dict[str, str]) -> Any:
    rng = random.Random(number)
    return option_case(rng, built, folder, helps) if kind == "options" else file_case(rng, built, folder)


def _attack(job: tuple[str, str, list[int], float, int, str, dict[str, str]]) -> dict[str, Any]:
    """One worker's cases of a kind, for its time and until they are enough: counts by verb, and what was wrong."""
    name, kind, numbers, until, least, built, helps = job
    folder = Path(built).with_name(f"case-{name}")
    runner, counts, wrong = Runner(folder.with_name(f"scratch-{name}")), Counter[str](), []
    for done, number in enumerate(numbers):
        if time.time() > until and done >= least:
            break
        shutil.rmtree(folder, ignore_errors=True)
        case = _make(kind, number, Path(built), folder, helps)
        found = judge(runner, case)
        counts[case.verb if case.verb in helps else "none"] += 1
        if found:
            wrong.append({"case": f"{kind}:{number}", "found": found})
            print(f"{kind}:{number}", *found, sep="\n    ", flush=True)
    runner.close()
    shutil.rmtree(folder, ignore_errors=True)
    return {"counts": counts, "wrong": wrong}


def _all_of(kind: str, seed: int, minutes: float, built: Path, helps: dict[str, str]) -> dict[str, Any]:
    until, workers = time.time() + 60 * minutes, os.cpu_count() or 1
    numbers = [[seed * 10**9 + k for k in range(w, 10**6, workers)] for w in range(workers)]
    least = round(CASES * min(1, minutes / _time_of(WHOLE, 2)) / workers)
    jobs = [(f"{kind}-{w}", kind, numbers[w], until, least, str(built), helps) for w in range(workers)]
    with ThreadPoolExecutor(workers) as pool:  # the work is done by a process of each
        done = list(pool.map(_attack, jobs))
    counts = sum((part["counts"] for part in done), Counter[str]())
    wrong = [entry for part in done for entry in part["wrong"]]
    return {"cases": sum(counts.values()), "by verb": dict(sorted(counts.items())), "wrong": wrong}


def _time_of(minutes: float, kinds: int) -> float:
    """Minutes for each of the kinds that are made by chance: most of the time; the rest is for kills and decoders."""
    return 0.75 * minutes / max(1, kinds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float, nargs="?", default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--case")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    # in memory where the system has such a folder: every case waits for the disk again and again
    root = Path(tempfile.mkdtemp(prefix="nrgan-attack-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    os.environ["NRGAN_CACHE"] = str(root / "cache")
    found: dict[str, Any] = {}
    if options.out and options.out.exists():
        found = json.loads(options.out.read_text())
    try:
        built = arsenal.build(root / "arsenal")
        helps = {verb: arsenal.help_of(verb) for verb in arsenal.verbs()}
        if options.case:
            kind, _, number = options.case.partition(":")
            runner = Runner(root / "scratch")
            print(*judge(runner, _make(kind, int(number), built, root / "case", helps)), sep="\n")
            runner.close()
            return 0
        only = options.only.split(",")
        share = _time_of(options.minutes, len({"options", "files"} & set(only)))
        part = min(1, options.minutes / WHOLE)
        for kind in ("options", "files"):
            if kind in only:
                found[kind] = _all_of(kind, options.seed, share, built, helps)
        if "kills" in only:
            found["kills"] = kill(root / "kills", round(KILLS * part), options.seed)
        if "decoders" in only:
            found["decoders"] = {name: fuzz(name, FUZZ_SECONDS * part, options.seed) for name in DECODERS}
        found["asked"] = found.get("asked", {}) | dict.fromkeys(
            only, f"{options.minutes:g} minutes, seed {options.seed}"
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    wrong = [entry for kind in KINDS for part in [found.get(kind, {})] for entry in part.get("wrong", [])]
    print(json.dumps({kind: {k: v for k, v in found[kind].items() if k != "wrong"} for kind in KINDS if kind in found}))
    print(f"{len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
