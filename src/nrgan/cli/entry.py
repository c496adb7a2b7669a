"""The command line: verbs, each a thin layer over the Python API."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
from importlib.metadata import version
from typing import Annotated

import tyro

from nrgan.cli.bench import Bench
from nrgan.cli.images import Diagnose, Generate
from nrgan.cli.measure import CheckNoise, Compare, Evaluate, Reproduce, Select
from nrgan.cli.others import Demo, ImportReference, List
from nrgan.cli.train import Train
from nrgan.errors import NrganError
from nrgan.training.config import dashed

Verb = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Diagnose, tyro.conf.subcommand("diagnose")]
    | Annotated[Generate, tyro.conf.subcommand("generate")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Select, tyro.conf.subcommand("select")]
    | Annotated[CheckNoise, tyro.conf.subcommand("check-noise")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[ImportReference, tyro.conf.subcommand("import-reference")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 failed, 2 asked for what cannot be done, 128 + N on signal N."""
    before, threading.excepthook = threading.excepthook, _thread_failed
    given = sys.argv[1:] if arguments is None else arguments
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if given[:1] == ["--version"]:
            print(f"nrgan {version('nrgan')}")
            sys.exit(0)
        verb: Verb = tyro.cli(
            Verb,
            prog="nrgan",
            description="Learn a clean image generator when only noisy images exist. (--version: which one this is.)",
            args=given,
            config=(tyro.conf.PositionalRequiredArgs, tyro.conf.CascadeSubcommandArgs),
        )
        code = verb.run()
    except NrganError as error:
        code = _fail(error.for_command_line(lambda field: _word(given[0], field)), error.exit_code)
    except BrokenPipeError:  # whoever read our output has gone, as in `nrgan list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        # what was printed went to a full disk; files that cannot be written say so themselves
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _fail("no space left for what is printed; free some, or print elsewhere")
    except KeyboardInterrupt:
        code = _fail("interrupted; a run goes on from its last checkpoint with --resume", 128 + signal.SIGINT)
    finally:
        threading.excepthook = before
    sys.exit(code)


def _word(verb: str, field: str) -> str:
    """What a verb's command line calls a field: an option, or for what `train` takes by its place, a word."""
    if verb == "train" and field in ("setting", "model", "out"):
        return field.upper()
    return dashed(field)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard writes in a thread; the full disk that stops it stops us too, with a message of our own."""
    of_tensorboard = failure.thread is not None and type(failure.thread).__module__.startswith("tensorboard.")
    if not (of_tensorboard and isinstance(failure.exc_value, OSError)):
        threading.__excepthook__(failure)


def _fail(message: str, code: int = 2) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
