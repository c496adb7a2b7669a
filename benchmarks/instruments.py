"""Does the diagnosis tell the noise of real kinds of instruments? Sets of known truth, other ones at every run.

    python benchmarks/instruments.py [--draws 3] [--seed S] [--only NAME] [--strengths] [--false-alarms N [--first K]]
        [--data-root DIR] [--folder DIR] [--json FILE] [--markdown FILE]

Draws sets of every instrument with parameters from ranges, writes them as files of that instrument, diagnoses these as
a user would, and judges what is said: level at five signals, slope of counts, correlation, findings, the model. A draw
is right where all that is told is right and the model that is recommended takes nothing for known that is false. The
seed is fresh unless given, and is printed and kept. --strengths: also each finding from absent to strong, seen or not.
--false-alarms: so many sets that are clean or have white noise, and how often each finding is seen in them; --first:
the number of the first of them, and those of the same seed that FILE has are kept: two processes can share them.
--data-root holds CIFAR-10, for the photographs; else shapes are drawn. --folder: where the files stay, to be looked at.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from drawn_instruments import INSTRUMENTS, PLAIN, draw, generator, write
from drawn_scenes import Photographs
from drawn_truth import FINDINGS
from judging import judge, told
from nrgan.data import CIFAR10
from nrgan.diagnosis import diagnose
from nrgan.errors import UserError
from nrgan.reading import read_json
from nrgan.reports.markdown import markdown_table
from nrgan.storage import write_json, writing

_VERDICTS = ("right", "not right, not certain", "wrong and certain", "refused")
Row = dict[str, Any]


def judged(name: str, seed: int, number: int, photographs: Photographs, folder: Path) -> Row:
    """One draw of an instrument, diagnosed and judged, as plain values."""
    row, begun = INSTRUMENTS[name], time.perf_counter()
    drawn = draw(row, generator(seed, name, number), photographs)
    path = write(row, drawn, folder / f"{name}-{number}")
    entry: Row = {
        "instrument": name,
        "draw": number,
        "shape": list(drawn.written.shape),
        "parameters": asdict(drawn.detector),
        "truth": _plain(asdict(drawn.truth)),
    }
    try:
        said = told(diagnose(path))
    except UserError as error:
        return entry | {"verdict": "refused", "wrong": [str(error)], "certain": False, "model_is_right": False}
    verdict = judge(said, drawn.truth)
    levels_of_255 = [255 * level / said.span for level in drawn.truth.level]
    return entry | {
        "truth": entry["truth"] | {"level of 255": levels_of_255},
        "told": _plain(asdict(said)) | {"at signals": [said.level_at(s) for s in drawn.truth.signals]},
        **_plain(asdict(verdict)),
        "verdict": verdict.verdict,
        "seconds": round(time.perf_counter() - begun, 2),
    }


def _plain(values: Row) -> Row:
    """Sets as lists, for JSON."""
    return {name: sorted(v) if isinstance(v, frozenset) else v for name, v in values.items()}


def strengths(name: str, seed: int, draws: int, photographs: Photographs, folder: Path) -> Iterator[Row]:
    """Each finding of an instrument from absent to strong: in how many draws it was seen; None where none tells.

    The same scenes and parameters at each amount, and others in each draw.
    """
    row = INSTRUMENTS[name]
    for finding, sweep in row.sweeps.items():
        for amount in sweep.amounts:
            found: list[tuple[bool, float | None]] = []
            for number in range(draws):
                rng = generator(seed, f"{name} {finding}", number)
                drawn = draw(row, rng, photographs, partial(sweep.set, amount=amount))
                path = write(row, drawn, folder / f"{name}-{finding}-{amount:g}-{number}")
                found += _told_of(finding, path)
            yield {
                "instrument": name,
                "finding": finding,
                "parameter": sweep.parameter + (f" / {sweep.unit}" if sweep.unit else ""),
                "amount": amount,
                "seen": sum(seen for seen, _ in found) if found else None,
                "of": len(found),
                "told strength": [strength for _, strength in found],
            }


def _told_of(finding: str, path: Path) -> list[tuple[bool, float | None]]:
    """Whether a finding is seen in files, and its strength; nothing where a diagnosis does not tell."""
    try:
        said = told(diagnose(path))
    except UserError:
        return []
    if finding == "noise":
        return [(not said.little_noise, said.level)]
    return [(said.findings[finding], said.strengths.get(finding))] if finding in said.findings else []


def false_alarms(numbers: range, seed: int, photographs: Photographs, folder: Path) -> Iterator[Row]:
    """Sets that are clean or have white noise alone, in turn: what was seen in each, and what was not told."""
    for number in numbers:
        name = list(PLAIN)[number % len(PLAIN)]
        drawn = draw(PLAIN[name], generator(seed, f"false alarm {name}", number), photographs)
        entry: Row = {"set": number, "kind": name}
        try:
            said = told(diagnose(write(PLAIN[name], drawn, folder / f"alarm-{number}")))
        except UserError as error:
            yield entry | {"refused": str(error)}
        else:
            seen = [finding for finding, there in said.findings.items() if there]
            not_told = [finding for finding in FINDINGS if finding not in said.findings]
            yield entry | {"noise": not said.little_noise, "seen": seen, "not told": not_told}


def summary(rows: list[Row]) -> str:
    """The table of verdicts, and what came of all draws."""
    body = []
    for name in dict.fromkeys(row["instrument"] for row in rows):
        of = [row for row in rows if row["instrument"] == name]
        counts = [sum(row["verdict"] == verdict for row in of) for verdict in _VERDICTS]
        errors = [error for row in of for error in row.get("levels", ())]
        known = [error for error in errors if error is not None]
        slopes = [row["slope"] for row in of if row.get("slope") is not None and row["truth"]["slope"]]
        body.append(
            [
                name,
                *(str(count or "") for count in counts),
                ", ".join(dict.fromkeys(str(row["model"]) for row in of if "model" in row)),
                f"{sum(row['model_is_right'] for row in of)}/{len(of)}",
                f"{sum(abs(e) <= 0.05 for e in known)}/{len(known)}, {len(errors) - len(known)} not told",
                f"{100 * max(known, key=abs):+.0f} %" if known else "",
                f"{100 * max(slopes, key=abs):+.0f} %" if slopes else "",
                "; ".join(dict.fromkeys(word for row in of for word in row["wrong"]))[:160],
            ]
        )
    header = ["instrument", *_VERDICTS, "recommended", "model right", "level within 5 %"]
    header += ["largest error", "slope", "wrong"]
    right = sum(row["verdict"] == "right" for row in rows)
    certain = sum(row["verdict"] != "right" and row["certain"] for row in rows)
    models = sum(row["model_is_right"] for row in rows)
    return (
        f"{markdown_table(header, body)}\nRight in {right} of {len(rows)} draws; of the {len(rows) - right} others"
        f" {certain} were certain. The model was right in {models}.\n"
    )


def strengths_table(rows: list[Row]) -> str:
    """Detection against strength."""
    body = []
    for key in dict.fromkeys((row["instrument"], row["finding"], row["parameter"]) for row in rows):
        of = [row for row in rows if (row["instrument"], row["finding"], row["parameter"]) == key]
        cells = [
            f"{row['amount']:g}: " + ("not told" if row["seen"] is None else f"{row['seen']}/{row['of']}") for row in of
        ]
        body.append([*key, *cells])
    return markdown_table(["instrument", "finding", "amount of", "absent", "", "", "", "strong"], body)


def alarms_table(rows: list[Row]) -> str:
    """How often each finding was seen where there is none of it."""
    looked_at = [row for row in rows if "seen" in row]
    body = []
    for name in dict.fromkeys([*FINDINGS, *(name for row in looked_at for name in row["seen"])]):
        told_of = [row for row in looked_at if name not in row["not told"]]
        body.append([name, _share(sum(name in row["seen"] for row in told_of), len(told_of))])
    clean = [row for row in rows if "noise" in row and PLAIN[row["kind"]].holds.little_noise]
    body.append(["noise, of clean sets", _share(sum(row["noise"] for row in clean), len(clean))])
    return markdown_table(["false alarm of", "sets"], body)


def _share(count: int, of: int) -> str:
    return f"{count}/{of} ({100 * count / of:.1f} %)" if of else "not told"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3, help="of each instrument")
    parser.add_argument("--seed", type=int, help="repeats a run")
    parser.add_argument("--only", action="append", choices=list(INSTRUMENTS), help="may be given several times")
    parser.add_argument("--strengths", action="store_true", help="also each finding from absent to strong")
    parser.add_argument("--false-alarms", type=int, default=0, help="clean or white sets")
    parser.add_argument("--first", type=int, default=0, help="number of the first of these sets")
    parser.add_argument("--data-root", type=Path, help="CIFAR-10")
    parser.add_argument("--folder", type=Path, help="keeps the files")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    photographs = None if options.data_root is None else CIFAR10(options.data_root).images()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)) / f"seed-{seed}"
        if folder.exists():
            parser.error(f"--folder: {folder} is there already; give another seed or folder")
        document, text = run(options, seed, photographs, folder)
    print(text)
    if options.json:
        write_json(document, options.json, overwrite=True)
    if options.markdown:
        with writing(options.markdown) as part:
            part.write_text(text, encoding="utf-8")


def run(options: argparse.Namespace, seed: int, photographs: Photographs, folder: Path) -> tuple[Row, str]:
    """All that was asked for: the document, and its tables."""
    names = options.only or list(INSTRUMENTS)
    draws = [_shown(judged(n, seed, i, photographs, folder)) for n in names for i in range(options.draws)]
    document: Row = {"seed": seed, "draws": draws}
    tables = [f"Seed {seed}.\n", summary(draws)] if draws else [f"Seed {seed}.\n"]
    if options.strengths:
        times = max(options.draws, 1)
        document["strengths"] = [r for name in names for r in strengths(name, seed, times, photographs, folder)]
        tables.append(strengths_table(document["strengths"]))
    if options.false_alarms:
        numbers = range(options.first, options.first + options.false_alarms)
        fresh = list(false_alarms(numbers, seed, photographs, folder))
        document["false alarms"] = _with_kept(fresh, seed, options.json)
        tables.append(alarms_table(document["false alarms"]))
    return document, "\n".join(tables)


def _with_kept(fresh: list[Row], seed: int, path: Path | None) -> list[Row]:
    """The sets that were just looked at among those of the same seed that a results file has."""
    earlier = read_json(path) if path and path.exists() else {}
    kept = earlier.get("false alarms", []) if earlier.get("seed") == seed else []
    rows = {row["set"]: row for row in kept + fresh}
    return [rows[number] for number in sorted(rows)]


def _shown(row: Row) -> Row:
    print(f"{row['instrument']} {row['draw']}: {row['verdict']}", "; ".join(row["wrong"]), flush=True)
    return row


if __name__ == "__main__":
    main()
