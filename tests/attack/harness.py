"""Runs cases, and judges how they ended: no traceback, one line of error, nobody else's files touched, in bounds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS, LONG_SECONDS = 90, 4
"""Of a case that is to end by itself; of one that may work on, until it is asked to stop."""
ADDRESS_SPACE = 24 << 30
PEAK = 4 << 30
"""Bytes of memory that a case may really take: what is loaded, and twice the limit of one decode."""
LONG_WORK = frozenset({"train", "demo", "bench", "reproduce", "open"})
"""Verbs whose work may be hours, where it is asked for, or goes on until it is ended."""


@dataclass(frozen=True)
class Case:
    """One command line; `may_write`: what it may make or change, below its folder. The rest must stay as it is."""

    kind: str
    arguments: tuple[str, ...]
    folder: Path
    may_write: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @property
    def verb(self) -> str:
        return self.arguments[0] if self.arguments else ""


class Runner:
    """A zygote, asked case by case."""

    def __init__(self, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py")), str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"

    def run(self, case: Case) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        asked = {
            "arguments": list(case.arguments),
            "folder": str(case.folder),
            "environment": dict(case.environment),
            "seconds": LONG_SECONDS if case.kind == "options" and case.verb in LONG_WORK else SECONDS,
            "bytes": ADDRESS_SPACE,
        }
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        outcome: dict[str, Any] = json.loads(self.process.stdout.readline())
        return outcome

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def _without(found: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    """Without what has one of these names, or lies below one."""
    left_out = {Path(name) for name in names}
    return {name: what for name, what in found.items() if not left_out & {Path(name), *Path(name).parents}}


def surroundings(folder: Path) -> dict[str, str]:
    """All that lies below a folder, by name: what it is and what is in it."""
    found: dict[str, str] = {}
    pending = [folder]
    while pending:
        for entry in os.scandir(pending.pop()):
            name = os.path.relpath(entry.path, folder)
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(state.st_mode):
                found[name] = "folder"
                pending.append(Path(entry.path))
            elif stat.S_ISREG(state.st_mode):
                large = state.st_size > 1 << 24
                found[name] = (
                    f"file {state.st_size} "
                    f"{state.st_mtime_ns if large else hashlib.sha256(Path(entry.path).read_bytes()).hexdigest()}"
                )
            else:
                leads_to = Path(entry.path).readlink() if entry.is_symlink() else ""
                found[name] = f"{stat.S_IFMT(state.st_mode):o} {leads_to}"
    return found


_GOOD_CODES = {0, 1, 2}


def complaints(case: Case, outcome: dict[str, Any], before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is wrong with how a case ended; nothing where all is well."""
    wrong, code, said = [], outcome["code"], outcome["err"]
    stopped = outcome["asked_to_stop"] and code in (-15, 143)
    if code not in _GOOD_CODES and not 128 < code < 128 + 65 and not stopped:
        wrong.append(f"exit code {code}")
    if outcome["asked_to_stop"] and not (case.kind == "options" and case.verb in LONG_WORK):
        wrong.append(f"not done after {SECONDS} s")
    if "Traceback" in said or "Traceback" in outcome["out"]:
        wrong.append("a traceback")
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    if len(errors) > 1 or (code == 2 and len(errors) != 1):
        wrong.append(f"{len(errors)} lines of error")
    if code == 2 and not outcome["asked_to_stop"] and [line for line in said.splitlines() if line.strip()] != errors:
        wrong.append("words beside the line of error")
    if outcome["peak"] > PEAK:
        wrong.append(f"{outcome['peak'] / 1e9:.1f} GB of memory")
    for name in sorted(before.keys() | after.keys()):
        # a folder that the command names may get new files; what was there stays
        named = {part for word in case.arguments for part in Path(word).parts[:1]}
        is_new = name not in before and Path(name).parts[0] in named
        if before.get(name) != after.get(name) and not (is_new and code != 2):
            wrong.append(f"{name}: was {before.get(name)}, is {after.get(name)}")
    return wrong


def judge(runner: Runner, case: Case) -> list[str]:
    """Runs a case and says what is wrong with its end, with all that one needs to try it again."""
    everything = surroundings(case.folder)
    outcome = runner.run(case)
    # what was refused for an option has left nothing; what went wrong in a file may have been begun
    refused = outcome["code"] == 2 and case.kind == "options"
    before, after = (
        _without(found, () if refused else case.may_write) for found in (everything, surroundings(case.folder))
    )
    wrong = complaints(case, outcome, before, after)
    if not wrong:
        return []
    shown = re.sub(r"\s+\n", "\n", outcome["err"][-1500:])
    return [f"{case.kind} {case.description}: nrgan {case.arguments}", *wrong[:6], f"stderr: {shown}"]
