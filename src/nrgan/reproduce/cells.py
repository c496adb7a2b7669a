"""The cells of a table: each a run of its own, trained, its best snapshot chosen, measured. What is done stays done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator, Protocol, Resources
from nrgan.evaluation.records import Record
from nrgan.evaluation.selection import fid_of, read_chosen, saved_snapshots
from nrgan.evaluation.subject import Subject
from nrgan.measuring import select_snapshot
from nrgan.networks import Generator
from nrgan.pictures import grid as picture_grid
from nrgan.pictures import save_picture
from nrgan.reproduce.grid import Evaluation
from nrgan.training.config import TrainConfig, check_same_run, identity
from nrgan.training.folder import BEST, CONFIG, read_config
from nrgan.training.snapshot import snapshot_folder

_SHOWN = 36
SAMPLES_PICTURE = "best-samples.png"


@dataclass(frozen=True)
class Cell:
    """One run of a table: its figure, or why there is none."""

    config: TrainConfig
    record: Record | None
    chosen_iteration: int = 0
    failure: str = ""


def is_trained(config: TrainConfig) -> bool:
    """Whether the run of this configuration has reached its end. Raises `UserError` where the folder holds another."""
    if not (config.out / CONFIG).exists():
        return False
    check_same_run(read_config(config.out), identity(config), config.out)
    return (snapshot_folder(config.out, config.iterations) / "model.safetensors").is_file()


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
            best = choose(config.out, config.iterations, evaluation, resources)
            subject = Subject.load(best)
            key = (config.setting, config.data_seed)
            if key not in evaluators:
                evaluators[key] = Evaluator(final, subject.about, subject.image_size, resources)
            record = fid_of(evaluators[key].evaluate(best))
            _show(config.out, best)
            yield Cell(config, record, subject.about.iteration)
        except UserError as error:
            yield Cell(config, None, failure=str(error))


def choose(run: Path, iterations: int, evaluation: Evaluation, resources: Resources) -> Path:
    """The snapshot that counts, by the rule of the grid; a run that has gone on for longer is taken as it was."""
    if evaluation.select == "last":
        return saved_snapshots(run, iterations)[-1]
    protocol = Protocol(
        samples=evaluation.select_samples, features=evaluation.features, seed=evaluation.seed, against=evaluation.select
    )
    by_clean = evaluation.select == "clean"
    select_snapshot(run, protocol, resources, by_clean, show_clean=False, until=iterations)
    assert read_chosen(run) is not None
    return run / BEST


def _show(run: Path, snapshot: Path) -> None:
    images = Generator.from_pretrained(snapshot).sample(_SHOWN)
    save_picture(picture_grid(images, columns=6, gap=1), run / SAMPLES_PICTURE)
