"""Several processes of this machine for one command, by torch's own launcher."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from nrgan import torchrun
from nrgan.errors import NrganError, RankLost, UserError

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

AUTO = "auto"
_MOST = 16
"""Ranks of which `auto` chooses some."""


class RankFailed(NrganError):
    """One of the processes was ended from outside."""


@dataclass(frozen=True)
class Wanted:
    """How many processes to start."""

    count: int
    choose: bool = False
    """Whether they are to find out how many of them train."""


def wanted(ranks: str, device: str) -> Wanted:
    """What the values of two options ask for; raises `UserError` where there is no such number.

    auto: one rank for each GPU; of processors as many as turn out to be fastest.
    """
    if ranks == AUTO:
        import torch

        if device in ("auto", "cuda") and torch.cuda.is_available():
            return Wanted(torch.cuda.device_count())
        return Wanted(min(_MOST, torchrun.processors()), choose=True)
    if not ranks.isdecimal() or not 1 <= int(ranks) <= 1024:
        raise UserError(f"<ranks> {ranks}: give a whole number from 1 to 1024, or {AUTO}")
    return Wanted(int(ranks))


def launch(ranks: Wanted, arguments: Sequence[str]) -> int:
    """Runs `nrgan` with these arguments as so many ranks, and returns how it ended.

    Where one of them ends before its time, the others are ended within seconds. Raises `RankFailed` where one was
    killed.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # the ranks say themselves what there is to say
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, torchrun.processors() // ranks.count)))
    os.environ[torchrun.LAUNCHER] = "nrgan"
    if ranks.choose:
        os.environ[torchrun.CHOOSE] = AUTO
    with tempfile.TemporaryDirectory(prefix="nrgan-ranks-", ignore_cleanup_errors=True) as logs:  # torch's would stay
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=ranks.count,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            elastic_launch(config, sys.executable)("-m", "nrgan", *arguments)
        except SignalException as error:
            stopped = error
        except ChildFailedError as failed:
            return _ended(failed.failures, ranks.count)
        else:
            return 0
    return _end_at_once(128 + stopped.sigval)


def _end_at_once(code: int) -> NoReturn:
    """Ends this process, which has nothing left to do.

    After a signal torch leaves its rendezvous open, and a thread that tells other machines that this one lives. Where
    it waits for an answer while the interpreter ends, it is ended amid C++, which aborts the process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


_FOLLOWED = (RankLost.exit_code, -signal.SIGTERM)
"""How ranks end that miss another one, or are ended as another has failed."""


def _ended(failures: Mapping[int, ProcessFailure], count: int) -> int:
    """The exit code of the rank that failed first; it has said why, unless it was killed."""
    causes = {number: failure for number, failure in failures.items() if failure.exitcode not in _FOLLOWED} or failures
    number, failure = min(causes.items(), key=lambda item: item[1].timestamp)
    if failure.exitcode >= 0:
        return int(failure.exitcode)
    name = signal.Signals(-failure.exitcode).name
    raise RankFailed(
        f"rank {number} of {count} was ended by {name}; the others have stopped too. The run goes on from its last "
        "checkpoint with <resume>"
    )
