"""How good a generator is: one protocol, the same figures for everything that is measured by it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nrgan.data import TrainingData, default_features, open_data
from nrgan.errors import UserError
from nrgan.evaluation.features import INCEPTION, load_features, to_batch
from nrgan.evaluation.generated import Generated
from nrgan.evaluation.metrics import METRICS, Metric, Needs, Sets
from nrgan.evaluation.protocol import AUTO, Protocol, Resources
from nrgan.evaluation.real import KeptMoments, Reference, real_images
from nrgan.memory import free_memory, gigabytes
from nrgan.runs import SnapshotMetadata, TrainedModel
from nrgan.runs.records import Record, append, metric_name, read_records


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

    @property
    def generated(self) -> Generated:
        """The other side of every comparison."""
        return Generated(self.protocol, self.resources, self.extractor, self.choice, self.image_size, self.channels)

    def prepare(self) -> None:
        """Computes now what later evaluations need of the real images."""
        self.reference.moments()

    def records(self, model: TrainedModel, snapshot: str = "") -> list[Record]:
        """The figures of a generator, one record a metric."""
        begun = time.monotonic()
        features, logits = self.generated.features(model)
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
