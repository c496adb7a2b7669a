"""The lines of figures in a run folder: `metric-fid50k_full.jsonl` and its kin."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nrgan.layout import records_file, records_files
from nrgan.reading import read_lines
from nrgan.storage import append_to, disk_errors


@dataclass(frozen=True)
class Record:
    """The figures of one metric for one snapshot, with everything that one must know to compare them."""

    metric: str
    """Such as fid50k_full, or fid10k_full-observed-cifar10_features; also the name of its file."""
    results: dict[str, float]
    """Figures by name; a name says in which features, unless they are Inception's."""
    iteration: int
    samples: int
    against: str
    features: str
    features_sha256: str
    reference: str
    """Key of the real images' features."""
    reference_count: int
    seed: int
    snapshot: str = ""
    total_time: float = field(default=0.0, compare=False)
    """Seconds."""
    timestamp: float = field(default=0.0, compare=False)
    """Seconds since 1970."""

    def same_question(self, other: Record) -> bool:
        """Whether both answer the same question about the same snapshot."""
        names = ("metric", "iteration", "samples", "against", "features_sha256", "reference", "seed")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    @property
    def titled(self) -> dict[str, float]:
        """The figures by names that say what was compared: `fid`, or of observed samples `fid, observed`."""
        suffix = "" if self.against == "clean" else f", {self.against}"
        return {f"{name}{suffix}": value for name, value in self.results.items()}

    def figure(self, name: str) -> float | None:
        """The figure of a name, in whichever features it was made (see `Features.label`); None where there is none."""
        return next((value for label, value in self.results.items() if label.partition("[")[0] == name), None)


def metric_name(file_name: str, against: str, features: str, standard: bool) -> str:
    """`fid50k_full-observed`: a metric's own name for its file, then what differs from the usual."""
    against = "" if against == "clean" else f"-{against}"
    return file_name + against + ("" if standard else f"-{features}")


def append(folder: Path, record: Record) -> None:
    """Adds a line to the metric's file in the folder."""
    path = records_file(folder, record.metric)
    with disk_errors(path):
        whole = not path.exists() or path.stat().st_size == 0 or path.read_bytes().endswith(b"\n")
        with append_to(path) as file:
            # after half a line that a kill left, a line of its own
            file.write(("" if whole else "\n") + json.dumps(asdict(record)) + "\n")


def read_records(folder: Path) -> list[Record]:
    """All lines of a folder, those of one file in order. Lines that cannot be read, as after a kill, are left out."""
    records = []
    for path in records_files(folder):
        for line in read_lines(path):
            try:
                values: dict[str, Any] = json.loads(line)
                records.append(Record(**values))
            except (ValueError, TypeError, RecursionError):
                continue
    return records
