"""The features of generated images, by one process, several, or several ranks: the same figures, whoever makes them."""

from __future__ import annotations

import copy
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nrgan.errors import UserError
from nrgan.evaluation.features import Features, extract, load_features
from nrgan.evaluation.metrics import METRICS
from nrgan.evaluation.protocol import Protocol, Resources
from nrgan.networks.sampling import CHUNK
from nrgan.progress import Advance, prepared
from nrgan.runs import TrainedModel

Array = npt.NDArray[Any]
_Part = tuple[Array, Array | None]
_BLOCK = 10 * CHUNK
"""Images generated before their features are taken, and the unit of work of a process."""


@dataclass(frozen=True)
class Generated:
    """How images of a generator are made, and looked at by an extractor."""

    protocol: Protocol
    resources: Resources
    extractor: Features
    choice: str
    """The extractor's name or file: processes load their own."""
    image_size: int
    channels: int

    def features(self, model: TrainedModel) -> tuple[Array, Array | None]:
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
