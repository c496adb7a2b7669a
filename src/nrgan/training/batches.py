"""The order in which training sees its images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nrgan.draws import Draws
from nrgan.images import dequantise


@dataclass
class Place:
    """A place in an endless series of shuffled epochs; the order of an epoch depends on (seed, epoch) alone."""

    seed: int
    epoch: int = 0
    position: int = 0


class Batches:
    """Batches of a noisy set, (N, C, H, W) unit range: shuffled epochs, the last partial batch dropped, endless.

    On a GPU the whole set lies in the device's memory; on a CPU it may be memory-mapped. `place` moves on with every
    batch, so that whoever saved it can go on from there.
    """

    def __init__(self, images: npt.NDArray[np.float32], batch_size: int, place: Place, device: torch.device) -> None:
        if batch_size > len(images):
            raise ValueError(f"a batch of {batch_size} from {len(images)} images")
        self.images = torch.from_numpy(images).to(device)
        self.batch_size = batch_size
        self.place = place
        self._order_of_epoch: tuple[int, Tensor] | None = None

    def _order(self) -> Tensor:
        if self._order_of_epoch is None or self._order_of_epoch[0] != self.place.epoch:
            shuffled = np.random.Generator(np.random.Philox(key=[self.place.seed, self.place.epoch]))
            order = torch.from_numpy(shuffled.permutation(len(self.images))).to(self.images.device)
            self._order_of_epoch = (self.place.epoch, order)
        return self._order_of_epoch[1]

    def rows(self, count: int) -> Tensor:
        """The places in the set of the next `count` batches, (count, B) int64 on the device; moves `place` on."""
        place, parts = self.place, []
        while count:
            left = (len(self.images) - place.position) // self.batch_size
            if not left:
                place.epoch, place.position = place.epoch + 1, 0
                continue
            n = min(count, left)
            end = place.position + n * self.batch_size
            parts.append(self._order()[place.position : end].view(n, self.batch_size))
            place.position, count = end, count - n
        return torch.cat(parts)

    def take(self, rows: Tensor, draws: Draws) -> Tensor:
        """The images of these places, (B, C, H, W), dequantised to signed range with `draws`; not yet clamped."""
        x = self.images[rows]
        return dequantise(x, draws.uniform("dequantisation", tuple(x.shape)))
