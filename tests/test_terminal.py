"""What is printed fits where it is printed: narrow terminals, none at all, and those that want no colour."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import TINY, nrgan

COLOUR = re.compile(r"\x1b\[[\d;]*(3[0-7]|9[0-7]|38|4[0-7])[\d;]*m")
CONTROL = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
TRAIN = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


def on_terminal(columns: int, *arguments: object, **environment: str) -> str:
    """What the command writes to a terminal of that width."""
    if sys.platform == "win32":
        pytest.skip("there are no such terminals here")
    import fcntl
    import pty
    import termios

    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    words = [sys.executable, "-m", "nrgan", *map(str, arguments)]
    environment = kept | {"TERM": "xterm-256color"} | environment
    process = subprocess.Popen(words, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    said = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait() == 0, said
    return said.decode()


def lines_of(said: str) -> list[str]:
    return re.split(r"[\r\n]+", CONTROL.sub("", said))


@pytest.mark.parametrize("verb", ["list", "doctor"])
def test_tables_fit_a_narrow_terminal_and_lose_nothing(verb: str) -> None:
    lines = [line for line in lines_of(on_terminal(40, verb)) if "│" in line or "┃" in line]
    assert lines and max(map(len, lines)) <= 40
    assert "".join(lines).count("…") == nrgan(verb).stdout.count("…"), "no word is cut off"


def test_help_fits_a_narrow_terminal() -> None:
    lines = [line for line in lines_of(on_terminal(40, "train", "--help")) if line.startswith("│")]
    assert lines and max(map(len, lines)) <= 40


def test_colours_are_there_unless_they_are_not_wanted() -> None:
    assert COLOUR.search(on_terminal(80, "generate", "--help"))
    assert not COLOUR.search(on_terminal(80, "generate", "--help", NO_COLOR="1"))
    assert not CONTROL.search(on_terminal(80, "generate", "--help", TERM="dumb"))


def test_a_narrow_terminal_sees_how_far_a_training_is(tmp_path: Path) -> None:
    words = ("train", "shapes-ag25", "gan", tmp_path / "run", *TRAIN)
    bars = [line for line in lines_of(on_terminal(40, *words)) if re.match(r"training +6/6 ", line)]
    assert bars and max(map(len, bars)) <= 40


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(tmp_path: Path) -> None:
    said = on_terminal(80, "train", "shapes-ag25", "gan", tmp_path / "run", *TRAIN, TERM="dumb")
    assert "iteration 6/6" in said and not CONTROL.search(said)


def test_without_a_terminal_a_row_is_a_line_without_frames() -> None:
    environment = os.environ | {"COLUMNS": "40"}
    words = [sys.executable, "-m", "nrgan"]
    for verb in (["list"], ["doctor"], ["fetch", "--help"]):
        said = subprocess.run([*words, *verb], capture_output=True, text=True, check=True, env=environment).stdout
        assert not re.search("[\x1b─-╿]", said)
    said = subprocess.run([*words, "list"], capture_output=True, text=True, check=True, env=environment).stdout
    (row,) = (line for line in said.splitlines() if line.split()[:1] == ["cifar10abg25k5"])
    assert row.split() == ["cifar10abg25k5", "H", "AdditiveBrownGaussian(level=25,", "kernel_size=5)"]
