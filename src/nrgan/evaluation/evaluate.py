"""How good a generator is: one protocol, the same figures for everything that is measured by it."""

from __future__ import annotations

import copy
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nrgan.data import TrainingData, default_features, open_data
from nrgan.errors import UserError, unknown
from nrgan.evaluation.features import INCEPTION, Features, extract, load_features, to_batch
from nrgan.evaluation.metric_names import Against
from nrgan.evaluation.metrics import METRICS, Metric, Needs, Sets
from nrgan.evaluation.real import KeptMoments, Reference, real_images
from nrgan.memory import free_memory, gigabytes
from nrgan.networks.sampling import CHUNK, check_seed
from nrgan.progress import Advance, Preparing, prepared
from nrgan.ranks import ALONE, Ranks
from nrgan.runs import SnapshotMetadata, TrainedModel
from nrgan.runs.records import Record, append, metric_name, read_records

Array = npt.NDArray[Any]
_Part = tuple[Array, Array | None]
AUTO = "auto"
_BLOCK = 10 * CHUNK
"""Images generated before their features are taken, and the unit of work of a process."""


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


class Evaluator:
    """Measures generators trained on one set of images, by one protocol. Real images' features are computed once.

    data: the images, where they are open already; channels: of the images, where they are not.

    Raises `UserError` where the features, the data or the number of samples do not fit.
    """

    def __init__(
        self,
        protocol: Protocol,
        about: SnapshotMetadata,
        image_size: int,
        resources: Resources | None = None,
        data: TrainingData | None = None,
        channels: int = 3,
    ) -> None:
        self.image_size = image_size
        self.channels = channels if data is None else data.channels
        self.resources = resources = resources or Resources()
        choice = protocol.features
        if choice == AUTO:
            choice = default_features(about.found_setting().source)
        self.choice = choice
        self.extractor = load_features(choice, image_size, resources.cache, resources.preparing, self.channels)
        self.extractor.to(resources.device)
        possible = self._possible(with_images=protocol.reference is None)
        self.protocol = protocol = replace(protocol, metrics=protocol.metrics or possible)
        self.reference: Reference | KeptMoments
        if protocol.reference is not None:
            self.reference = KeptMoments(protocol.reference, self.extractor)
        else:
            if data is None:
                chosen = about.data(image_size)
                data = open_data(chosen, resources.data_root, resources.cache, resources.preparing)
            real = real_images(protocol.against, data)
            self.reference = Reference(
                real, self.extractor, resources.cache, resources.batch_size, resources.device, resources.preparing
            )
        self._check()

    def _check(self) -> None:
        """Refuses now what a metric, or the memory, would refuse after all the work."""
        taken = 4 * self.protocol.samples * self.extractor.num_features
        if taken > (free := free_memory()):
            raise UserError(
                f"{self.protocol.samples:,} samples: their features would take {gigabytes(taken)}, and "
                f"{gigabytes(free)} are free; take fewer"
            )
        for metric in METRICS.values():
            if metric.name not in self.protocol.metrics:
                continue
            if metric.needs == "logits":
                self._check_classes(metric)
            else:
                self._check_counts(metric)

    def _check_classes(self, metric: Metric) -> None:
        generated, fewest = self.protocol.samples, metric.fewest(self.extractor.num_features)
        if not self._classifies():
            raise metric.needs_classes(self.extractor.name)
        if generated < fewest:
            raise UserError(f"{generated:,} samples: the {metric.words} needs {fewest} at least")

    def _check_counts(self, metric: Metric) -> None:
        size = self.extractor.num_features
        fewest = metric.fewest(size)
        in_features = f" with {size:,} features" if metric.needs == "moments" else ""
        for count, what in ((self.protocol.samples, "samples"), (self.reference.count, "real images")):
            if count < fewest:
                raise UserError(
                    f"{self.extractor.label(metric.name)}: {count:,} {what} would mean nothing, {fewest:,} are needed "
                    f"at least{in_features}; take more, other features or other metrics"
                )

    def _classifies(self) -> bool:
        seen = self.extractor.channels
        blank = np.zeros((1, self.image_size, self.image_size, seen), np.uint8)
        return self.extractor.logits(to_batch(blank, self.resources.device, seen)) is not None

    def _possible(self, with_images: bool) -> tuple[str, ...]:
        """The metrics that the features can give; with_images: and not only those of kept moments."""
        available: dict[Needs, bool] = {
            "moments": True,
            "features": with_images,
            "logits": self._classifies(),
        }
        return tuple(name for name, metric in METRICS.items() if available[metric.needs])

    def prepare(self) -> None:
        """Computes now what later evaluations need of the real images."""
        self.reference.moments()

    def records(self, model: TrainedModel, snapshot: str = "") -> list[Record]:
        """The figures of a generator, one record a metric."""
        begun = time.monotonic()
        features, logits = self._generated(model)
        sets = Sets(self.reference.moments, self.reference.features, features, logits, self.extractor.name)
        found = []
        for metric in self.protocol.metrics:
            figures = METRICS[metric].compute(sets)
            results = {self.extractor.label(name): value for name, value in figures.items()}
            found.append(self._record(metric, model, snapshot, results, time.monotonic() - begun))
        return found

    def kept(self, run: Path, iteration: int) -> list[Record] | None:
        """The figures that an earlier evaluation by this protocol wrote of an iteration, where all are there."""
        there = read_records(run)
        wanted = [self._question(metric, iteration) for metric in self.protocol.metrics]
        found = [next((r for r in reversed(there) if r.same_question(question)), None) for question in wanted]
        complete = [record for record in found if record is not None]
        return complete if len(complete) == len(wanted) else None

    def evaluate(self, path: Path) -> list[Record]:
        """The figures of a snapshot of a run, from its lines or measured now and added to them."""
        model = TrainedModel.load(path)
        if (kept := self.kept(model.run, model.about.iteration)) is not None:
            return kept
        return self.measure(model.to(self.resources.device), path.name)

    def measure(self, model: TrainedModel, snapshot: str = "") -> list[Record]:
        """The figures of a generator, measured and added to the lines of its run."""
        found = self.records(model, snapshot)
        for record in found:
            append(model.run, record)
        return found

    def _question(self, metric: str, iteration: int) -> Record:
        protocol, extractor = self.protocol, self.extractor
        standard = extractor.name == INCEPTION
        file_name = METRICS[metric].file_name(protocol.samples)
        return Record(
            metric=metric_name(file_name, protocol.against, extractor.name, standard),
            results={},
            iteration=iteration,
            samples=protocol.samples,
            against=protocol.against,
            features=extractor.name,
            features_sha256=extractor.digest,
            reference=self.reference.digest,
            reference_count=self.reference.count,
            seed=protocol.seed,
        )

    def _record(
        self, metric: str, model: TrainedModel, snapshot: str, results: dict[str, float], seconds: float
    ) -> Record:
        question = self._question(metric, model.about.iteration)
        return replace(
            question, results=results, snapshot=snapshot, total_time=round(seconds, 2), timestamp=round(time.time(), 1)
        )

    def _generated(self, model: TrainedModel) -> tuple[Array, Array | None]:
        """Features and logits of the generated images, in their order."""
        protocol, resources = self.protocol, self.resources
        what = f"{self.extractor.name} features of generated images"
        advance = prepared(resources.preparing, what, protocol.samples)
        blocks = self._blocks()
        if resources.processes > 1:
            parts = self._in_processes(model, blocks, advance)
        else:
            shares = resources.ranks.gathered(self._own_parts(model, blocks, advance))
            parts = [shares[k % len(shares)][k // len(shares)] for k in range(len(blocks))]
        features = np.concatenate([part[0] for part in parts])
        logits = [part[1] for part in parts if part[1] is not None]
        return features, np.concatenate(logits) if logits else None

    def help(self, model: TrainedModel) -> None:
        """This rank's share of what the first one measures."""
        blocks = self._blocks()
        self.resources.ranks.gathered(self._own_parts(model, blocks, lambda _: None))

    def _blocks(self) -> list[tuple[int, int]]:
        """The first image, and how many, of each unit of work."""
        samples = self.protocol.samples
        return [(first, min(_BLOCK, samples - first)) for first in range(0, samples, _BLOCK)]

    def _own_parts(self, model: TrainedModel, blocks: list[tuple[int, int]], advance: Advance) -> list[_Part]:
        """Of every block in turn, those that are this rank's."""
        resources, parts = self.resources, []
        for k, (first, n) in enumerate(blocks):
            if k % resources.ranks.count == resources.ranks.number:
                parts.append(_features_of(model, self.extractor, self.protocol, resources.batch_size, first, n))
            advance(n)
        return parts

    def _in_processes(self, model: TrainedModel, blocks: list[tuple[int, int]], advance: Advance) -> list[_Part]:
        """The same, the blocks shared out among processes."""
        resources = self.resources
        on_cpu = replace(model, pair=copy.deepcopy(model.pair).cpu())
        # the display stays here
        job = _Job(
            on_cpu, self.choice, self.image_size, self.channels, self.protocol, replace(resources, preparing=None)
        )
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(resources.processes, context, _begin_worker, (job, context.Value("i", 0))) as pool:
            futures = {pool.submit(_work, first, n): n for first, n in blocks}
            try:
                for future in as_completed(futures):
                    future.result()
                    advance(futures[future])
            except BrokenProcessPool as error:
                raise UserError("a process that generated images has died; take fewer <processes>") from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)  # of no effect where all are done
            return [future.result() for future in futures]


def _features_of(
    model: TrainedModel, extractor: Features, protocol: Protocol, batch_size: int, first: int, n: int
) -> _Part:
    images = model.images(protocol.seed, n, protocol.against == "observed", first)
    classify = any(METRICS[name].needs == "logits" for name in protocol.metrics)
    return extract(extractor, np.concatenate(list(images)), batch_size, model.device, classify)


@dataclass(frozen=True)
class _Job:
    """What a worker process needs; TorchScript extractors do not travel, so that each loads its own."""

    model: TrainedModel
    features: str
    image_size: int
    channels: int
    protocol: Protocol
    resources: Resources


class _Worker:
    """A worker process's own model and extractor, on its own device."""

    job: _Job
    model: TrainedModel
    extractor: Features


def _begin_worker(job: _Job, counter: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one decides
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    device = job.resources.device
    if device.type == "cuda":
        device = torch.device("cuda", number % torch.cuda.device_count())
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // job.resources.processes))
    _Worker.job = job
    _Worker.model = job.model.to(device)
    extractor = load_features(job.features, job.image_size, job.resources.cache, channels=job.channels)
    _Worker.extractor = extractor.to(device)


def _work(first: int, n: int) -> _Part:
    job = _Worker.job
    return _features_of(_Worker.model, _Worker.extractor, job.protocol, job.resources.batch_size, first, n)
