"""A process that has loaded everything, and runs each command line in a fork of itself: many cases a minute.

Reads cases as JSON lines (arguments, folder, environment, seconds, bytes) and answers each with its outcome. A case
that does not end in its time is asked to with SIGTERM, and killed where it does not obey.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

import nrgan

_GRACE = 20
"""Seconds in which a request to stop is to be obeyed."""


def load_everything() -> None:
    """Imports all of the program, so that a case costs a fork and its own work."""
    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(nrgan.__path__, "nrgan."):
        if not module.name.endswith(("__main__", ".start")):
            importlib.import_module(module.name)


def _child(case: dict[str, Any], out: Path, err: Path) -> None:
    os.setsid()
    os.chdir(case["folder"])
    os.environ.update(case["environment"])
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (case["bytes"], case["bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from nrgan.cli import main

    main(case["arguments"])


def run(case: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """The outcome of a case: how it ended, what it said, how long it took and how much memory."""
    out, err = scratch / "out", scratch / "err"
    begun = time.monotonic()
    child = os.fork()
    if not child:
        code = 1
        try:
            _child(case, out, err)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = 120
        os._exit(code)
    asked = False
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        passed = time.monotonic() - begun
        if passed > case["seconds"] and not asked:
            os.kill(child, signal.SIGTERM)
            asked = True
        if passed > case["seconds"] + _GRACE:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    with suppress(ProcessLookupError):  # whatever it has left running
        os.killpg(child, signal.SIGKILL)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "asked_to_stop": asked,
        "seconds": time.monotonic() - begun,
        "peak": 1024 * usage.ru_maxrss,
        "out": out.read_text(errors="backslashreplace")[:20_000] if out.exists() else "",
        "err": err.read_text(errors="backslashreplace")[:20_000] if err.exists() else "",
    }


def main() -> None:
    load_everything()
    scratch = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), scratch)), file=answers, flush=True)


if __name__ == "__main__":
    main()
