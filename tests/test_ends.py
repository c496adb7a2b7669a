"""How a command ends, whatever happens: one line, the right code, and a log for what is our own mistake."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import torch

from conftest import PATIENCE, nrgan, nrgan_process
from nrgan.cli.others import List
from nrgan.memory import is_out_of_memory


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected one of {train, diagnose"),
        (["fly"], "unrecognized options: fly; available subcommands: train, diagnose"),
        (["train", "shapes-ag25"], "missing from nrgan train: MODEL OUT; see nrgan train --help"),
        (["train", "shapes-ag25", "gan", "out", "--iterations", "x"], "--iterations: no whole number: 'x'"),
        (["train", "shapes-ag25", "gan", "out", "--iteration", "4"], "--iteration, 4"),
        (["train", "shapes-ag25", "gan", "out", "--batch-size"], "missing value for argument '--batch-size'"),
        (["generate", "run", "--iterations", "4"], "perhaps --decay-iterations, --iterations, --iterations-per-launch"),
        (["generate", "run", "--critic-steps", "4"], "--critic-steps is of nrgan train;"),
        (["evaluate", "run", "--against", "x"], "invalid choice 'x' for argument '--against'"),
        (["train", "shapes-ag25", "gan", ""], "an argument is empty"),
        (["diagnose", "~nobody-of-that-name/x"], "there is no user of that name"),
        (["generate", "a" * 300], "File name too long"),
        (
            ["train", "shapes-ag25", "gan", "out", "--threads", str(2**40)],
            "must be 1024 at most",
        ),
        (["train", "shapes-ag25", "gan", "out", "--log-interval", str(10**11)], "must be 1000000 at most"),
        (["train", "shapes-ag25", "gan", "out", "--latent-size", str(10**12)], "must be 65536 at most"),
        (["diagnose", "{a,b}" * 24], "its braces stand for more than 100,000 files"),
    ],
)
def test_mistakes_in_the_arguments_are_one_line(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = nrgan(*arguments)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr and not list(tmp_path.iterdir())


def raising(error: Exception) -> Callable[[List], int]:
    def run(verb: List) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(5, "Input/output error", "/mnt/scan.tif"), 2, "error: /mnt/scan.tif: Input/output error\n"),
        (OSError(28, "No space left on device", "/mnt/x"), 2, "error: /mnt/x: No space left on device\n"),
        (
            MemoryError(),
            2,
            "error: not enough memory (MemoryError); take fewer or smaller images, or",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), 2, "error: not enough memory (CUDA out of memory."),
        (
            KeyboardInterrupt(),
            130,
            "error: interrupted; a run goes on from its last checkpoint with --resume, "
            "files with the same command again\n",
        ),
    ],
)
def test_what_the_system_refuses_is_one_line(
    error: Exception, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(List, "run", raising(error))
    done = nrgan("list")
    assert done.returncode == code and done.stderr.startswith(words) and done.stderr.count("\n") == 1


def test_a_bug_is_said_as_one_and_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(List, "run", raising(ZeroDivisionError("nobody\nthought of it")))
    done = nrgan("list")
    found = re.fullmatch(
        r"error: this is a bug of nrgan \(ZeroDivisionError: nobody\); please report it, with (.*)\n", done.stderr
    )
    assert done.returncode == 70 and found is not None, done.stderr
    log = Path(found[1]).read_text()
    assert log.startswith("nrgan list\n") and "in raising" not in log and "ZeroDivisionError: nobody" in log


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(2**50),
        lambda: torch.empty(2**62, 2**62),
        lambda: bytearray(2**60),
    ],
)
def test_too_little_memory_is_known_as_that(make: Callable[[], object]) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        make()
    assert is_out_of_memory(raised.value) and not is_out_of_memory(RuntimeError("shapes differ"))


def test_a_closed_output_is_no_bug() -> None:
    command = f"{sys.executable} -m nrgan --version >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_names_that_the_terminal_cannot_show_are_shown_escaped(tmp_path: Path) -> None:
    done = nrgan_process("diagnose", tmp_path / "bilder-ü", PYTHONIOENCODING="ascii")
    assert done.returncode == 2 and r"bilder-\xfc: there is no such file" in done.stderr


@pytest.mark.slow
def test_ctrl_c_at_any_moment_is_one_line() -> None:
    """From the first line of the entry point on; before that there is only the interpreter."""
    ended = []
    for k in range(40):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; print('begun', flush=True); from nrgan.start import main; main()",
                "list",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        )
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        time.sleep(0.02 + 0.03 * k)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
        ended.append((process.returncode, said))
    assert {(0, ""), (130, "error: interrupted\n")} >= set(ended)
    assert (130, "error: interrupted\n") in ended


@pytest.mark.skipif(sys.platform != "linux", reason="there are no such addresses")
def test_threads_look_less_often_beside_another_command() -> None:
    name = uuid4().hex.encode()
    says = f"from nrgan.start import is_first; print(is_first({name!r}), flush=True); input()"

    def begin() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", says], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    (first, is_first), (beside, is_also) = begin(), begin()
    assert (is_first, is_also) == ("True", "False")
    first.kill()
    first.communicate()
    later, is_first = begin()
    assert is_first == "True"
    for process in (beside, later):
        process.communicate("\n")


@pytest.mark.parametrize(("given", "counts"), [({}, {"30000", "1000"}), ({"GOMP_SPINCOUNT": "7"}, {"7"})])
def test_how_often_threads_look_is_left_alone_where_it_is_said(given: dict[str, str], counts: set[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP", "OMP"))} | given
    says = [sys.executable, "-c", "import nrgan.start, os; print(os.environ['GOMP_SPINCOUNT'])"]
    said = subprocess.run(says, capture_output=True, text=True, check=True, env=environment).stdout
    assert said.strip() in counts
