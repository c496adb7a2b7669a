"""A page that is served, a browser to see it with, and files of visitors."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nrgan.data import Shapes


@pytest.fixture(scope="session")
def visitors_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noisy picture in colour, a noisy stack of 16 bits, and what is neither."""
    folder = tmp_path_factory.mktemp("visitor")
    rng = np.random.default_rng(0)
    scene = np.kron(Shapes(32).draw(range(1))[0], np.ones((6, 6, 1)))
    noisy = np.clip(scene + rng.normal(0, 25, scene.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(folder / "scene.png")
    stack = (1000 + 80 * scene[None, ..., 1] + rng.normal(0, 900, (3, *scene.shape[:2]))).clip(0, 65535)
    tifffile.imwrite(folder / "stack.tif", stack.astype(np.uint16), imagej=True, metadata={"axes": "TYX"})
    (folder / "words.png").write_text("no image at all")
    Image.fromarray(np.zeros((20_000, 20_000), np.uint8)).save(folder / "bomb.png")
    return folder


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The built-in page and its temporary folder, served by a process of its own; nothing is left when it has ended."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("served")
    (folder / "here").mkdir()
    (folder / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(folder / "tmp"), "NRGAN_CACHE": str(folder / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-m", "nrgan", "open", "--no-browser", "--device", "cpu"],
        stdout=subprocess.PIPE,
        stderr=(folder / "errors").open("w"),
        text=True,
        cwd=folder / "here",
        env=environment,
    )
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    assert found, (folder / "errors").read_text()
    yield found[0], folder / "tmp"
    process.terminate()
    assert process.wait() == 128 + signal.SIGTERM
    assert not list((folder / "here").iterdir()), "nothing is written where the command is started"
    left = [path.name for path in (folder / "tmp").iterdir() if not path.name.startswith("torchinductor_")]
    assert not left, "nothing of any visitor is left"
    assert (folder / "errors").read_text() == ""


@pytest.fixture(scope="session")
def page_url(served: tuple[str, Path]) -> str:
    return served[0]
