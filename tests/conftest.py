"""What all tests share: where the project's shared material lies, where it is there, and data to train on."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import os
import pickle
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nrgan.cli import main

SHARED = Path(__file__).resolve().parents[2] / "shared"
ABSENT = "the shared material (golden vectors, CIFAR-10) is not beside the checkout"


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    torch.set_num_threads(1)


def find_chromium() -> str | None:
    """The browser that $NRGAN_CHROMIUM names, or Debian's, or Google's."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("NRGAN_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real one, without a screen; one for all tests of a process, for playwright takes no second."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra dev)")
    path = find_chromium()
    if path is None:
        pytest.skip("there is no chromium here; on Debian: apt install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the tests goes to the user's cache; noisy sets are shared within a test process."""
    monkeypatch.setenv("NRGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(ABSENT)
    return SHARED


@pytest.fixture(scope="session")
def cifar10_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real CIFAR-10 in its usual folder."""
    unpack = SHARED / "data" / "cifar10" / "unpack.py"
    if not unpack.is_file():
        pytest.skip(ABSENT)
    root = tmp_path_factory.mktemp("cifar10")
    subprocess.run([sys.executable, str(unpack), str(root)], check=True, capture_output=True)
    return root


@pytest.fixture(scope="session")
def stand_in_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like CIFAR-10's, of random bytes: 50,000 training images."""
    root = tmp_path_factory.mktemp("stand-in")
    write_stand_in(root)
    return root


def write_stand_in(root: Path) -> None:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.RandomState(0)
    for i in range(1, 6):
        data = rng.randint(0, 256, (10_000, 3072), dtype=np.uint8)
        batch = {b"data": data, b"labels": [int(label) for label in rng.randint(0, 10, 10_000)]}
        with (folder / f"data_batch_{i}").open("wb") as file:
            pickle.dump(batch, file, protocol=3)


TINY = {
    "image_size": 16,
    "channels": 4,
    "latent_size": 4,
    "batch_size": 4,
    "iterations": 6,
    "log_interval": 2,
    "threads": 1,
    "device": "cpu",
}
"""Options of a run that takes moments."""


@pytest.fixture
def tiny() -> dict[str, object]:
    return dict(TINY)


class Hostile:
    """Pickles to a call of `os.system`."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


PATIENCE = 3000
"""Seconds that a test waits for another process at most: no verdict may depend on how fast the machine is."""


def modules_after(code: str) -> set[str]:
    """The names of all modules that are loaded once the code has run, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('MODULES', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split("MODULES ")[1].split())


def nrgan(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command line in this process: a new one takes seconds to load torch."""
    words = [str(argument) for argument in arguments]
    out, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
        pytest.raises(SystemExit) as stopped,
    ):
        patch.setenv("COLUMNS", "200")
        main(words)
    code = stopped.value.code
    return subprocess.CompletedProcess(words, code if isinstance(code, int) else 1, out.getvalue(), errors.getvalue())


def nrgan_process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "nrgan", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "200"} | environment,
        timeout=PATIENCE,
        check=False,
    )


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves folders to this machine; gives their URLs."""
    with contextlib.ExitStack() as stack:

        def start(folder: Path) -> str:
            class Handler(http.server.SimpleHTTPRequestHandler):
                def __init__(self, *arguments: Any) -> None:
                    super().__init__(*arguments, directory=str(folder))

                def log_message(self, *_: object) -> None:
                    pass

            served = stack.enter_context(socketserver.TCPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=served.serve_forever, daemon=True).start()
            stack.callback(served.shutdown)
            return f"http://127.0.0.1:{served.server_address[1]}"

        yield start
