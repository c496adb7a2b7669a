"""What is measured and how, and where it is computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from nrgan.errors import UserError, unknown
from nrgan.evaluation.metric_names import Against
from nrgan.evaluation.metrics import METRICS
from nrgan.networks.sampling import check_seed
from nrgan.progress import Preparing
from nrgan.ranks import ALONE, Ranks

AUTO = "auto"


@dataclass(frozen=True)
class Protocol:
    """What is measured and how: figures are comparable where all of this is the same."""

    metrics: tuple[str, ...] = ()
    """Names in `METRICS`; empty: all that the features can give."""
    samples: int = 50_000
    """Generated images."""
    against: Against = "clean"
    features: str = AUTO
    """A name in `FEATURES` or a TorchScript file; auto: what the data source names."""
    seed: int = 0
    """Of the generated images and their noise."""
    reference: Path | None = None
    """Kept moments (`.npz`) to compare with, instead of the real images."""

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if metric not in METRICS:
                raise unknown("metric", metric, METRICS, listed=False)
        if self.samples < 2:
            raise UserError(f"<samples> {self.samples}: metrics compare sets of images")
        check_seed(self.seed)


@dataclass(frozen=True)
class Resources:
    """Where data and caches lie and where to compute; none of it changes a figure."""

    data_root: Path | None = None
    cache: Path | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int = 100
    """Images that go through the feature extractor at once."""
    processes: int = 1
    """Processes that generate; each takes a GPU in turn where there are several."""
    preparing: Preparing | None = None
    ranks: Ranks = ALONE
    """Who generates together, each some of the images; the first one measures."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "processes"):
            if (value := getattr(self, name)) < 1:
                raise UserError(f"<{name}> {value}: must be 1 at least")
        if self.processes > 1 and self.ranks.count > 1:
            raise UserError(f"<processes> {self.processes}: {self.ranks.count} ranks generate already; leave it out")
