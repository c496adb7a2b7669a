"""The runs of a table on a cluster of Ray: each is the command for that run, in an actor with its share of a device.

Ray finds a place for it, and starts it again, elsewhere if need be, where its worker is lost: the run goes on from its
folder. An actor is named after its run, and of a name Ray lets one live at a time: two commands for one table do not
train a run twice at once. It ends with the command that asked for it, and so does the run, which saves itself.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nrgan.errors import UserError, first_line
from nrgan.layout import expanded
from nrgan.plugins import carried
from nrgan.reading import read_text
from nrgan.storage import disk_errors
from nrgan.studies.grid import ready_made
from nrgan.studies.launcher import Stopped, Trained, Watcher
from nrgan.studies.store import Store, is_result
from nrgan.studies.trained import iterations_of
from nrgan.studies.worker import Task, Worker
from nrgan.training.config import TrainConfig

_NAMESPACE = "nrgan"
_LOSSES = 20
"""Workers that a run may lose before it counts as failed; it goes on from its last checkpoint each time."""
_LOOKS, _TRIES = 2.0, 5.0
"""Seconds between two looks at how far runs are, and between two tries for a run that another command has."""
_ANSWER, _PATIENCE = 5.0, 120.0
"""Seconds in which a run that has a place hears that it is to stop, and that it then has to save itself."""
_SMALL = 32
"""Pixels: a step of such images does not fill a GPU."""


@contextmanager
def cluster(address: str | None = None) -> Iterator[None]:
    """The connection to a cluster: of an address, or else $RAY_ADDRESS, or else one of this machine that ends with it.

    The rows of installed packages go along. Raises `UserError` where there is no Ray, or none at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError("runs on a cluster need Ray: pip install 'nrgan[ray]'; without it, leave out <on>") from error
    if ray.is_initialized():  # by whoever calls
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    _check_there(address or os.environ.get("RAY_ADDRESS", ""))
    with tempfile.TemporaryDirectory(prefix="nrgan-") as folder:
        packages = [str(path) for path in carried(Path(folder))]
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            ray.init(
                address,
                runtime_env={"py_modules": packages} if packages else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=False,
            )
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            there = f"<address> {address}" if address else "Ray"
            raise UserError(f"{there}: cannot be used ({first_line(error)}); is `ray start --head` running?") from error
    for number, handler in before.items():  # with those of Ray the process would end at once
        signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check_there(address: str) -> None:
    """Raises `UserError` where nobody listens, for which Ray itself looks for minutes, and ends the process then."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():  # auto, local
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"<address> {address}: cannot be reached ({first_line(error)}); is `ray start --head` running there?"
        ) from error


@dataclass(frozen=True)
class OnRay:
    """Trains and measures runs on the cluster that is connected (`cluster`).

    share: of a GPU for each run, where there are GPUs: as much as it needs, if None. store: where runs are kept, for
    machines that do not share `out`, to which the results come. Else as in `reproduce`.
    """

    grid: str
    out: Path
    device: str = "auto"
    data_root: Path | None = None
    cache: Path | None = None
    share: float | None = None
    store: Store | None = None

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share <= 1:
            raise UserError(f"<share> {self.share:g}: of a GPU, for each run: above 0, and 1 at most")

    def __call__(
        self, configs: Sequence[TrainConfig], watcher: Watcher, trained: Trained, stopped: Stopped
    ) -> dict[Path, str]:
        """As `train_all`; at a stop the runs save themselves."""
        with disk_errors(self.out):
            self.out.mkdir(parents=True, exist_ok=True)  # by which workers see that they share it
        if self.store is not None:
            self.store.check()
        text = None if self.grid in ready_made() else read_text(Path(self.grid))
        waiting, running = list(configs), _Running(watcher, self.store)
        next_try = 0.0
        try:
            while (waiting or running.actors) and not stopped():
                if time.monotonic() >= next_try:
                    next_try = time.monotonic() + _TRIES
                    for config in list(waiting):
                        if trained(config):  # by another command meanwhile
                            watcher.ended(config.out, None)
                        elif not running.begin(config, self._task(config, text), self._gpus(config)):
                            continue
                        waiting.remove(config)
                running.look(_LOOKS)
        finally:
            running.stop()
        return running.failures

    def _task(self, config: TrainConfig, text: str | None) -> Task:
        data_root, cache = (None if place is None else expanded(place) for place in (self.data_root, self.cache))
        store = None if self.store is None else self.store.url
        return Task(expanded(config.out), self.grid, text, self.device, data_root, cache, Path.cwd(), store)

    def _gpus(self, config: TrainConfig) -> float:
        import ray

        if self.device == "cpu" or not ray.cluster_resources().get("GPU"):  # type: ignore[no-untyped-call]
            return 0
        if self.share is not None:
            return self.share
        return 0.25 if config.resolved_size <= _SMALL else 1


@dataclass
class _Running:
    """The runs that the cluster has of us."""

    watcher: Watcher
    store: Store | None
    actors: dict[Any, tuple[TrainConfig, Any]] = field(default_factory=dict)
    """By what each will bring."""
    asked: dict[Any, TrainConfig] = field(default_factory=dict)
    """How far they are, by what will bring the answer."""
    failures: dict[Path, str] = field(default_factory=dict)

    def begin(self, config: TrainConfig, task: Task, gpus: float) -> bool:
        """Hands a run to the cluster; False where another command has it."""
        import ray

        try:
            actor = (
                ray.remote(Worker)
                .options(
                    name=task.name,
                    namespace=_NAMESPACE,
                    num_cpus=1,
                    num_gpus=gpus,
                    max_restarts=_LOSSES,
                    max_task_retries=-1,  # also those until a lost machine is missed, which would soon be used up
                    max_concurrency=3,  # `run`, `reached`, `stop`
                )
                .remote(task)
            )
        except ValueError as error:
            if "name" not in str(error):
                raise
            return False
        self.actors[actor.run.remote()] = (config, actor)  # type: ignore[attr-defined]
        return True

    def look(self, seconds: float) -> None:
        """Takes what has ended, and tells how far the others are."""
        import ray

        if not self.actors:
            time.sleep(seconds)
            return
        ended, _ = ray.wait(list(self.actors), num_returns=len(self.actors), timeout=seconds)
        for reference in ended:
            config, actor = self.actors.pop(reference)
            try:
                why = ray.get(reference)
            except ray.exceptions.RayError as error:
                why = f"its workers were lost, or could not be started: {first_line(error)}"
            ray.kill(actor)  # its name is free
            if why is None and self.store is not None:
                try:
                    self.store.fetch(config.out.parent, config.out.name, is_result)
                except UserError as error:
                    why = f"is done, and in the store, but could not be fetched: {error}"
            if why is not None:
                self.failures[config.out] = why
            self.watcher.ended(config.out, why)
        self._tell()

    def _tell(self) -> None:
        """How far they are, as far as they have said it, and asks anew."""
        import ray

        if self.asked:
            said, _ = ray.wait(list(self.asked), num_returns=len(self.asked), timeout=0)
            for reference in said:
                config = self.asked.pop(reference)
                with suppress(ray.exceptions.RayError):  # its worker is lost
                    self.watcher.reached(config.out, ray.get(reference), iterations_of(config))
        awaited = {config.out for config in self.asked.values()}
        for config, actor in self.actors.values():
            if config.out not in awaited:
                self.asked[actor.reached.remote()] = config

    def stop(self) -> None:
        """All save themselves, and end."""
        import ray

        asked = {actor.stop.remote(): reference for reference, (_, actor) in self.actors.items()}
        with suppress(ray.exceptions.RayError):
            heard, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER)  # others have no place yet
            begun = [asked[reference] for reference in heard]
            ray.wait(begun, num_returns=len(begun), timeout=_PATIENCE)
        for _, actor in self.actors.values():
            ray.kill(actor)
        self.actors.clear()
