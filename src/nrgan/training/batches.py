"""The order in which training sees its images, and the images: resident on the device, or streamed to it."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from nrgan.data import TrainingData
from nrgan.draws import Draws
from nrgan.errors import UserError
from nrgan.limits import Levels
from nrgan.ranges import STORED_LEVELS, dequantise, levels_on, signed_from_unit

_ALL = slice(None)
_PREFETCHED = 4
"""Batches that each worker process holds ready."""


_Prepared = tuple[Tensor, Tensor] | str
"""The places of a batch and its images, or what went wrong."""


@dataclass
class EpochPosition:
    """A place in an endless series of shuffled epochs; the order of an epoch depends on (seed, epoch) alone."""

    seed: int
    epoch: int = 0
    position: int = 0


class Order:
    """The places of the images of successive batches: shuffled epochs, the last partial batch dropped, endless."""

    def __init__(self, count: int, batch_size: int, place: EpochPosition) -> None:
        if batch_size > count:
            raise ValueError(f"a batch of {batch_size} from {count} images")
        self.count, self.batch_size, self.place = count, batch_size, place
        self._before = copy(place)
        self._of_epoch: tuple[int, npt.NDArray[np.int64]] | None = None

    def _epoch(self) -> npt.NDArray[np.int64]:
        if self._of_epoch is None or self._of_epoch[0] != self.place.epoch:
            shuffled = np.random.Generator(np.random.Philox(key=[self.place.seed, self.place.epoch]))
            self._of_epoch = (self.place.epoch, shuffled.permutation(self.count))
        return self._of_epoch[1]

    def next(self, batches: int) -> npt.NDArray[np.int64]:
        """The places of the next so many batches, (batches, B); moves `place` on."""
        place, parts = self.place, []
        self._before = copy(place)
        while batches:
            left = (self.count - place.position) // self.batch_size
            if left < 1:
                place.epoch, place.position = place.epoch + 1, 0
                continue
            n = min(batches, left)
            end = place.position + n * self.batch_size
            parts.append(self._epoch()[place.position : end].reshape(n, self.batch_size))
            place.position, batches = end, batches - n
        return np.concatenate(parts)

    def back(self) -> None:
        """Puts `place` back to where it was before the last `next`."""
        self.place.epoch, self.place.position = self._before.epoch, self._before.position


class Batches(ABC):
    """Batches of real images in the order of `place`, which moves on with every batch and is what a checkpoint saves.

    levels: how many values the sensor tells apart, between which images are dequantised, or a number for each channel;
    None: not at all. own: the places in each batch that are this rank's; only those images are read.
    """

    resident: bool
    """Whether all images lie on the device, so that a captured graph can index them."""

    def __init__(
        self,
        count: int,
        batch_size: int,
        place: EpochPosition,
        device: torch.device,
        levels: Levels = STORED_LEVELS,
        own: slice = _ALL,
    ) -> None:
        self.order, self.own = Order(count, batch_size, place), own
        self.device = device
        self.levels = None if levels is None else levels_on(levels, device)

    @property
    def place(self) -> EpochPosition:
        """Where the series is."""
        return self.order.place

    def rows(self, count: int) -> Tensor:
        """The places in the set of this rank's share of the next `count` batches, (count, B') int64 on the device.

        Moves `place` on.
        """
        return torch.from_numpy(self._next(self.order, count)).to(self.device)

    def _next(self, order: Order, count: int) -> npt.NDArray[np.int64]:
        return np.ascontiguousarray(order.next(count)[:, self.own])

    def read(self, rows: Tensor) -> list[Tensor]:
        """The images of some batches, `rows` of (count, B') places, unit range; on failure `place` is as before `rows`.

        Raises `UserError` where an image cannot be read any more.
        """
        try:
            return [self.unit(of_batch) for of_batch in rows]
        except UserError:
            self.order.back()
            raise

    def take(self, rows: Tensor, draws: Draws) -> Tensor:
        """The images of these places, (B, C, H, W), signed range, dequantised with `draws`; not yet clamped."""
        return self.fed(self.unit(rows), draws)

    def fed(self, x: Tensor, draws: Draws) -> Tensor:
        """Images as training sees them, unit (B, C, H, W) → signed range, dequantised with `draws`; not yet clamped."""
        if self.levels is None:
            return signed_from_unit(x)
        return dequantise(x, draws.uniform("dequantisation", tuple(x.shape)), self.levels)

    @abstractmethod
    def unit(self, rows: Tensor) -> Tensor:
        """The images of these places, unit range."""

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Ends what was begun for them."""


class ResidentBatches(Batches):
    """From a set that lies on the device, (N, C, H, W) unit range; on a CPU it may be memory-mapped.

    verify: asked before the images of some places are first used; raises `UserError` (see `TrainingData.verify`).
    """

    resident = True

    def __init__(
        self,
        images: npt.NDArray[np.float32],
        batch_size: int,
        place: EpochPosition,
        device: torch.device,
        levels: Levels = STORED_LEVELS,
        verify: Callable[[npt.NDArray[np.int64]], None] = lambda rows: None,
        own: slice = _ALL,
    ) -> None:
        super().__init__(len(images), batch_size, place, device, levels, own)
        self._verify = verify
        if device.type != "cpu":
            verify(np.arange(len(images)))
        self.images = torch.from_numpy(images).to(device)

    def unit(self, rows: Tensor) -> Tensor:
        if rows.device.type == "cpu":
            self._verify(rows.numpy())
        return self.images[rows]


class StreamedBatches(Batches):
    """Read and prepared by worker processes, some batches ahead; memory holds only those.

    The same images in the same order as resident ones. `waited` counts the seconds that training waited for them.
    """

    resident = False

    def __init__(
        self,
        data: TrainingData,
        batch_size: int,
        place: EpochPosition,
        device: torch.device,
        workers: int,
        own: slice = _ALL,
    ) -> None:
        super().__init__(len(data), batch_size, place, device, data.levels, own)
        self.data, self.workers = data, workers
        self.waited = 0.0
        self._ahead: Iterator[_Prepared] | None = None

    def rows(self, count: int) -> Tensor:
        if self._ahead is None:
            # a series of its own from the same place on: the workers are ahead of training
            self._ahead = iter(self._loader(Order(len(self.data), self.order.batch_size, copy(self.place))))
        return torch.from_numpy(self._next(self.order, count))

    def unit(self, rows: Tensor) -> Tensor:
        assert self._ahead is not None, "rows come first"
        begun = time.monotonic()
        try:
            found = next(self._ahead)
        except RuntimeError as error:
            raise UserError(f"a process that reads images has died ({error}); take fewer <workers>") from error
        self.waited += time.monotonic() - begun
        if isinstance(found, str):
            raise UserError(found)
        prepared, images = found
        if not torch.equal(prepared, rows.cpu()):
            raise RuntimeError("batches are taken in their order, each once")
        return images.to(self.device, non_blocking=True)

    def _loader(self, order: Order) -> DataLoader[_Prepared]:
        return DataLoader(
            _Read(self.data),
            batch_size=None,
            sampler=_Endless(order, self.own),
            num_workers=self.workers,
            prefetch_factor=_PREFETCHED if self.workers else None,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_leave_signals,
        )

    def close(self) -> None:
        self._ahead = None  # ends the workers


class _Read(Dataset[_Prepared]):
    """Gives whole batches, by the places of their images."""

    def __init__(self, data: TrainingData) -> None:
        self.data = data

    def __getitem__(self, places: npt.NDArray[np.int64]) -> _Prepared:
        try:
            return torch.from_numpy(places), torch.from_numpy(self.data.noisy(places))
        except UserError as error:  # as a value: an exception would bring its whole traceback with it
            return str(error.args[0])


class _Endless(Sampler[npt.NDArray[np.int64]]):
    """The places of batch after batch, this rank's of each."""

    def __init__(self, order: Order, own: slice) -> None:
        self.order, self.own = order, own

    def __iter__(self) -> Iterator[npt.NDArray[np.int64]]:
        while True:
            yield self.order.next(1)[0, self.own]


def _leave_signals(worker: int) -> None:
    """Ctrl-C, and some systems' stop, reach every process; the training process alone decides what they mean."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
