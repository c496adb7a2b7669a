"""What a run tells whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

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
