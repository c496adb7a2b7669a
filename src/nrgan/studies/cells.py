"""The cells of a table: each a run of its own, trained, its best snapshot chosen, measured. What is done stays done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nrgan.data import default_features
from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.features import load_features
from nrgan.evaluation.measure import select_snapshot
from nrgan.evaluation.metrics import FID
from nrgan.evaluation.protocol import AUTO, Protocol, Resources
from nrgan.evaluation.selection import fid_of, read_chosen, snapshots_to_choose_from
from nrgan.layout import BEST, BEST_SAMPLES, LOCK, is_snapshot, snapshot_folder
from nrgan.pictures import SHOWN, sample_grid, save_picture
from nrgan.runs import Record, TrainedModel
from nrgan.runs.folder import holds_run, read_document
from nrgan.runs.identity import PRECISION, check_same_run
from nrgan.settings import find_setting
from nrgan.storage import locked
from nrgan.studies.grid import Evaluation
from nrgan.training.config import DEFAULTS, TrainConfig


@dataclass(frozen=True)
class Cell:
    """One run of a table: its figure, or why there is none."""

    config: TrainConfig
    record: Record | None
    chosen_iteration: int = 0
    failure: str = ""


def is_trained(config: TrainConfig) -> bool:
    """Whether the run of this configuration has reached its end. Raises `UserError` where the folder holds another."""
    if not holds_run(config.out):
        return False
    told = config.identity() | {"image_size": config.resolved_size}
    if config.machine.precision == DEFAULTS[PRECISION]:  # it was what was fast where the run was trained
        del told[PRECISION]
    check_same_run(read_document(config.out)["identity"], told, DEFAULTS, config.out)
    return is_snapshot(snapshot_folder(config.out, config.schedule.iterations))


def check_evaluation(configs: list[TrainConfig], evaluation: Evaluation, resources: Resources) -> None:
    """Raises `UserError`, before anything is trained, where the runs could not be measured afterwards."""
    tried = set()
    for config in configs:
        choice, size = evaluation.features, config.resolved_size
        if choice == AUTO:
            choice = default_features(find_setting(config.setting).source)
        if (choice, size) in tried:
            continue
        tried.add((choice, size))
        features = load_features(choice, size, resources.cache, resources.preparing)
        fewest = FID.fewest(features.num_features)
        for name in ("samples", "select_samples"):
            if (count := getattr(evaluation, name)) < fewest and (name == "samples" or evaluation.select != "last"):
                raise UserError(f"[evaluation] {name} {count}: {features.label('fid')} needs {fewest} at least")


def measure_cells(
    configs: list[TrainConfig], evaluation: Evaluation, resources: Resources, failures: dict[Path, str]
) -> Iterator[Cell]:
    """Chooses and measures the snapshot of each trained run; figures that are there are not made again."""
    final = Protocol(("fid",), evaluation.samples, "clean", evaluation.features, evaluation.seed)
    evaluators: dict[tuple[str, int], Evaluator] = {}
    for config in configs:
        if config.out in failures or not is_trained(config):
            yield Cell(config, None, failure=failures.get(config.out, "not trained"))
            continue
        try:
            with held(config.out):
                best = choose(config.out, config.schedule.iterations, evaluation, resources)
                model = TrainedModel.load(best)
                key = (config.setting, config.data.data_seed)
                if key not in evaluators:
                    evaluators[key] = Evaluator(final, model.about, model.image_size, resources)
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
