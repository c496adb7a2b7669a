"""Random draws as an argument: every random number of a training step comes from a `Draws` object, by name.

Fresh draws come from a generator that the caller owns (its state is what a checkpoint saves); recorded draws replay
tensors exactly, which is how the step is compared with the reference implementation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor


class Draws(ABC):
    """Named random tensors, one call a draw. Names tell draws apart when they are recorded; they do not seed.

    A name is asked for once in an update. What is drawn is drawn for each image: shapes begin with the images.
    """

    @abstractmethod
    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Standard normal values of the shape."""

    @abstractmethod
    def uniform(self, name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        """Values uniform in [low, high) of the shape."""

    @abstractmethod
    def integers(self, name: str, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        """int64 values uniform in low..high-1 of the shape."""

    @abstractmethod
    def permutations(self, name: str, count: int, length: int) -> Tensor:
        """(count, length) int64: each row a uniform permutation of 0..length-1."""

    @abstractmethod
    def within(self, scope: str) -> Draws:
        """The same draws under `scope/`, for parts that use the same names."""


class FreshDraws(Draws):
    """Draws from a `torch.Generator` (None: torch's global one), made on its device in the given floating type."""

    def __init__(
        self,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.generator = generator
        self.device = torch.device(device or (generator.device if generator is not None else "cpu"))
        self.dtype = dtype

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device, dtype=self.dtype)

    def uniform(self, name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        u = torch.rand(shape, generator=self.generator, device=self.device, dtype=self.dtype)
        return u if (low, high) == (0.0, 1.0) else low + (high - low) * u

    def integers(self, name: str, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return torch.randint(low, high, shape, generator=self.generator, device=self.device)

    def permutations(self, name: str, count: int, length: int) -> Tensor:
        # sorting independent uniforms gives every order the same probability, without a loop over the batch
        keys = torch.rand((count, length), generator=self.generator, device=self.device)
        return keys.argsort(dim=1)

    def within(self, scope: str) -> FreshDraws:
        return self


class RecordedDraws(Draws):
    """Replays named tensors, for comparison with recorded runs. Any name is asked for once, with the recorded shape."""

    def __init__(self, tensors: Mapping[str, Tensor], scope: str = "") -> None:
        self.tensors = tensors
        self.scope = scope

    def _take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        key = self.scope + name
        if key not in self.tensors:
            raise KeyError(f"no recorded draw {key!r}; recorded are {sorted(self.tensors)}")
        value = self.tensors[key]
        if tuple(value.shape) != tuple(shape):
            raise ValueError(f"recorded draw {key!r} has shape {tuple(value.shape)}, asked for {tuple(shape)}")
        return value

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self._take(name, shape)

    def uniform(self, name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._take(name, shape)

    def integers(self, name: str, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return self._take(name, shape)

    def permutations(self, name: str, count: int, length: int) -> Tensor:
        return self._take(name, (count, length))

    def within(self, scope: str) -> RecordedDraws:
        return RecordedDraws(self.tensors, f"{self.scope}{scope}/")


@dataclass(frozen=True)
class Share:
    """Part p of a batch in K parts: the images p, p + K, p + 2K, … of it.

    in_pairs: of each half of the batch, so that image i and its partner B/2 further on are in the same part, half a
    part from one another. Raises `ValueError` where the part would have no image, or a batch in pairs is odd.
    """

    images: int
    """Of the whole batch."""
    part: int
    parts: int
    in_pairs: bool = False

    def __post_init__(self) -> None:
        if self.images % self._groups or self.images // self._groups < self.parts:
            raise ValueError(f"a batch of {self.images} in {self.parts} parts{', in pairs' if self.in_pairs else ''}")

    @property
    def _groups(self) -> int:
        return 2 if self.in_pairs else 1

    @property
    def size(self) -> int:
        """How many images the part has; of parts that are not equal the first ones have more."""
        return self._groups * len(range(self.part, self.images // self._groups, self.parts))

    @property
    def weight(self) -> float:
        """The part's share of a mean over the batch."""
        return self.size / self.images

    def of(self, batch: Tensor) -> Tensor:
        """The part's images of a batch, (images, …) → (size, …)."""
        if self.parts == 1:
            return batch
        return batch.reshape(self._groups, -1, *batch.shape[1:])[:, self.part :: self.parts].flatten(0, 1)


@dataclass(frozen=True)
class PartDraws(Draws):
    """The draws of a part of a batch: those of its images, of draws for the whole batch.

    The part that asks for a name first draws it for all images, and `whole`, which the parts share, keeps it for the
    others; None: there are no others here. So the parts together see what the whole batch would, drawn in the same
    order, and leave `source` in the same state. Raises `ValueError` where a shape does not begin with the part's
    images, or a name comes twice.
    """

    source: Draws
    share: Share
    whole: dict[str, Tensor] | None = None
    scope: str = ""
    asked: set[str] = field(default_factory=set)

    def _take(self, name: str, shape: tuple[int, ...], draw: Callable[[tuple[int, ...]], Tensor]) -> Tensor:
        key = self.scope + name
        if key in self.asked:
            raise ValueError(f"draw {key!r} is asked for twice in one update: its parts could not be told apart")
        self.asked.add(key)
        if shape[0] != self.share.size:
            raise ValueError(
                f"draw {key!r} of shape {shape}: it should begin with the {self.share.size} images of the part"
            )
        of_batch = (self.share.images, *shape[1:])
        whole = draw(of_batch) if self.whole is None or key not in self.whole else self.whole[key]
        if self.whole is not None:
            self.whole[key] = whole
        if tuple(whole.shape) != of_batch:
            raise ValueError(f"draw {key!r} was {tuple(whole.shape)} for an earlier part, not {of_batch}")
        return self.share.of(whole).contiguous()

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self._take(name, shape, lambda of_batch: self.source.normal(name, of_batch))

    def uniform(self, name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._take(name, shape, lambda of_batch: self.source.uniform(name, of_batch, low, high))

    def integers(self, name: str, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return self._take(name, shape, lambda of_batch: self.source.integers(name, of_batch, low, high))

    def permutations(self, name: str, count: int, length: int) -> Tensor:
        return self._take(name, (count, length), lambda of_batch: self.source.permutations(name, of_batch[0], length))

    def within(self, scope: str) -> PartDraws:
        return replace(self, source=self.source.within(scope), scope=f"{self.scope}{scope}/")


def fresh(source: Draws | torch.Generator | None, like: Tensor) -> Draws:
    """`source` as draws on the device and in the type of `like`: draws as they are, a generator, or torch's own."""
    if isinstance(source, Draws):
        return source
    return FreshDraws(source, like.device, like.dtype)
