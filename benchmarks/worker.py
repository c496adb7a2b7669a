"""Work in a process of its own, with memory as its own program would have it.

What glibc does with freed memory cannot be undone within a process, so variants that differ in it are timed in
processes of their own, which take turns: while one works, the others wait for a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType

import torch

from nrgan.bench.clock import Work, alternated
from nrgan.errors import UserError
from nrgan.training.device import keep_freed_memory


def in_turn(
    makes: Mapping[str, tuple[Callable[[], Work], bool]], rounds: int, device: torch.device
) -> dict[str, list[float]]:
    """Seconds per iteration of each: on a CPU in processes of their own, with freed memory kept or not."""
    if device.type == "cuda":
        return alternated({name: make() for name, (make, _) in makes.items()}, rounds, device)
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(make, keep)) for name, (make, keep) in makes.items()}
        return alternated(workers, rounds, device)


class Worker:
    """Calls `make()` once in a new process, and its result, a `Work`, at every call. A context manager.

    `make` must be picklable. With `keep_memory`, freed memory is kept as in training; else glibc does as it does.
    """

    def __init__(self, make: Callable[[], Work], keep_memory: bool) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, keep_memory, torch.get_num_threads()))
        self._process.start()
        theirs.close()
        self._receive()

    def __call__(self) -> int:
        self._pipe.send(None)
        return self._receive()

    def _receive(self) -> int:
        try:
            answer = self._pipe.recv()
        except EOFError as error:
            raise RuntimeError("the process of a benchmark ended early") from error
        if isinstance(answer, str):
            raise UserError(answer)
        return int(answer)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(timeout=10)
        self._process.terminate()


def _serve(pipe: Connection, make: Callable[[], Work], keep_memory: bool, threads: int) -> None:
    torch.set_num_threads(threads)
    if keep_memory:
        keep_freed_memory()
    try:
        work = make()
        pipe.send(0)
        while True:
            pipe.recv()
            pipe.send(work())
    except UserError as error:
        pipe.send(error.args[0])
    except EOFError:
        pass
