"""The verb that measures our own speed: bench."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nrgan.errors import UserError
from nrgan.limits import DEFAULT_SIDE
from nrgan.training.config import PrecisionName, TrainConfig


@dataclass
class Bench:
    """Measure training speed, and its share of the most that the machine can do."""

    model: str = "sinrgan1"
    """Which model to time."""
    batch_size: int = 64
    """Real images in a discriminator update."""
    channels: int = 128
    """Width of the networks."""
    image_size: int = DEFAULT_SIDE
    """Side of the images in pixels."""
    precision: PrecisionName = "auto"
    """Type of the convolutions."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:N or mps."""
    rounds: int = 7
    """How often each is timed; the median counts."""
    packed: int = 1
    """Independent runs at once."""
    json: Path | None = None
    """Where to write the figures."""

    def __post_init__(self) -> None:
        for name in ("rounds", "packed"):
            if getattr(self, name) < 1:
                raise UserError(f"<{name}> {getattr(self, name)}: must be at least 1")

    def config(self) -> TrainConfig:
        """The training to time; raises `UserError` for options that do not go together."""
        return TrainConfig(
            setting="cifar10ag25" if self.image_size == DEFAULT_SIDE else "shapes-ag25",
            model=self.model,
            out=Path("unused"),
            batch_size=self.batch_size,
            channels=self.channels,
            image_size=self.image_size,
            precision=self.precision,
            device=self.device,
        )

    def run(self) -> int:
        from nrgan.bench.command import bench

        return bench(self.config(), self.rounds, self.packed, self.json)
