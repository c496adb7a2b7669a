"""What the verbs `evaluate`, `select` and `check-noise` do: load, measure, write beside the run, return."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator, Protocol, Resources
from nrgan.evaluation.noise_check import NoiseCheck, check_noise
from nrgan.evaluation.real import Against
from nrgan.evaluation.records import Record
from nrgan.evaluation.selection import Candidate, fid_of, saved_snapshots, select
from nrgan.evaluation.subject import Subject, check_seed, run_of
from nrgan.networks.generator import newest_snapshot
from nrgan.reports.noise_figure import draw_noise
from nrgan.storage import write_json
from nrgan.training.folder import CONFIG, read_config

NOISE_CHECK = "noise-check"


def with_run_defaults(resources: Resources, path: Path) -> Resources:
    """The same, with the data and cache folders that the run at `path` was trained with where none are given."""
    run = run_of(path)
    if not (run / CONFIG).is_file():
        return resources
    try:
        trained = read_config(run)
    except UserError:
        return resources
    if resources.data_root is None and trained.get("data_root"):
        resources = replace(resources, data_root=Path(trained["data_root"]))
    if resources.cache is None and trained.get("cache_dir"):
        resources = replace(resources, cache=Path(trained["cache_dir"]))
    return resources


def usual_comparison(path: Path) -> Against:
    """What samples are compared with unless one says: clean images where there are some, else the noisy ones."""
    return "clean" if Subject.load(path).about.found_setting.corruption.known else "observed"


def evaluate(
    path: Path,
    protocol: Protocol | None = None,
    resources: Resources | None = None,
    setting: str | None = None,
    model: str | None = None,
) -> list[Record]:
    """The figures of a snapshot, or of a run's newest one; measured anew, and added to the run's lines.

    setting, model: instead of what the snapshot says of itself. Raises `UserError`.
    """
    resources = with_run_defaults(resources or Resources(), path)
    subject = Subject.load(path, setting, model)
    subject.pair.to(resources.device)
    evaluator = Evaluator(protocol or Protocol(), subject.about, subject.image_size, resources)
    return evaluator.measure(subject, newest_snapshot(path).name)


@dataclass(frozen=True)
class Selection:
    """The snapshots of a run with their figures, the chosen one, and its regret where clean images tell it."""

    candidates: list[Candidate]
    chosen: Candidate
    regret: float | None


def select_snapshot(
    run: Path,
    protocol: Protocol,
    resources: Resources | None = None,
    by_clean: bool = False,
    show_clean: bool = True,
    until: int | None = None,
) -> Selection:
    """Makes the best of a run's saved snapshots its `best/`: by observed FID, or `by_clean` FID.

    until: leave snapshots of later iterations out.
    Figures that the run's lines hold already are not measured again. Raises `UserError` where there is no snapshot.
    """
    snapshots = saved_snapshots(run, until)
    resources = with_run_defaults(resources or Resources(), run)
    first = Subject.load(snapshots[0])

    def evaluator(against: Against) -> Evaluator:
        own = replace(protocol, metrics=("fid",), against=against)
        return Evaluator(own, first.about, first.image_size, resources)

    observed = evaluator("observed")
    knows_clean = first.about.found_setting.corruption.known
    clean = evaluator("clean") if by_clean or (show_clean and knows_clean) else None
    candidates = [
        Candidate(s, fid_of(observed.evaluate(s)), fid_of(clean.evaluate(s)) if clean else None) for s in snapshots
    ]
    chosen, regret = select(run, candidates, by_clean)
    return Selection(candidates, chosen, regret)


def check_run_noise(path: Path, samples: int, seed: int, resources: Resources | None = None) -> tuple[NoiseCheck, Path]:
    """Compares a model's noise with the truth; writes `noise-check.json` and `.png` beside the run.

    Returns the comparison and the figure's path. Raises `UserError`.
    """
    check_seed(seed)
    if samples < 100:
        raise UserError(f"--samples {samples}: take 100 at least, better 2,000")
    resources = with_run_defaults(resources or Resources(), path)
    subject = Subject.load(path)
    subject.pair.to(resources.device)
    check = check_noise(subject, resources, samples, seed)
    write_json({**asdict(check), "differences": check.differences()}, subject.run / f"{NOISE_CHECK}.json")
    figure = subject.run / f"{NOISE_CHECK}.png"
    draw_noise(check, figure)
    return check, figure
