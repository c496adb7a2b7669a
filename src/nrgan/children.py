"""Processes that end with the one that started them, however that one ends: a kill leaves no orphan that works on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from nrgan import torchrun

_PIPE = "NRGAN_PARENT_PIPE"
"""The environment variable with the handle of the pipe's end that a child watches."""


class Child:
    """A process in a session of its own, so that Ctrl-C reaches its parent alone, which passes it on."""

    def __init__(self, command: Sequence[str], output: IO[str], folder: Path | None = None) -> None:
        options: dict[str, Any] = {"stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True}
        options["cwd"] = folder
        if os.name != "posix":
            self.process = subprocess.Popen(command, **options)
            return
        reading, self._end = os.pipe()  # nothing is written: it closes when this process ends
        weakref.finalize(self, os.close, self._end)
        try:
            environment = os.environ | {_PIPE: str(reading)}
            self.process = subprocess.Popen(command, pass_fds=(reading,), env=environment, **options)
        finally:
            os.close(reading)

    def ended(self, seconds: float) -> int | None:
        """Its exit code, as Popen has it; None where it has not ended after so many seconds."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def end_with_parent() -> None:
    """In a `Child`, or a process of torchrun: from now on the end of its parent is a SIGTERM. Else nothing happens."""
    handle = os.environ.pop(_PIPE, None)
    if handle is None and not torchrun.launched():
        return
    parent = os.getppid()

    def watch() -> None:
        if handle is None:
            while os.getppid() == parent:  # torchrun has no pipe for us
                time.sleep(1)
        else:
            while os.read(int(handle), 1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
