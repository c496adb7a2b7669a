"""The processes that do one piece of work together, as torchrun starts them: which one this is, what they tell another.

Everything between them is `torch.distributed`: gloo between processors, NCCL between GPUs. Alone, nothing is asked.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from nrgan import torchrun
from nrgan.errors import RankLost, UserError

_T = TypeVar("_T")
_LONGEST = timedelta(hours=12)
"""That one may wait for another, which may be opening images. One that has died is missed at once."""


@dataclass(frozen=True)
class Ranks:
    """One of `count` processes that work together; the first one writes, and says what there is to say.

    Each is asked the same things in the same order. Raises `RankLost` where one of the others is not there any more.
    """

    number: int = 0
    count: int = 1
    group: dist.ProcessGroup | None = field(default=None, compare=False)
    """Of all, if None."""
    apart: bool = False
    """Whether it does its share without the others: a step that is only to be measured."""

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.number == 0

    @property
    def own(self) -> slice:
        """The places of a batch that are this rank's."""
        return slice(self.number, None, self.count)

    @property
    def _alone(self) -> bool:
        return self.count == 1 or self.apart

    @property
    def on_machine(self) -> int:
        """How many of them share this machine."""
        return min(self.count, torchrun.count_on_machine() or self.count)

    def summed(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sum over the ranks of each tensor, to the same bits on all; one flat buffer for each type."""
        if self._alone:
            return list(tensors)
        found = list(tensors)
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            places = [k for k, tensor in enumerate(tensors) if tensor.dtype == dtype]
            flat = torch.cat([tensors[k].reshape(-1) for k in places])
            with _together():
                dist.all_reduce(flat, group=self.group)
            for k, part in zip(places, torch.split(flat, [tensors[k].numel() for k in places]), strict=True):
                found[k] = part.view(tensors[k].shape)
        return found

    def highest(self, value: int) -> int:
        """The highest number that a rank brings."""
        if self._alone:
            return value
        highest = torch.tensor(value, dtype=torch.int64)
        with _together():
            dist.all_reduce(highest, dist.ReduceOp.MAX, self.group)
        return int(highest)

    def told(self, value: _T) -> _T:
        """What the first one brings, a plain value, on all."""
        if self._alone:
            return value
        values = [value]
        with _together():
            dist.broadcast_object_list(values, 0, self.group, torch.device("cpu"))
        return values[0]

    def shared(self, named: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of the first one, on all, in the processor's memory; the others' are not looked at."""
        if self._alone:
            return named
        kinds = self.told([(name, value.dtype, value.shape) for name, value in named.items()])
        found = {}
        for name, dtype, shape in kinds:
            value = named[name].detach().cpu().contiguous() if self.first else torch.empty(shape, dtype=dtype)
            with _together():
                dist.broadcast(value, 0, self.group)
            found[name] = value
        return found

    def gathered(self, own: Sequence[_T]) -> list[list[_T]]:
        """What each rank brings, in their order, on the first one; nothing on the others."""
        if self._alone:
            return [list(own)]
        there: list[Any] | None = [None] * self.count if self.first else None
        with _together():
            dist.gather_object(list(own), there, 0, self.group)
        return there or []

    def some(self, count: int) -> Ranks:
        """The first `count` of them; all are to ask."""
        return Ranks(self.number, count, dist.new_group(list(range(count))))

    def wait(self) -> None:
        """Until all have come here."""
        self.highest(0)

    def device(self, chosen: torch.device) -> torch.device:
        """Of the kind that was chosen, the one that is this rank's. Raises `UserError` for a certain GPU."""
        if self._alone or chosen.type != "cuda":
            return chosen
        if chosen.index is not None:
            raise UserError(f"<device> {chosen}: each of {self.count} ranks has a GPU of its own; give cuda")
        own = torch.device("cuda", torchrun.number_on_machine() % torch.cuda.device_count())
        torch.cuda.set_device(own)
        return own


ALONE = Ranks()
_chosen: Ranks | None = None
_store: Any = None
"""Of torchrun, where the ranks can leave words for one another, dead or alive."""


def here() -> Ranks:
    """The ranks that this process is one of: those of torchrun, or of a process group that is there; else `ALONE`.

    Connects the first time. Raises `RankLost` where the others cannot be reached.
    """
    global _store
    if not dist.is_available():
        return ALONE
    if not dist.is_initialized():
        if not torchrun.launched():
            return ALONE
        # other parts of torch load it, and its functions keep the group that there is then as a default, so that
        # `_leave` would not end it; loaded before there is one they keep none
        import_module("torch.distributed.nn.functional")
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        with _together():
            found, number, count = next(dist.rendezvous("env://", timeout=timedelta(minutes=5)))  # type: ignore[attr-defined]
            # what the ranks of an attempt that failed have left there is not for those of the next one
            _store = dist.PrefixStore(f"nrgan/{torchrun.attempt()}", found)  # type: ignore[attr-defined]
            dist.init_process_group(backend, store=_store, rank=number, world_size=count, timeout=_LONGEST)
        atexit.register(_leave)
    return _chosen or Ranks(dist.get_rank(), dist.get_world_size())


def choose(ranks: Ranks) -> None:
    """From now on these are the ranks that this process is one of."""
    global _chosen
    _chosen = ranks


def _leave() -> None:
    """Ends the connection to the others, and its threads.

    A thread of gloo that lets go of a tensor while the interpreter ends is ended by it, amid C++, which aborts the
    process. They are joined where nothing holds their group any more.
    """
    global _chosen
    _chosen = None
    if dist.is_initialized():
        dist.destroy_process_group()
        gc.collect()


def first_failure(code: int) -> tuple[bool, int]:
    """Whether this process is the first of the ranks to fail, which is to say why; and the exit code of the first one.

    The ranks that miss it end with its code, so that whoever started them sees the same whichever ends first.
    """
    number = torchrun.number()
    if _store is None:
        return number == 0, code
    try:
        first, _, of_first = _store.compare_set("failed", "", f"{number} {code}").decode().partition(" ")
    except RuntimeError:  # it has gone with the others
        return True, code
    return int(first) == number, int(of_first)


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise RankLost(
            "another process of this run has ended, or cannot be reached; all have stopped, and the run goes on from "
            "its last checkpoint with <resume>"
        ) from error
