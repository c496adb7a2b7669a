"""What torchrun says, in the environment, to the processes that it starts. Free of torch."""

from __future__ import annotations

import os

LAUNCHER, CHOOSE = "NRGAN_LAUNCHER", "NRGAN_RANKS"
"""Environment variables: who has started the ranks, and whether they are to choose how many of them train."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def launched() -> bool:
    """Whether torchrun has started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def number() -> int:
    """Which of the processes this is; 0 outside of torchrun."""
    return int(os.environ.get("RANK", "0")) if launched() else 0


def number_on_machine() -> int:
    """Which of those on this machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def count_on_machine() -> int | None:
    """How many are on this machine; None where nobody says it."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if "LOCAL_WORLD_SIZE" in os.environ else None


def launch() -> str | None:
    """What tells this launch from others, the same when its processes are started again; None outside of torchrun."""
    return f"{os.environ['TORCHELASTIC_RUN_ID']}-{os.getppid()}" if launched() else None


def attempt() -> int:
    """How often the processes were started once more, after one of them had failed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) if launched() else 0
