"""The cells of a table: each a run of its own, trained, its best snapshot chosen, measured. What is done stays done."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nrgan.data import OWN, default_features, open_data
from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.features import load_features
from nrgan.evaluation.measure import select_snapshot
from nrgan.evaluation.metrics import FID
from nrgan.evaluation.protocol import AUTO, Protocol, Resources
from nrgan.evaluation.selection import fid_of, read_chosen, snapshots_to_choose_from
from nrgan.layout import BEST, BEST_SAMPLES, LOCK
from nrgan.pictures import SHOWN, sample_grid, save_picture
from nrgan.runs import Record, SnapshotMetadata, TrainedModel
from nrgan.settings import find_setting
from nrgan.storage import locked
from nrgan.studies.grid import Evaluation
from nrgan.studies.names import images_name
from nrgan.studies.trained import is_trained, iterations_of
from nrgan.training.config import TrainConfig
from nrgan.training.plan import data_choice
from nrgan.training.together import check_count


@dataclass(frozen=True)
class Cell:
    """One run of a table: its figure, or why there is none."""

    config: TrainConfig
    record: Record | None
    chosen_iteration: int = 0
    failure: str = ""


def check_evaluation(configs: list[TrainConfig], evaluation: Evaluation, resources: Resources) -> None:
    """Raises `UserError`, before anything is trained, where the runs could not be measured afterwards.

    The user's own images are read for it, once for each way in which they are read.
    """
    tried = set[Hashable]()
    for config in configs:
        own = find_setting(config.setting).source == OWN
        key = (config.setting, config.data) if own else (_features(config, evaluation), config.resolved_size)
        if key in tried:
            continue
        tried.add(key)
        if own:
            _check_own(config, evaluation, resources)
        else:
            _check_named(config, evaluation, resources)


def _features(config: TrainConfig, evaluation: Evaluation) -> str:
    return default_features(find_setting(config.setting).source) if evaluation.features == AUTO else evaluation.features


def _sample_counts(evaluation: Evaluation) -> dict[str, int]:
    """How many images are generated at once, by the option that says it."""
    names = ("samples",) if evaluation.select == "last" else ("samples", "select_samples")
    return {name: getattr(evaluation, name) for name in names}


def _check_named(config: TrainConfig, evaluation: Evaluation, resources: Resources) -> None:
    features = load_features(_features(config, evaluation), config.resolved_size, resources.cache, resources.preparing)
    fewest = FID.fewest(features.num_features)
    for name, count in _sample_counts(evaluation).items():
        if count < fewest:
            raise UserError(f"[evaluation] {name} {count}: {features.label('fid')} needs {fewest} at least")


def _check_own(config: TrainConfig, evaluation: Evaluation, resources: Resources) -> None:
    data = open_data(data_choice(config), None, resources.cache, resources.preparing)
    if config.schedule.minutes is None:  # else the batch is yet to be chosen
        check_count(config, len(data))
    about = SnapshotMetadata(config.setting, config.model, 0, corrupt=config.data.corrupt)
    for count in _sample_counts(evaluation).values():
        try:
            protocol = replace(evaluation.protocol(config), samples=count)
            Evaluator(protocol, about, data.image_size, resources, data)
        except UserError as error:
            raise UserError(f"{images_name(config.setting)}: could not be measured: {error}") from error


def measure_cells(
    configs: list[TrainConfig], evaluation: Evaluation, resources: Resources, failures: dict[Path, str]
) -> Iterator[Cell]:
    """Chooses and measures the snapshot of each trained run; figures that are there are not made again."""
    evaluators: dict[Hashable, Evaluator] = {}
    for config in configs:
        if config.out in failures or not is_trained(config):
            yield Cell(config, None, failure=failures.get(config.out, "not trained"))
            continue
        try:
            with held(config.out):
                best = choose(config.out, iterations_of(config), evaluation, resources)
                model = TrainedModel.load(best)
                key = (config.setting, config.data, model.image_size)
                if key not in evaluators:
                    evaluators[key] = Evaluator(
                        evaluation.protocol(config),
                        model.about,
                        model.image_size,
                        resources,
                        channels=model.image_channels,
                    )
                record = fid_of(evaluators[key].evaluate(best))
                _show(config.out, best)
            cell = Cell(config, record, model.about.iteration)
        except UserError as error:
            cell = Cell(config, None, failure=str(error))
        yield cell


@contextmanager
def held(run: Path) -> Iterator[None]:
    """The run for this process alone; one that trains it, or measures it too, is waited for."""
    while (lock := locked(run / LOCK)) is None:
        time.sleep(0.5)
    with lock:
        yield


def choose(run: Path, iterations: int, evaluation: Evaluation, resources: Resources) -> Path:
    """The snapshot that counts, by the rule of the grid; a run that has gone on for longer is taken as it was."""
    if evaluation.select == "last":
        return snapshots_to_choose_from(run, iterations)[-1]
    protocol = Protocol(
        samples=evaluation.select_samples, features=evaluation.features, seed=evaluation.seed, against=evaluation.select
    )
    by_clean = evaluation.select == "clean"
    select_snapshot(run, protocol, resources, by_clean, show_clean=False, until=iterations)
    assert read_chosen(run) is not None
    return run / BEST


def _show(run: Path, snapshot: Path) -> None:
    save_picture(sample_grid(TrainedModel.load(snapshot).sample(SHOWN)), run / BEST_SAMPLES)
