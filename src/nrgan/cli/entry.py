"""The command line: verbs, each a thin layer over the Python API."""

from __future__ import annotations

import errno
import io
import logging
import os
import shlex
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from importlib.metadata import version
from typing import Annotated

import tyro

from nrgan import torchrun
from nrgan.cli.arguments import read
from nrgan.cli.bench import Bench
from nrgan.cli.denoise import Denoise, TrainDenoiser
from nrgan.cli.export import Export
from nrgan.cli.images import Diagnose, Generate
from nrgan.cli.measure import CheckNoise, Compare, Evaluate, Select
from nrgan.cli.open import Open
from nrgan.cli.others import Demo, ImportReference, List
from nrgan.cli.publish import Publish
from nrgan.cli.report import Report
from nrgan.cli.study import Reproduce
from nrgan.cli.train import Train
from nrgan.cli.upkeep import Completion, Doctor, Fetch
from nrgan.errors import NrganError, RankLost, UserError, first_line
from nrgan.memory import is_out_of_memory
from nrgan.training.config import dashed

Verb = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Diagnose, tyro.conf.subcommand("diagnose")]
    | Annotated[Denoise, tyro.conf.subcommand("denoise")]
    | Annotated[TrainDenoiser, tyro.conf.subcommand("train-denoiser")]
    | Annotated[Generate, tyro.conf.subcommand("generate")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Select, tyro.conf.subcommand("select")]
    | Annotated[CheckNoise, tyro.conf.subcommand("check-noise")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Report, tyro.conf.subcommand("report")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Publish, tyro.conf.subcommand("publish")]
    | Annotated[Open, tyro.conf.subcommand("open")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[ImportReference, tyro.conf.subcommand("import-reference")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
    | Annotated[Fetch, tyro.conf.subcommand("fetch")]
    | Annotated[Completion, tyro.conf.subcommand("completion")]
)

_TOGETHER = (Train, Evaluate, Generate)
"""What several processes do together, where torchrun starts them."""
BUG = 70
"""The exit code of a bug of ours, as sysexits.h has it."""


_LONGEST = 2000
"""Letters of a message that anybody would read."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits.

    0 done, 1 failed, 2 asked for what cannot be done, 70 a bug of ours, 128 + N on signal N.
    """
    before, threading.excepthook = threading.excepthook, _thread_failed
    given = sys.argv[1:] if arguments is None else arguments
    # our own words only: what libraries have to remark of a file is said in an error of ours
    logging.getLogger("nrgan").handlers = [logging.StreamHandler()]
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is shown escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(given)
        if sys.stdout is not None:  # it may be closed, as under some schedulers
            sys.stdout.flush()
    except NrganError as error:
        code = _fail(error.for_command_line(lambda field: _word(given[0], field)), error.exit_code)
    except BrokenPipeError:  # whoever read our output has gone, as in `nrgan list | head`
        _print_nowhere()
        code = 128 + signal.SIGPIPE
    except OSError as error:
        code = _fail(_refused(error))
    except KeyboardInterrupt:
        # a second Ctrl-C, while a training ends; the first ones are for `nrgan.start` and `nrgan.cli.stopping`
        said = "interrupted; a run goes on from its last checkpoint with --resume, files with the same command again"
        code = _fail(said, 128 + signal.SIGINT)
    except Exception as error:
        if is_out_of_memory(error):
            code = _fail(f"not enough memory ({first_line(error)}); take fewer or smaller images, or smaller batches")
        else:
            code = _bug(error, given)
    finally:
        threading.excepthook = before
    sys.exit(code)


def _run(given: list[str]) -> int:
    if given[:1] == ["--version"]:
        print(f"nrgan {version('nrgan')}")
        return 0
    if "" in given:
        raise UserError("an argument is empty; give a name, or leave it out")
    if torchrun.number():
        _print_nowhere()  # the first one says what there is to say
    verb: Verb = read(Verb, given)
    if torchrun.launched() and not isinstance(verb, _TOGETHER):
        from nrgan.ranks import here

        here()  # the first one to be refused says so, and ends the others: they have to meet for that
        raise UserError(
            f"{given[0]}: is for one process; of several, started by torchrun, are train, evaluate, generate"
        )
    if isinstance(verb, Train):
        verb.given = tuple(given)
    return verb.run()


def _refused(error: OSError) -> str:
    """What the system refused, where nobody has said it better."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    if error.errno == errno.ENOSPC:  # files that cannot be written say so themselves
        _print_nowhere()
        return "no space left for what is printed; free some, or print elsewhere"
    return error.strerror or str(error)


def _print_nowhere() -> None:
    """What is still to be flushed must not fail again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception, given: list[str]) -> int:
    """The last resort, for what nobody has thought of."""
    text = "".join(traceback.format_exception(error))
    versions = {name: version(name) for name in ("nrgan", "torch", "numpy")}
    said = f"{type(error).__name__}: {first_line(error)}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="nrgan-bug-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(f"nrgan {shlex.join(given)}\n{versions}\n\n{text}")
        return _fail(f"this is a bug of nrgan ({said}); please report it, with {file.name}", BUG)
    except OSError:
        return _fail(f"this is a bug of nrgan ({said}); please report it", BUG)


_WORDS = {"train": ("setting", "model", "out"), "train-denoiser": ("images", "out")}
"""What verbs take by its place."""


def _word(verb: str, field: str) -> str:
    """What a verb's command line calls a field: an option, or for what it takes by its place, a word."""
    if field in _WORDS.get(verb, ()):
        return field.upper()
    return dashed(field)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard writes in a thread; the full disk that stops it stops us too, with a message of our own."""
    of_tensorboard = failure.thread is not None and type(failure.thread).__module__.startswith("tensorboard.")
    if not (of_tensorboard and isinstance(failure.exc_value, OSError)):
        threading.__excepthook__(failure)


def _fail(message: str, code: int = 2) -> int:
    if len(message) > _LONGEST:  # somebody's value of thousands of letters
        message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
    if torchrun.launched():
        from nrgan.ranks import first_failure

        first, code = first_failure(code)
        # that a rank was killed is said by `nrgan.cli.launch`, which knows more of it
        if not first or (code == RankLost.exit_code and torchrun.LAUNCHER in os.environ):
            return code
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code
