"""A study's children end with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PATIENCE

PARENT = """
import sys, time
from nrgan.children import Child
with open(sys.argv[1], "w") as log:
    child = Child([sys.executable, "-c", sys.argv[2]], log)
    print(child.process.pid, flush=True)
    time.sleep(600)
"""
CHILD = """
import signal, sys, time
from nrgan.children import end_with_parent
def stop(number, frame):
    print("asked to stop", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
end_with_parent()
print("works", flush=True)
time.sleep(600)
"""


def _wait_for(log: Path, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while words not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert words in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_is_asked_to_stop_when_its_parent_has_gone(tmp_path: Path, number: int) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", PARENT, str(log), CHILD]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    _wait_for(log, "works")
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    _wait_for(log, "asked to stop")
    with pytest.raises(ProcessLookupError):
        for _ in range(500):
            os.kill(child, 0)
            time.sleep(0.02)


def test_a_process_without_such_a_parent_is_left_alone() -> None:
    code = "from nrgan.children import end_with_parent as end; end(); import threading; print(threading.active_count())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
