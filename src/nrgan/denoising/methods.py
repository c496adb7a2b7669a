"""What a denoiser is trained on: one row a method, one network for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.denoising.config import REAL_SHARE
from nrgan.denoising.pairs import Network, Pair, joined
from nrgan.denoising.rules import RULES

_MASKED = 1 / 50
"""Share of the pixels that `n2v` hides at a time."""


@dataclass(frozen=True)
class Examples:
    """What one step may use. Images are unit range, (B, C, H, W); what is not there is None."""

    noisy: Tensor
    law: Fitted | None = None
    """Of the noise that `noisy` has."""
    rule: str = ""
    """A name of `RULES`."""
    clean: Tensor | None = None
    """What `noisy` was before; only where a benchmark knows it."""
    corrupted: Callable[[Tensor, torch.Generator], Tensor] | None = None
    """Clean images with the noise that was added to them, drawn afresh; for benchmarks too."""
    generated: Callable[[int, torch.Generator], tuple[Tensor, Tensor]] | None = None
    """So many clean images of a generator, and the same with noise, as the sensor stores them."""
    real_share: float = REAL_SHARE
    """Of the pairs of `mix`, what is re-noised."""


class Method(ABC):
    """A way to make pairs, and what it needs."""

    needs: ClassVar[tuple[str, ...]] = ()
    """The names of `Examples` that must be there."""
    for_users: ClassVar[bool] = True
    """Whether it needs nothing that only a benchmark has."""

    @abstractmethod
    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        """Of the examples; guess: the best denoiser so far."""


@dataclass(frozen=True)
class Renoise(Method):
    """The user's own noisy images, with more of their noise; see `rules`."""

    needs: ClassVar[tuple[str, ...]] = ("law",)

    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        assert examples.law is not None
        return RULES[examples.rule].pair(guess, examples.noisy, examples.law, rng)


@dataclass(frozen=True)
class Generated(Method):
    """f(x̃ + n) → x̃ for images x̃ of a generator and n of the noise that was learned along (GN2GC)."""

    needs: ClassVar[tuple[str, ...]] = ("generated",)

    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        assert examples.generated is not None
        clean, noisy = examples.generated(len(examples.noisy), rng)
        return Pair(noisy, clean)


@dataclass(frozen=True)
class Mixed(Method):
    """Generated pairs, and a share of real images by re-noising."""

    needs: ClassVar[tuple[str, ...]] = ("generated", "law")

    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        real = max(1, round(examples.real_share * len(examples.noisy)))
        assert examples.law is not None and examples.generated is not None
        of_real = RULES[examples.rule].pair(guess, examples.noisy[:real], examples.law, rng)
        clean, noisy = examples.generated(len(examples.noisy) - real, rng)
        return joined([Pair(noisy, clean), of_real])


@dataclass(frozen=True)
class Supervised(Method):
    """f(y) → x (N2C): the bound, where clean images are known."""

    needs: ClassVar[tuple[str, ...]] = ("clean", "corrupted")
    for_users: ClassVar[bool] = False

    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        assert examples.clean is not None and examples.corrupted is not None
        return Pair(examples.corrupted(examples.clean, rng), examples.clean)


@dataclass(frozen=True)
class Noise2Noise(Method):
    """f(y) → y′, another noisy image of the same scene (Lehtinen et al. 2018)."""

    needs: ClassVar[tuple[str, ...]] = ("clean", "corrupted")
    for_users: ClassVar[bool] = False

    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        assert examples.clean is not None and examples.corrupted is not None
        return Pair(*(examples.corrupted(examples.clean, rng) for _ in range(2)))


@dataclass(frozen=True)
class Noise2Void(Method):
    """f(y with some pixels replaced by neighbours) → y there (Krull et al. 2019): noise independent between pixels."""

    masked: float = _MASKED

    def pair(self, guess: Network, examples: Examples, rng: torch.Generator) -> Pair:
        y = examples.noisy
        hidden = torch.rand(y[:, :1].shape, generator=rng, device=y.device) < self.masked
        return Pair(_hiding(y, hidden, rng), y, weight=hidden)


def _hiding(y: Tensor, hidden: Tensor, rng: torch.Generator) -> Tensor:
    """y with each hidden pixel's value from another pixel of the 5x5 around it, reflected at the border."""
    b, _, h, w = y.shape
    around = torch.tensor([d for d in range(25) if d != 12], device=y.device)
    step = around[torch.randint(24, (b, 1, h, w), generator=rng, device=y.device)]
    rows = torch.arange(h, device=y.device).view(-1, 1) + step // 5 - 2
    columns = torch.arange(w, device=y.device) + step % 5 - 2
    rows, columns = _reflected(rows, h), _reflected(columns, w)
    taken = (rows * w + columns).flatten(2).expand(-1, y.shape[1], -1)
    return torch.where(hidden, y.flatten(2).gather(2, taken).view_as(y), y)


def _reflected(index: Tensor, length: int) -> Tensor:
    index = index.abs()
    return torch.where(index >= length, 2 * (length - 1) - index, index)


METHODS: dict[str, Method] = {
    "renoise": Renoise(),
    "gn2gc": Generated(),
    "mix": Mixed(),
    "n2v": Noise2Void(),
    "n2c": Supervised(),
    "n2n": Noise2Noise(),
}
"""By name."""
