"""What long work tells whoever waits for it: nobody below the command line prints or draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Advance = Callable[[int], None]
"""Called with the number of steps done since the last call."""
Preparing = Callable[[str, int], Advance]
"""Told of a long preparation (what, how many steps; 0: nobody knows), gives what is called with the steps done."""


def prepared(preparing: Preparing | None, what: str, steps: int) -> Advance:
    """What to call with the steps done, also where nobody listens."""
    return preparing(what, steps) if preparing else lambda _: None


@dataclass(frozen=True)
class Progress:
    """How far a training is; given after every iteration on a CPU, at least at every interval on a GPU."""

    iteration: int
    iterations: int
    losses: dict[str, float] = field(default_factory=dict)
    """Means over the last log interval; empty before the first."""
    images_per_second: float = 0.0
    """Real images seen by the discriminator per second, over the last log interval."""
    logged: bool = False
    """Whether the losses are new."""
    message: str | None = None
    """Something the user should know, said once."""
    metrics: dict[str, float] | None = None
    """The figures of an evaluation that has just been made."""
